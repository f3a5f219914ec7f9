"""The same for tools beside CloudFormation: OpenAPI extension, CDK (Python), Terraform, Serverless Framework."""

from lambda_authorizer.cli.snippets import FORMATS, Wish

_INVOCATIONS = "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def openapi(wish: Wish) -> str | None:
    """Return the security scheme of an OpenAPI document; only REST and HTTP APIs are described by one."""
    end = wish.front_end
    if end.family not in {"rest", "http"}:
        return None
    _, partition, _, region = (wish.arn or "arn:aws:lambda:REGION").split(":")[:4]
    uri = _INVOCATIONS.format(partition=partition, region=region, arn=wish.arn or "FUNCTION_ARN")
    if end.family == "rest":
        kind = end.kind.lower()
        source = "" if kind == "token" else "        identitySource: method.request.header.Authorization\n"
        keys = "x-amazon-apigateway-api-key-source: AUTHORIZER\n" if "tier" in end.parameter else ""
        body = f"        type: {kind}\n{source}"
    else:
        keys = ""
        listed = "".join(f"\n          - {one}" for one in wish.http_sources)
        simple = str(end.kind == "simple").lower()
        body = (
            f"        type: request\n        identitySource:{listed}\n"
            f'        authorizerPayloadFormatVersion: "2.0"\n        enableSimpleResponses: {simple}\n'
        )
    return f"""{keys}components:
  securitySchemes:
    LambdaAuthorizer:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer:
{body}        authorizerResultTtlInSeconds: {wish.ttl}
        authorizerUri: {uri}
# on each operation (a root-level `security` is ignored on import):
#   security:
#     - LambdaAuthorizer: []
"""


def cdk(wish: Wish) -> str:
    """Return the lines of a CDK stack in Python."""
    end = wish.front_end
    arn = f'"{wish.arn}"'
    if wish.arn is None:
        arn = f'ssm.StringParameter.value_for_string_parameter(self, "{wish.parameter}")'
    function = f"""authorizer_arn = {arn}
authorizer_function = lambda_.Function.from_function_attributes(
    self, "AuthorizerFunction", function_arn=authorizer_arn, same_environment=True
)
"""
    ssm = "from aws_cdk import aws_ssm as ssm\n" if wish.arn is None else ""
    imports = f"from aws_cdk import Duration\nfrom aws_cdk import aws_lambda as lambda_\n{ssm}"
    if end.family == "rest":
        token = end.kind == "TOKEN"
        source = (
            'identity_source="method.request.header.Authorization"'
            if token
            else 'identity_sources=[apigateway.IdentitySource.header("Authorization")]'
        )
        keyed = "\n# RestApi(..., api_key_source_type=apigateway.ApiKeySourceType.AUTHORIZER)"
        keyed = keyed if "tier" in end.parameter else ""
        return f"""{imports}from aws_cdk import aws_apigateway as apigateway

{function}authorizer = apigateway.{"TokenAuthorizer" if token else "RequestAuthorizer"}(
    self,
    "LambdaAuthorizer",
    handler=authorizer_function,
    {source},
    results_cache_ttl=Duration.seconds({wish.ttl}),
)
# RestApi(..., default_method_options=apigateway.MethodOptions(authorizer=authorizer))
# add_cors_preflight(...) keeps OPTIONS without it{keyed}
"""
    if end.family == "http":
        answer = "SIMPLE" if end.kind == "simple" else "IAM"
        listed = ", ".join(f'"{one}"' for one in wish.http_sources)
        return f"""{imports}from aws_cdk import aws_apigatewayv2_authorizers as authorizers

{function}authorizer = authorizers.HttpLambdaAuthorizer(
    "LambdaAuthorizer",
    authorizer_function,
    response_types=[authorizers.HttpLambdaResponseType.{answer}],
    identity_source=[{listed}],
    results_cache_ttl=Duration.seconds({wish.ttl}),
)
# HttpApi(..., default_authorizer=authorizer)
"""
    if end.family == "websocket":
        return f"""{imports.partition(chr(10))[2]}from aws_cdk import aws_apigatewayv2_authorizers as authorizers

{function}authorizer = authorizers.WebSocketLambdaAuthorizer(
    "LambdaAuthorizer", authorizer_function, identity_source=["route.request.querystring.token"]
)
# WebSocketApi(..., connect_route_options=WebSocketRouteOptions(integration=..., authorizer=authorizer))
"""
    if end.family == "graphql":
        return f"""{imports}from aws_cdk import aws_appsync as appsync

{function}mode = appsync.AuthorizationMode(
    authorization_type=appsync.AuthorizationType.LAMBDA,
    lambda_authorizer_config=appsync.LambdaAuthorizerConfig(
        handler=authorizer_function, results_cache_ttl=Duration.seconds({wish.ttl})
    ),
)
# GraphqlApi(..., authorization_config=appsync.AuthorizationConfig(default_authorization=mode))
"""
    return f"""{imports}from aws_cdk import aws_appsync as appsync

{function}provider = appsync.AppSyncAuthProvider(
    authorization_type=appsync.AppSyncAuthorizationType.LAMBDA,
    lambda_authorizer_config=appsync.AppSyncLambdaAuthorizerConfig(
        handler=authorizer_function, results_cache_ttl=Duration.seconds({wish.ttl})
    ),
)
# EventApi(..., authorization_config=appsync.EventApiAuthConfig(auth_providers=[provider]))
"""


def terraform(wish: Wish) -> str:
    """Return the resources of the Terraform AWS provider."""
    end, name = wish.front_end, wish.api
    if wish.arn is None:
        head = f'data "aws_ssm_parameter" "authorizer" {{\n  name = "{wish.parameter}"\n}}\n\n'
        arn = "data.aws_ssm_parameter.authorizer.value"
    else:
        head, arn = "", f'"{wish.arn}"'
    head += f'data "aws_lambda_function" "authorizer" {{\n  function_name = {arn}\n}}\n\n'
    if end.family == "rest":
        return f"""{head}resource "aws_api_gateway_authorizer" "lambda" {{
  name                             = "lambda-authorizer"
  rest_api_id                      = aws_api_gateway_rest_api.{name}.id
  type                             = "{end.kind}"
  identity_source                  = "method.request.header.Authorization"
  authorizer_result_ttl_in_seconds = {wish.ttl}
  authorizer_uri                   = data.aws_lambda_function.authorizer.invoke_arn
}}

{_grant("apigateway.amazonaws.com", _rest_source(name))}
# on each aws_api_gateway_method: authorization = "CUSTOM", authorizer_id = aws_api_gateway_authorizer.lambda.id
# and a new aws_api_gateway_deployment
"""
    if end.family in {"http", "websocket"}:
        http = end.family == "http"
        sources = wish.http_sources if http else ["route.request.querystring.token"]
        listed = ", ".join(f'"{one}"' for one in sources)
        more = (
            f"""
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = {str(end.kind == "simple").lower()}
  authorizer_result_ttl_in_seconds  = {wish.ttl}"""
            if http
            else ""
        )
        return f"""{head}resource "aws_apigatewayv2_authorizer" "lambda" {{
  name                              = "lambda-authorizer"
  api_id                            = aws_apigatewayv2_api.{name}.id
  authorizer_type                   = "REQUEST"
  identity_sources                  = [{listed}]{more}
  authorizer_uri                    = data.aws_lambda_function.authorizer.invoke_arn
}}

{_grant("apigateway.amazonaws.com", _v2_source(name))}
# on {"each route" if http else "the route $connect"}: authorization_type = "CUSTOM",
# authorizer_id = aws_apigatewayv2_authorizer.lambda.id
"""
    if end.family == "graphql":
        return f"""{head}resource "aws_appsync_graphql_api" "{name}" {{
  name                = "{name}"
  authentication_type = "AWS_LAMBDA"

  lambda_authorizer_config {{
    authorizer_uri                   = data.aws_lambda_function.authorizer.arn
    authorizer_result_ttl_in_seconds = {wish.ttl}
  }}
}}

{_grant("appsync.amazonaws.com", f"aws_appsync_graphql_api.{name}.arn")}"""
    return f"""{head}resource "aws_appsync_api" "{name}" {{
  name = "{name}"

  event_config {{
    auth_provider {{
      auth_type = "AWS_LAMBDA"
      lambda_authorizer_config {{
        authorizer_uri                   = data.aws_lambda_function.authorizer.arn
        authorizer_result_ttl_in_seconds = {wish.ttl}
      }}
    }}
    connection_auth_mode {{
      auth_type = "AWS_LAMBDA"
    }}
    default_publish_auth_mode {{
      auth_type = "AWS_LAMBDA"
    }}
    default_subscribe_auth_mode {{
      auth_type = "AWS_LAMBDA"
    }}
  }}
}}

{_grant("appsync.amazonaws.com", f"aws_appsync_api.{name}.api_arn")}"""


def _rest_source(name: str) -> str:
    authorizer = "${aws_api_gateway_authorizer.lambda.id}"
    return f'"${{aws_api_gateway_rest_api.{name}.execution_arn}}/authorizers/{authorizer}"'


def _v2_source(name: str) -> str:
    authorizer = "${aws_apigatewayv2_authorizer.lambda.id}"
    return f'"${{aws_apigatewayv2_api.{name}.execution_arn}}/authorizers/{authorizer}"'


def _grant(principal: str, source: str) -> str:
    return f"""resource "aws_lambda_permission" "authorizer" {{
  action        = "lambda:InvokeFunction"
  function_name = data.aws_lambda_function.authorizer.function_name
  principal     = "{principal}"
  source_arn    = {source}
}}
"""


def serverless(wish: Wish) -> str | None:
    """Return the lines of a serverless.yml; Event APIs have no place there."""
    end = wish.front_end
    arn = f"${{ssm:{wish.parameter}}}" if wish.arn is None else wish.arn
    if end.family == "rest":
        keys = "provider:\n  apiGateway:\n    apiKeySourceType: AUTHORIZER\n" if "tier" in end.parameter else ""
        private = "\n          private: true" if keys else ""
        return f"""{keys}functions:
  orders:
    # handler as you have it
    events:
      - http:
          path: orders/{{id}}
          method: get{private}
          authorizer:
            name: lambda-authorizer
            arn: {arn}
            type: {end.kind.lower()}
            identitySource: method.request.header.Authorization
            resultTtlInSeconds: {wish.ttl}
"""
    if end.family == "http":
        listed = "".join(f"\n          - {one}" for one in wish.http_sources)
        return f"""provider:
  httpApi:
    authorizers:
      lambdaAuthorizer:
        type: request
        functionArn: {arn}
        payloadVersion: "2.0"
        enableSimpleResponses: {str(end.kind == "simple").lower()}
        resultTtlInSeconds: {wish.ttl}
        identitySource:{listed}
functions:
  orders:
    # handler as you have it
    events:
      - httpApi:
          path: /orders/{{id}}
          method: get
          authorizer:
            name: lambdaAuthorizer
"""
    if end.family == "websocket":
        return f"""functions:
  connect:
    # handler as you have it
    events:
      - websocket:
          route: $connect
          authorizer:
            name: lambda-authorizer
            arn: {arn}
            identitySource:
              - route.request.querystring.token
"""
    if end.family == "graphql":
        return f"""# with serverless-appsync-plugin
appSync:
  name: {wish.api}
  authentication:
    type: AWS_LAMBDA
    config:
      functionArn: {arn}
      authorizerResultTtlInSeconds: {wish.ttl}
"""
    return None


ALL = {**FORMATS, "openapi": openapi, "cdk": cdk, "terraform": terraform, "serverless": serverless}
