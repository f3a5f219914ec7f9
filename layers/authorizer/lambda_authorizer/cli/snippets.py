"""The exact lines that put an authorizer of this toolkit in front of an API, for each way of describing APIs.

Laws: TTL, identity sources, payload version and simple answers are written out even where they are the default,
because two defaults that drift apart are how a cached answer goes wrong; every snippet carries the invoke
permission that its tool does not make by itself.
Source: gateway developer guides, SAM and CloudFormation references, the AWS CDK API reference, the Terraform AWS
provider's documentation, the Serverless Framework's guide.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class FrontEnd(NamedTuple):
    """One kind of API and what its authorizer needs."""

    label: str
    parameter: str  # last part of the SSM parameter that holds the function's ARN
    family: str  # rest http websocket graphql events
    kind: str  # REST: TOKEN or REQUEST
    ttl: int
    owner: tuple[str, ...]  # what is left to do, in words


_REST_OWNER = (
    "put the authorizer on every method (AuthorizationType CUSTOM), or make it the default",
    "make a new deployment of the stage: a REST API serves the old definition until then",
    "set the function's ResultTtl to the same number of seconds",
)
_HTTP_OWNER = (
    "put the authorizer on every route; a $default route without it stays open",
    "set the function's HttpApiResultTtl to the same number of seconds",
)
_APPSYNC_OWNER = (
    "an API has one Lambda authorizer; with a second auth mode, give the token a prefix that no JWT has",
    "fields of types that have another mode keep that mode",
)

FRONT_ENDS: Mapping[str, FrontEnd] = {
    "rest-token": FrontEnd("REST API, TOKEN", "token-authorizer-arn", "rest", "TOKEN", 300, _REST_OWNER),
    "rest-request": FrontEnd("REST API, REQUEST", "request-authorizer-arn", "rest", "REQUEST", 300, _REST_OWNER),
    "rest-tier": FrontEnd(
        "REST API with tiers",
        "tier-authorizer-arn",
        "rest",
        "REQUEST",
        300,
        (*_REST_OWNER, "set ApiKeySourceType AUTHORIZER, ApiKeyRequired on the methods, and attach a usage plan"),
    ),
    "http": FrontEnd("HTTP API, simple answers", "http-api-authorizer-arn", "http", "simple", 0, _HTTP_OWNER),
    "http-policy": FrontEnd("HTTP API, policies", "request-authorizer-arn", "http", "policy", 0, _HTTP_OWNER),
    "websocket": FrontEnd(
        "WebSocket API",
        "websocket-authorizer-arn",
        "websocket",
        "REQUEST",
        0,
        (
            "put the authorizer on $connect, the only route that is authorized, and deploy the stage",
            "set the function's AUTHORIZER_CREDENTIAL to query:token: a browser cannot set headers here",
        ),
    ),
    "appsync": FrontEnd("AppSync GraphQL", "appsync-authorizer-arn", "graphql", "", 0, _APPSYNC_OWNER),
    "appsync-events": FrontEnd("AppSync Events", "appsync-authorizer-arn", "events", "", 0, _APPSYNC_OWNER[:1]),
}


class Wish(NamedTuple):
    """What the caller of `attach` asked for."""

    front_end: FrontEnd
    arn: str | None  # of the function; None: the SSM parameter of the stack
    stack: str
    api: str  # logical id or id of the API
    ttl: int

    @property
    def parameter(self) -> str:
        """The SSM parameter that holds the function's ARN."""
        return f"/{self.stack}/{self.front_end.parameter}"

    @property
    def http_sources(self) -> list[str]:
        """Identity sources of an HTTP API; under a TTL the route must be one of them."""
        sources = ["$request.header.Authorization"]
        return [*sources, "$context.routeKey"] if self.ttl and self.front_end.kind == "simple" else sources


_URI = (
    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${AuthorizerArn}/invocations"
)


def sam(wish: Wish) -> str:
    """Return the lines of a SAM template."""
    end, name = wish.front_end, wish.api
    head = _parameter(wish)
    if end.family == "rest":
        kind = "" if end.kind == "TOKEN" else "            FunctionPayloadType: REQUEST\n"
        source = "Header: Authorization" if end.kind == "TOKEN" else "Headers: [Authorization]"
        keys = "      ApiKeySourceType: AUTHORIZER\n" if "tier" in end.parameter else ""
        plan = (
            "        ApiKeyRequired: true\n        AddApiKeyRequiredToCorsPreflight: false\n"
            "        UsagePlan: {CreateUsagePlan: PER_API}\n"
            if keys
            else ""
        )
        return f"""{head}Resources:
  {name}:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
{keys}      Auth:
        DefaultAuthorizer: LambdaAuthorizer
        AddDefaultAuthorizerToCorsPreflight: false
{plan}        Authorizers:
          LambdaAuthorizer:
            FunctionArn: !Ref AuthorizerArn
{kind}            Identity:
              {source}
              ReauthorizeEvery: {wish.ttl}
"""
    if end.family == "http":
        context = "              Context: [routeKey]\n" if len(wish.http_sources) > 1 else ""
        return f"""{head}Resources:
  {name}:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: LambdaAuthorizer
        Authorizers:
          LambdaAuthorizer:
            FunctionArn: !Ref AuthorizerArn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: {str(end.kind == "simple").lower()}
            EnableFunctionDefaultPermissions: true
            Identity:
              Headers: [Authorization]
{context}              ReauthorizeEvery: {wish.ttl}
"""
    if end.family == "websocket":
        return f"""{head}Resources:
  {name}:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      # Name, RouteSelectionExpression and Routes as you have them
      Auth:
        AuthType: CUSTOM
        AuthArn: !Ref AuthorizerArn
        IdentitySource: [route.request.querystring.token]
"""
    if end.family == "graphql":
        return f"""{head}Resources:
  {name}:
    Type: AWS::Serverless::GraphQLApi
    Properties:
      Auth:
        Type: AWS_LAMBDA
        LambdaAuthorizer:
          AuthorizerUri: !Ref AuthorizerArn
          AuthorizerResultTtlInSeconds: {wish.ttl}
"""
    return cloudformation(wish)


def cloudformation(wish: Wish) -> str:
    """Return the lines of a plain CloudFormation template."""
    end, name = wish.front_end, wish.api
    head = _parameter(wish)
    if end.family == "rest":
        return f"""{head}Resources:
  LambdaAuthorizer:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref {name}
      Name: lambda-authorizer
      Type: {end.kind}
      IdentitySource: method.request.header.Authorization
      AuthorizerResultTtlInSeconds: {wish.ttl}
      AuthorizerUri: !Sub {_URI}
{_permission("apigateway.amazonaws.com", _source_arn(name))}
  # on each AWS::ApiGateway::Method:
  #   AuthorizationType: CUSTOM
  #   AuthorizerId: !Ref LambdaAuthorizer
"""
    if end.family in {"http", "websocket"}:
        http = end.family == "http"
        sources = wish.http_sources if http else ["route.request.querystring.token"]
        listed = "".join(f"\n        - {source}" for source in sources)
        more = (
            f'\n      AuthorizerPayloadFormatVersion: "2.0"\n      EnableSimpleResponses: '
            f"{str(end.kind == 'simple').lower()}\n      AuthorizerResultTtlInSeconds: {wish.ttl}"
            if http
            else ""
        )
        where = "each AWS::ApiGatewayV2::Route" if http else "the AWS::ApiGatewayV2::Route with RouteKey $connect"
        return f"""{head}Resources:
  LambdaAuthorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref {name}
      Name: lambda-authorizer
      AuthorizerType: REQUEST
      IdentitySource:{listed}{more}
      AuthorizerUri: !Sub {_URI}
{_permission("apigateway.amazonaws.com", _source_arn(name))}
  # on {where}:
  #   AuthorizationType: CUSTOM
  #   AuthorizerId: !Ref LambdaAuthorizer
"""
    if end.family == "graphql":
        return f"""{head}Resources:
  {name}:
    Type: AWS::AppSync::GraphQLApi
    Properties:
      Name: {name}
      AuthenticationType: AWS_LAMBDA
      LambdaAuthorizerConfig:
        AuthorizerUri: !Ref AuthorizerArn
        AuthorizerResultTtlInSeconds: {wish.ttl}
{_permission("appsync.amazonaws.com", f"!GetAtt {name}.Arn")}"""
    return f"""{head}Resources:
  {name}:
    Type: AWS::AppSync::Api
    Properties:
      Name: {name}
      EventConfig:
        AuthProviders:
          - AuthType: AWS_LAMBDA
            LambdaAuthorizerConfig:
              AuthorizerUri: !Ref AuthorizerArn
              AuthorizerResultTtlInSeconds: {wish.ttl}
        ConnectionAuthModes: [{{AuthType: AWS_LAMBDA}}]
        DefaultPublishAuthModes: [{{AuthType: AWS_LAMBDA}}]
        DefaultSubscribeAuthModes: [{{AuthType: AWS_LAMBDA}}]
{_permission("appsync.amazonaws.com", f"!GetAtt {name}.ApiArn")}"""


def _parameter(wish: Wish) -> str:
    kind = "AWS::SSM::Parameter::Value<String>" if wish.arn is None else "String"
    return f"""Parameters:
  AuthorizerArn:
    Type: {kind}
    Default: {wish.parameter if wish.arn is None else wish.arn}
"""


def _permission(principal: str, source: str) -> str:
    return f"""  AllowAuthorizerCall:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref AuthorizerArn
      Principal: {principal}
      SourceArn: {source}
"""


def _source_arn(api: str) -> str:
    authorizer = "authorizers/${LambdaAuthorizer}"
    return f"!Sub arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}/{authorizer}"


FORMATS: dict[str, Callable[[Wish], str]] = {"sam": sam, "cloudformation": cloudformation}
