"""What the command line reads out of OpenAPI documents."""

import pytest

from lambda_authorizer.cli.inputs import Api, read_openapi
from lambda_authorizer.errors import ConfigurationError

REST = """
openapi: 3.0.1
info: {title: orders}
x-amazon-apigateway-api-key-source: authorizer
x-amazon-apigateway-policy: {Version: 2012-10-17, Statement: []}
x-amazon-apigateway-endpoint-configuration: {vpcEndpointIds: [vpce-1]}
security: [{token: []}]
components:
  securitySchemes:
    key: {type: apiKey, name: x-api-key, in: header}
    token:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "arn:…"}
    request:
      type: apiKey
      name: Unused
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer:
        {type: request, identitySource: "method.request.header.Authorization, method.request.querystring.v",
         authorizerResultTtlInSeconds: 0}
    pool:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authorizer: {type: cognito_user_pools}
    sigv4: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
    odd: {type: apiKey, name: a, in: header, x-amazon-apigateway-authorizer: {type: magic}}
paths:
  /orders:
    parameters: []
    get: {security: [{token: []}]}
    post: {security: [{request: [orders:write], key: []}]}
    options: {x-amazon-apigateway-integration: {type: mock}}
    delete: {security: [{odd: []}]}
  /orders/{id}:
    x-amazon-apigateway-any-method: {security: [{pool: []}]}
    get: {security: [{sigv4: []}]}
    put: {security: [{nowhere: []}]}
    patch: {security: [], x-amazon-apigateway-auth: {type: AWS_IAM}}
"""

HTTP = """
openapi: "3.1.0"
info: {title: items}
paths:
  $default: {x-amazon-apigateway-any-method: {}}
  /items: {get: {security: [{simple: []}]}, post: {security: [{jwt: [a, b]}]}}
components:
  securitySchemes:
    simple:
      type: apiKey
      x-amazon-apigateway-authorizer:
        type: request
        identitySource: [$request.header.Authorization, $context.routeKey]
        authorizerPayloadFormatVersion: 2.0
        authorizerResultTtlInSeconds: 60
        enableSimpleResponses: true
    jwt: {type: oauth2, x-amazon-apigateway-authorizer: {type: jwt}}
"""

PLAIN = """
swagger: "2.0"
info: {title: plain}
securityDefinitions: {oauth: {type: oauth2}}
paths: {/a: {get: {security: [{oauth: [read, write]}]}, head: {}}}
"""


def _only(text: str) -> Api:
    return read_openapi(text, file="api.yaml").apis[0]


def test_rest_document_routes_and_guards() -> None:
    """Every operation gets the guard that API Gateway enforces; an API key alone is none."""
    api = _only(REST)
    assert api.kind == "rest"
    assert {route.text: (route.guard, route.authorizer) for route in api.routes} == {
        "GET /orders": ("lambda", "token"),
        "POST /orders": ("lambda", "request"),
        "OPTIONS /orders": ("none", None),
        "DELETE /orders": ("unknown", "odd"),
        "ANY /orders/{id}": ("cognito", "pool"),
        "GET /orders/{id}": ("iam", "sigv4"),
        "PUT /orders/{id}": ("unknown", "nowhere"),
        "PATCH /orders/{id}": ("iam", None),
    }
    post = next(route for route in api.routes if route.method == "POST")
    assert (post.scopes, post.api_key) == (("orders:write",), True)


def test_rest_document_switches() -> None:
    """Key source, resource policy and private endpoint come from the extensions."""
    api = _only(REST)
    assert (api.key_source, api.resource_policy, api.private) == ("AUTHORIZER", True, True)


def test_rest_document_authorizers() -> None:
    """A TOKEN authorizer reads its scheme's header under 300 s; a REQUEST one what it lists."""
    authorizers = _only(REST).authorizers
    assert (authorizers["token"].sources, authorizers["token"].ttl) == (("header:X-Token",), 300)
    assert authorizers["request"].sources == ("header:Authorization", "query:v")
    assert authorizers["request"].ttl == 0
    assert "key" not in authorizers


def test_root_security_is_no_guard() -> None:
    """API Gateway ignores root-level security: a method that relies on it is open, and that is said."""
    assert _only(REST).notes == ("OPTIONS /orders relies on the root-level `security`, which API Gateway ignores",)


def test_http_document_is_recognised() -> None:
    """An HTTP API's extensions give payload version, simple answers and route key."""
    api = _only(HTTP)
    simple = api.authorizers["simple"]
    assert api.kind == "http"
    assert (simple.payload, simple.simple, simple.ttl) == ("2.0", True, 60)
    assert simple.sources == ("header:Authorization", "context:routeKey")
    assert {route.text: route.guard for route in api.routes} == {
        "ANY $default": "none",
        "GET /items": "lambda",
        "POST /items": "jwt",
    }


def test_a_plain_document_declares_scopes() -> None:
    """Without extensions the scheme is declared, not enforced; its scopes still serve `init`."""
    api = _only(PLAIN)
    assert [(route.text, route.guard, route.scopes) for route in api.routes] == [
        ("GET /a", "declared", ("read", "write")),
        ("HEAD /a", "none", ()),
    ]
    assert api.authorizers == {}


@pytest.mark.parametrize("text", ["openapi: '4.0'\npaths: {}", "a: 1", "[]", "{"])
def test_no_document_is_said(text: str) -> None:
    """Anything that is no OpenAPI document is a configuration error."""
    with pytest.raises(ConfigurationError, match=r"api\.yaml"):
        read_openapi(text, file="api.yaml")
