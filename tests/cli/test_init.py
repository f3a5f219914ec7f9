"""`lambda-authorizer init`: a first rules file that opens nothing that was closed."""

import io
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from lambda_authorizer.cli.export import exported
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import parse_rules

OPENAPI = """
openapi: 3.0.1
info: {title: orders}
components:
  securitySchemes:
    oidc: {type: openIdConnect, openIdConnectUrl: "https://id.example/.well-known/openid-configuration"}
    iam: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
paths:
  /orders: {get: {security: [{oidc: ["orders:read"]}]}, post: {security: [{oidc: ["orders:write"]}]}}
  /orders/{id}: {get: {security: [{oidc: ["orders:read"]}]}, delete: {security: [{oidc: []}]}}
  /health: {get: {security: []}, options: {}}
  /internal: {post: {security: [{iam: []}]}}
  $default: {x-amazon-apigateway-any-method: {security: [{oidc: []}]}}
"""

TEMPLATE = """
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt: {JwtConfiguration: {issuer: "https://pool.example", audience: [client-1, client-2]}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Read:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: get, Path: "/a/{id}", Auth: {AuthorizationScopes: [read]}}
"""


def test_security_scopes_become_rules(lambda_authorizer: Run, folder: Path) -> None:
    """Routes with the same scopes share a rule; what is open or guarded otherwise stays as a comment."""
    (folder / "api.yaml").write_text(OPENAPI, encoding="utf-8")
    result = lambda_authorizer("init", "--openapi", "api.yaml")
    assert result.code == 0
    rules = parse_rules(result.out, file="r.toml", environment={"AUDIENCE": "a"})
    assert {rule.name: [rules.routes[target.route].text for target in rule.targets] for rule in rules.rules} == {
        "orders:read": ["GET /orders", "GET /orders/{id}"],
        "orders:write": ["POST /orders"],
        "any signed-in caller": ["DELETE /orders/{id}"],
    }
    assert rules.issuers[0].url == "https://id.example"
    assert "# open to everybody, no authorizer is asked: GET /health" in result.out
    assert "# guarded by iam, not by an authorizer: POST /internal" in result.out
    assert "# a rule cannot name this: ANY $default" in result.out
    assert "OPTIONS" not in result.out


def test_a_template_gives_issuer_and_audience(lambda_authorizer: Run, folder: Path) -> None:
    """The gateway's own JWT authorizer says whom to trust."""
    (folder / "t.yaml").write_text(TEMPLATE, encoding="utf-8")
    result = lambda_authorizer("init", "--template", "t.yaml")
    rules = parse_rules(result.out, file="r.toml", environment={})
    assert (rules.issuers[0].url, rules.issuers[0].audiences) == ("https://pool.example", ("client-1", "client-2"))
    assert [route.text for route in rules.routes] == ["GET /a/{id}"]


def test_the_draft_passes_check_against_its_own_document(lambda_authorizer: Run, folder: Path) -> None:
    """What init writes, check accepts: no route without a rule, no rule without a route."""
    (folder / "t.yaml").write_text(TEMPLATE, encoding="utf-8")
    assert lambda_authorizer("init", "--template", "t.yaml", "-o", "drafted.toml").code == 0
    assert lambda_authorizer("check", "drafted.toml").code == 0


def test_a_file_that_is_there_is_not_written_over(lambda_authorizer: Run, folder: Path) -> None:
    """Somebody's rules are not lost by a second init."""
    (folder / "api.yaml").write_text(OPENAPI, encoding="utf-8")
    before = (folder / "rules.toml").read_text(encoding="utf-8")
    refused = lambda_authorizer("init", "--openapi", "api.yaml", "-o", "rules.toml")
    assert (refused.code, "a file that is there already" in refused.err) == (2, True)
    assert (folder / "rules.toml").read_text(encoding="utf-8") == before
    assert lambda_authorizer("init", "--openapi", "api.yaml", "-o", "rules.toml", "--force").code == 0
    assert lambda_authorizer("init", "--openapi", "api.yaml", "-o", "nowhere/rules.toml").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--openapi", "a", "--template", "b"),
        ("--openapi", "nowhere"),
        ("--arn", "arn:aws:s3:::b"),
        ("--template", "open.yaml"),
    ],
)
def test_nothing_to_draft_from_is_said(lambda_authorizer: Run, folder: Path, arguments: tuple[str, ...]) -> None:
    """No document, two documents, no route that needs a credential: exit code 2."""
    (folder / "open.yaml").write_text("Resources: {Q: {Type: AWS::SQS::Queue}}", encoding="utf-8")
    result = lambda_authorizer("init", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")


class FakeAws:
    """The two calls of the AWS SDK that export an API."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.fails = fails

    def client(self, service: str, region: str) -> "FakeAws":
        """Return itself for any service."""
        self.asked.append((service, region))
        return self

    def get_export(self, **wanted: object) -> dict[str, object]:
        """Export a REST API."""
        self.asked.append((str(wanted["restApiId"]), str(wanted["stageName"])))
        return {"body": io.BytesIO(OPENAPI.encode())}

    def export_api(self, **wanted: object) -> dict[str, object]:
        """Export an HTTP API, or fail."""
        if self.fails:
            raise PermissionError("secret words")
        self.asked.append((str(wanted["ApiId"]), str(wanted.get("StageName"))))
        return {"body": OPENAPI.encode()}


def test_an_arn_is_exported_through_the_sdk() -> None:
    """REST and HTTP APIs have an export each; region, API and stage come from the ARN."""
    aws = FakeAws()
    assert exported("arn:aws-cn:apigateway:cn-north-1::/restapis/a1/stages/live", aws.client) == OPENAPI
    assert exported("arn:aws:apigateway:eu-west-1::/apis/b2", aws.client) == OPENAPI
    assert aws.asked == [
        ("apigateway", "cn-north-1"),
        ("a1", "live"),
        ("apigatewayv2", "eu-west-1"),
        ("b2", "None"),
    ]


def test_an_export_that_fails_names_the_error_only() -> None:
    """The SDK's message may hold account details; its class name is enough."""
    with pytest.raises(ConfigurationError) as caught:
        exported("arn:aws:apigateway:eu-west-1::/apis/b2", FakeAws(fails=True).client)
    assert "AWS answered PermissionError" in str(caught.value)
    assert "secret words" not in str(caught.value)
    with pytest.raises(ConfigurationError):
        exported("arn:aws:apigateway:eu-west-1::/restapis/b2", FakeAws().client)
