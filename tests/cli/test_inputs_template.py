"""What the command line reads out of SAM and CloudFormation templates."""
# ruff: noqa: E501 - one resource a line reads better than one property a line

import pytest

from lambda_authorizer.cli.inputs import Api, Document, read_template
from lambda_authorizer.errors import ConfigurationError

SAM = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Ttl: {Type: Number, Default: 60}
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Api:
    Cors: "'*'"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: !Ref Stage
      ApiKeySourceType: AUTHORIZER
      Auth:
        DefaultAuthorizer: Tokens
        ApiKeyRequired: true
        UsagePlan: {CreateUsagePlan: PER_API}
        Authorizers:
          Tokens:
            FunctionArn: !GetAtt Authorizer.Arn
            Identity: {ReauthorizeEvery: !Ref Ttl}
          Requests:
            FunctionPayloadType: REQUEST
            FunctionArn: !GetAtt Authorizer.Arn
            Identity:
              Headers: [Authorization]
              QueryStrings: [tenant]
              Context: [identity.sourceIp]
          Pool: {UserPoolArn: !GetAtt Users.Arn}
  Authorizer:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {AUTHORIZER_RESULT_TTL: !Ref Ttl, SECRET: !Ref Users, TRACE: true}}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Read:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /orders/{id}
            Method: get
        Write:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /orders
            Method: post
            Auth: {Authorizer: Requests, AuthorizationScopes: [orders:write]}
        Health:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /health
            Method: any
            Auth: {Authorizer: NONE, ApiKeyRequired: false}
        Other:
          Type: Api
          Properties: {RestApiId: abc123, Path: /else, Method: get}
  Implicit:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Http:
          Type: HttpApi
        Rest:
          Type: Api
          Properties: {Path: /implicit, Method: get}
  ProdOnly:
    Type: AWS::Serverless::HttpApi
    Condition: IsProd
"""

HTTP = """
Resources:
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: ["*"]}
      Auth:
        DefaultAuthorizer: Simple
        Authorizers:
          Simple:
            FunctionArn: !Sub "${Authorizer.Arn}"
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            Identity: {Headers: [Authorization], Context: [routeKey], ReauthorizeEvery: 30}
          Own: {FunctionArn: !GetAtt Authorizer.Arn, AuthorizerPayloadFormatVersion: 1.0}
          Allowed:
            FunctionArn: !GetAtt Authorizer.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableFunctionDefaultPermissions: true
          Jwt: {JwtConfiguration: {issuer: "https://i.example", audience: [a]}}
  Authorizer: {Type: AWS::Serverless::Function, Properties: {}}
  Socket:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      Auth: {AuthType: CUSTOM, AuthArn: !GetAtt Authorizer.Arn, IdentitySource: [route.request.querystring.token]}
      Routes: {$connect: {FunctionArn: !GetAtt Authorizer.Arn}}
  Graph:
    Type: AWS::Serverless::GraphQLApi
    Properties:
      SchemaInline: |
        # type Query { no: Int }
        type Query { orders(first: Int = 3): [Order!]! me: User }
        extend type Query { health: String }
        type Order { id: ID }
        type Mutation {
          "cancels one: for good"
          cancel(id: ID!): Order
        }
      Auth:
        Type: AMAZON_COGNITO_USER_POOLS
        Additional:
          - Type: AWS_LAMBDA
            LambdaAuthorizer: {AuthorizerUri: !GetAtt Authorizer.Arn, AuthorizerResultTtlInSeconds: 60}
"""

CLASSIC = """
Resources:
  Rest:
    Type: AWS::ApiGateway::RestApi
    Properties:
      ApiKeySourceType: HEADER
      EndpointConfiguration: {Types: [PRIVATE]}
      Policy: {Statement: []}
  OrdersPath: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId, PathPart: orders}}
  OrderPath: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Rest, ParentId: !Ref OrdersPath, PathPart: "{id}"}}
  Guard:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref Rest
      Type: REQUEST
      IdentitySource: method.request.header.Authorization, context.identity.sourceIp
      AuthorizerUri: !Sub arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations
  Fn: {Type: AWS::Lambda::Function, Properties: {}}
  Permission: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Fn, Principal: apigateway.amazonaws.com}}
  GetOrder: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref Rest, ResourceId: !Ref OrderPath, HttpMethod: GET, AuthorizationType: CUSTOM, AuthorizerId: !Ref Guard, ApiKeyRequired: true}}
  Open: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref Rest, ResourceId: !Ref OrdersPath, HttpMethod: GET}}
  Preflight: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref Rest, ResourceId: !Ref OrdersPath, HttpMethod: OPTIONS, Integration: {Type: MOCK}}}
  Lost: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref Rest, ResourceId: !ImportValue elsewhere, HttpMethod: GET}}
  Plan: {Type: AWS::ApiGateway::UsagePlan, Properties: {ApiStages: [{ApiId: !Ref Rest, Stage: p}]}}
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Default: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: $default}}
  Items: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: GET /items, AuthorizationType: CUSTOM, AuthorizerId: !Ref HttpGuard}}
  HttpGuard:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties: {ApiId: !Ref Http, AuthorizerType: REQUEST, AuthorizerPayloadFormatVersion: "2.0", EnableSimpleResponses: true, IdentitySource: ["$request.header.Authorization"], AuthorizerUri: !GetAtt Fn.Arn}
  Socket: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}
  Connect: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Socket, RouteKey: $connect, AuthorizationType: NONE}}
  Message: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Socket, RouteKey: message}}
  Graph: {Type: AWS::AppSync::GraphQLApi, Properties: {AuthenticationType: AWS_LAMBDA, LambdaAuthorizerConfig: {AuthorizerUri: !GetAtt Fn.Arn}}}
  Resolver: {Type: AWS::AppSync::Resolver, Properties: {ApiId: !GetAtt Graph.ApiId, TypeName: Query, FieldName: items}}
  Events:
    Type: AWS::AppSync::Api
    Properties:
      EventConfig:
        AuthProviders: [{AuthType: AWS_LAMBDA, LambdaAuthorizerConfig: {AuthorizerUri: !GetAtt Fn.Arn}}]
        ConnectionAuthModes: [{AuthType: AWS_LAMBDA}]
        DefaultPublishAuthModes: [{AuthType: AWS_LAMBDA}]
        DefaultSubscribeAuthModes: [{AuthType: API_KEY}]
  News: {Type: AWS::AppSync::ChannelNamespace, Properties: {ApiId: !GetAtt Events.ApiId, Name: news}}
"""


def _api(document: Document, name: str) -> Api:
    return next(api for api in document.apis if api.name == name)


def _routes(api: Api) -> dict[str, tuple[str, str | None]]:
    return {route.text: (route.guard, route.authorizer) for route in api.routes}


def test_sam_rest_routes_take_the_default_authorizer_unless_an_event_says_otherwise() -> None:
    """An event's own authorizer wins, `NONE` opens, and an event for another API is left out."""
    api = _api(read_template(SAM, file="t.yaml"), "Api")
    routes = _routes(api)
    assert routes["GET /orders/{id}"] == ("lambda", "Tokens")
    assert routes["POST /orders"] == ("lambda", "Requests")
    assert routes["ANY /health"] == ("none", None)
    assert "GET /else" not in routes
    scopes = {route.text: route.scopes for route in api.routes}
    assert scopes["POST /orders"] == ("orders:write",)


def test_sam_puts_the_default_authorizer_on_preflight() -> None:
    """SAM's default makes OPTIONS need a token; the reading shows it, and shows it gone when it is switched off."""
    routes = _routes(_api(read_template(SAM, file="t.yaml"), "Api"))
    assert routes["OPTIONS /orders"] == ("lambda", "Tokens")
    assert "OPTIONS /health" not in routes, "ANY already answers it"
    off = SAM.replace(
        "DefaultAuthorizer: Tokens",
        "DefaultAuthorizer: Tokens\n        AddDefaultAuthorizerToCorsPreflight: false",
    )
    assert _routes(_api(read_template(off, file="t.yaml"), "Api"))["OPTIONS /orders"] == ("none", None)


def test_sam_authorizers_are_read_with_their_cache_key_and_ttl() -> None:
    """A parameter's default gives the TTL, a given value wins, and REST's own default is 300 s."""
    authorizers = _api(read_template(SAM, file="t.yaml"), "Api").authorizers
    assert authorizers["Tokens"][:5] == ("Tokens", "lambda", "token", ("header:Authorization",), 60)
    assert authorizers["Tokens"].function == "Authorizer"
    assert authorizers["Requests"].sources == (
        "header:Authorization",
        "query:tenant",
        "context:identity.sourceIp",
    )
    assert authorizers["Requests"].ttl == 300
    assert authorizers["Pool"].guard == "cognito"
    given = read_template(SAM, file="t.yaml", parameters={"Ttl": "0"})
    assert _api(given, "Api").authorizers["Tokens"].ttl == 0


def test_sam_keys_and_plans_are_read() -> None:
    """Key source, required keys and the usage plan decide whether a usage key does anything."""
    api = _api(read_template(SAM, file="t.yaml"), "Api")
    assert (api.key_source, api.usage_plan) == ("AUTHORIZER", True)
    assert {route.text: route.api_key for route in api.routes if route.path != "/health"} == {
        "GET /orders/{id}": True,
        "POST /orders": True,
        "OPTIONS /orders/{id}": True,
        "OPTIONS /orders": True,
    }


def test_implicit_apis_and_conditions() -> None:
    """Events without an API make SAM's implicit ones; a resource whose condition is false does not exist."""
    document = read_template(SAM, file="t.yaml")
    assert [api.name for api in document.apis] == ["Api", "ServerlessRestApi", "ServerlessHttpApi"]
    assert _routes(_api(document, "ServerlessHttpApi")) == {"ANY $default": ("none", None)}
    assert _routes(_api(document, "ServerlessRestApi"))["GET /implicit"] == ("none", None)
    production = read_template(SAM, file="t.yaml", parameters={"Stage": "prod"})
    assert "ProdOnly" in [api.name for api in production.apis]


def test_environment_holds_only_what_the_file_tells() -> None:
    """A variable that refers to a resource is not guessed."""
    environment = read_template(SAM, file="t.yaml").environments["Authorizer"]
    assert environment == {"AUTHORIZER_RESULT_TTL": "60", "TRACE": "true"}


def test_an_unknown_condition_is_read_and_said() -> None:
    """Nothing is dropped silently: a condition that only the deployment knows is named."""
    document = read_template(
        SAM.replace("Stage: {Type: String, Default: dev}", "Stage: {Type: String}"), file="t.yaml"
    )
    assert document.notes == ("condition IsProd of ProdOnly is not known here; it is read as true",)
    assert "ProdOnly" in [api.name for api in document.apis]


def test_http_api_authorizers() -> None:
    """Payload version, simple answers, sources and the missing invoke permission of an HTTP API."""
    api = _api(read_template(HTTP, file="t.yaml"), "Http")
    simple, own = api.authorizers["Simple"], api.authorizers["Own"]
    assert (simple.payload, simple.simple, simple.ttl) == ("2.0", True, 30)
    assert simple.sources == ("header:Authorization", "context:routeKey")
    assert (own.payload, own.simple, own.ttl) == ("1.0", False, 0)
    assert simple.invoke_permission is False
    assert api.authorizers["Allowed"].invoke_permission is True
    assert api.authorizers["Jwt"].guard == "jwt"
    assert api.cors is True


def test_websocket_and_graphql_of_sam() -> None:
    """Of a WebSocket API `$connect` counts; of a GraphQL API every root field of the schema."""
    document = read_template(HTTP, file="t.yaml")
    socket, graph = _api(document, "Socket"), _api(document, "Graph")
    assert _routes(socket) == {"$connect": ("lambda", "Authorizer")}
    assert socket.authorizers["Authorizer"].sources == ("query:token",)
    assert list(_routes(graph)) == ["Query.orders", "Query.me", "Query.health", "Mutation.cancel"]
    assert graph.fields_known is True
    assert graph.authorizers["AWS_LAMBDA"].ttl == 60
    assert graph.authorizers["AWS_LAMBDA"].invoke_permission is True, "SAM makes the permission itself"


def test_classic_rest_api() -> None:
    """Paths are walked up to the root; a private API and its resource policy are seen; the unreadable is said."""
    api = _api(read_template(CLASSIC, file="t.yaml"), "Rest")
    assert _routes(api) == {
        "GET /orders/{id}": ("lambda", "Guard"),
        "GET /orders": ("none", None),
        "OPTIONS /orders": ("none", None),
    }
    assert api.authorizers["Guard"].sources == ("header:Authorization", "context:identity.sourceIp")
    assert (api.authorizers["Guard"].ttl, api.authorizers["Guard"].function) == (300, "Fn")
    assert api.authorizers["Guard"].invoke_permission is True
    assert (api.private, api.resource_policy, api.usage_plan, api.key_source) == (True, True, True, "HEADER")
    assert api.notes == ("the path of Lost is not in this file",)
    assert [route.preflight for route in api.routes] == [False, False, True]


def test_classic_v2_and_appsync() -> None:
    """HTTP, WebSocket, GraphQL and Events APIs of plain CloudFormation."""
    document = read_template(CLASSIC, file="t.yaml")
    assert _routes(_api(document, "Http")) == {
        "ANY $default": ("none", None),
        "GET /items": ("lambda", "HttpGuard"),
    }
    assert _api(document, "Http").authorizers["HttpGuard"].simple is True
    assert _routes(_api(document, "Socket")) == {"$connect": ("none", None)}
    graph = _api(document, "Graph")
    assert _routes(graph) == {"Query.items": ("lambda", "AWS_LAMBDA")}
    assert graph.fields_known is False, "resolvers alone do not name every field"
    assert _routes(_api(document, "Events")) == {
        "CONNECT": ("lambda", "AWS_LAMBDA"),
        "PUBLISH /news/{channel+}": ("lambda", "AWS_LAMBDA"),
        "SUBSCRIBE /news/{channel+}": ("unknown", None),
    }


def test_an_included_definition_is_read_through_the_reader() -> None:
    """`AWS::Include` and a file name are opened by the caller's reader; without the file a note says so."""
    template = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      Auth: {DefaultAuthorizer: T, Authorizers: {T: {FunctionArn: "arn:aws:lambda:eu-west-1:1:function:f"}}}
      DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}}
  Other: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: other.yaml}}
"""
    files = {"api.yaml": "openapi: 3.0.1\npaths: {/a: {get: {}, post: {security: []}}}"}

    def read(name: str) -> str:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    document = read_template(template, file="t.yaml", read=read)
    assert _routes(_api(document, "Api")) == {"GET /a": ("lambda", "T"), "POST /a": ("lambda", "T")}
    assert _api(document, "Other").notes == ("its definition other.yaml cannot be read",)
    alone = read_template(template, file="t.yaml")
    assert _api(alone, "Api").notes == ("its definition is not in this file",)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("- a", "file: found list"),
        ("a: 1", "Resources: found nothing"),
        ("Resources: {A: {}, A: {}}", "1: file: found key 'A' twice"),
        ("Resources: [", "file: found"),
        ("Resources: {A: &a [*a]}", "file: found"),
        ("? [a]\n: 1", "file: found"),
    ],
)
def test_no_template_is_said_with_file_and_line(template: str, expected: str) -> None:
    """Anything that is no template ends in a configuration error, never in a traceback."""
    with pytest.raises(ConfigurationError) as caught:
        read_template(template, file="t.yaml")
    assert expected in str(caught.value)


def test_intrinsics_resolve_as_far_as_the_file_tells() -> None:
    """Join, Select, Split, FindInMap, If and Sub give values; what only a deployment knows stays unread."""
    template = """
Parameters: {Env: {Type: String, Default: dev}, List: {Type: CommaDelimitedList, Default: "a, b"}}
Mappings: {Ttl: {dev: {Seconds: 7}}}
Conditions:
  Dev: !And [!Equals [!Ref Env, dev], !Not [!Equals [!Ref Env, prod]]]
  Any: !Or [!Condition Dev, !Equals [!Ref AWS::Region, x]]
Resources:
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Environment:
        Variables:
          JOIN: !Join ["-", [a, !Ref Env]]
          SELECT: !Select [1, !Ref List]
          SPLIT: !Select [0, !Split [".", "x.y"]]
          MAP: !FindInMap [Ttl, !Ref Env, Seconds]
          IF: !If [Any, "yes", !Ref AWS::NoValue]
          GONE: !If [Dev, !Ref AWS::NoValue, "x"]
          SUB: !Sub ["${Env}-${Own}-${!Kept}", {Own: 1}]
          REGION: !Sub "${AWS::Region}"
          UNKNOWN: !ImportValue x
"""
    assert read_template(template, file="t.yaml").environments["Fn"] == {
        "JOIN": "a-dev",
        "SELECT": "b",
        "SPLIT": "x",
        "MAP": "7",
        "IF": "yes",
        "SUB": "dev-1-${Kept}",
    }


def test_a_schema_in_a_file_gives_every_root_field() -> None:
    """SAM's SchemaUri and CloudFormation's location are read beside the template; a broken schema is not believed."""
    template = """
Resources:
  Graph: {Type: AWS::Serverless::GraphQLApi, Properties: {SchemaUri: schema.graphql, Auth: {Type: AWS_IAM}}}
  Plain: {Type: AWS::AppSync::GraphQLApi, Properties: {AuthenticationType: AWS_IAM}}
  Schema: {Type: AWS::AppSync::GraphQLSchema, Properties: {ApiId: !GetAtt Plain.ApiId, DefinitionS3Location: schema.graphql}}
"""
    for text, fields in (
        ("type Query { a: Int b(c: Int): D } type D { e: Int }", ["Query.a", "Query.b"]),
        ("type {", []),
    ):
        document = read_template(template, file="t.yaml", read={"schema.graphql": text}.__getitem__)
        for name in ("Graph", "Plain"):
            assert list(_routes(_api(document, name))) == fields
            assert _api(document, name).fields_known is bool(fields)
    assert _api(read_template(template, file="t.yaml"), "Graph").fields_known is False
