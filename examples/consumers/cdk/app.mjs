// An authorizer of one's own on the published layer, with CDK. `npm install && npx cdk deploy --app "node app.mjs"`
import { App, Duration, Stack } from 'aws-cdk-lib';
import { LambdaIntegration, RestApi, TokenAuthorizer } from 'aws-cdk-lib/aws-apigateway';
import { Architecture, Code, Function, LayerVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';

const app = new App();
const stack = new Stack(app, 'Orders');

const layerArn = StringParameter.valueForStringParameter(stack, '/lambda-authorizer/layer-arn');
const authorizer = new Function(stack, 'Authorizer', {
  runtime: Runtime.PYTHON_3_13,
  architecture: Architecture.ARM_64,
  memorySize: 512,
  timeout: Duration.seconds(8),
  code: Code.fromAsset('../authorizer'),
  handler: 'app.lambda_handler',
  layers: [LayerVersion.fromLayerVersionArn(stack, 'Toolkit', layerArn)],
  environment: {
    ISSUER: app.node.tryGetContext('issuer') ?? 'https://id.example.com/',
    AUDIENCE: app.node.tryGetContext('audience') ?? 'https://api.example.com',
    AUTHORIZER_RESULT_TTL: '300',
  },
});

const backend = new Function(stack, 'Backend', {
  runtime: Runtime.PYTHON_3_13,
  architecture: Architecture.ARM_64,
  code: Code.fromInline('def handler(event, context):\n    return {"statusCode": 200, "body": "orders"}\n'),
  handler: 'index.handler',
});

const api = new RestApi(stack, 'Api', {
  defaultIntegration: new LambdaIntegration(backend),
  defaultMethodOptions: {
    // The same number as AUTHORIZER_RESULT_TTL.
    authorizer: new TokenAuthorizer(stack, 'Toolkit-TOKEN', { handler: authorizer, resultsCacheTtl: Duration.seconds(300) }),
  },
});
const orders = api.root.addResource('orders');
orders.addMethod('GET');
orders.addResource('{order}').addMethod('GET');

app.synth();
