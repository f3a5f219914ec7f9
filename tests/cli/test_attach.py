"""`lambda-authorizer attach`: snippets that say what they must, read back by what reads templates."""

import ast
from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import Run

from lambda_authorizer.cli.inputs import GatewayAuthorizer, read_openapi, read_template

ARN = "arn:aws-cn:lambda:cn-north-1:123456789012:function:authorizer:live"
FRONT_ENDS = (
    "rest-token",
    "rest-request",
    "rest-tier",
    "http",
    "http-policy",
    "websocket",
    "appsync",
    "appsync-events",
)
# What a plain CloudFormation snippet stands beside.
BESIDE = {
    "rest": "  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n",
    "http": "  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: HTTP}}\n",
    "websocket": "  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: WEBSOCKET,"
    " RouteSelectionExpression: $request.body.action}}\n",
}


def _template(style: str, front_end: str, text: str) -> str:
    beside = BESIDE.get(front_end.split("-", maxsplit=1)[0], "") if style == "cloudformation" else ""
    return text + beside


def _authorizer(text: str) -> tuple[GatewayAuthorizer, str]:
    (api,) = read_template(text, file="t.yaml").apis
    (authorizer,) = api.authorizers.values()
    return authorizer, api.kind


@pytest.mark.parametrize("style", ["sam", "cloudformation"])
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_templates_say_ttl_sources_and_kind(lambda_authorizer: Run, style: str, front_end: str) -> None:
    """What the snippet says is what `check` reads out of it."""
    ttl = () if front_end == "websocket" else ("--ttl", "120")
    result = lambda_authorizer("attach", front_end, "--as", style, *ttl)
    assert result.code == 0, result.err
    authorizer, kind = _authorizer(_template(style, front_end, result.out))
    expected = {"rest": "rest", "http": "http", "websocket": "websocket", "appsync": "graphql"}
    family = front_end.split("-", maxsplit=1)[0]
    assert kind == ("events" if front_end == "appsync-events" else expected[family])
    if ttl:
        assert authorizer.ttl == 120
    if family in {"rest", "http"}:
        assert "header:Authorization" in authorizer.sources
    assert authorizer.kind == {"rest-token": "token"}.get(
        front_end, "appsync" if family == "appsync" else "request"
    )
    if family == "http":
        assert (authorizer.payload, authorizer.simple) == ("2.0", front_end == "http")
        assert ("context:routeKey" in authorizer.sources) == (front_end == "http")
    assert authorizer.invoke_permission is True


def test_a_tier_authorizer_brings_its_key_source(lambda_authorizer: Run) -> None:
    """Without key source, required key and plan a usage key does nothing."""
    (api,) = read_template(lambda_authorizer("attach", "rest-tier").out, file="t.yaml").apis
    assert (api.key_source, api.usage_plan) == ("AUTHORIZER", True)
    assert (
        "x-amazon-apigateway-api-key-source: AUTHORIZER"
        in lambda_authorizer("attach", "rest-tier", "--as", "openapi").out
    )


@pytest.mark.parametrize("front_end", ["rest-token", "rest-request", "rest-tier", "http", "http-policy"])
def test_openapi_extension_is_read_back(lambda_authorizer: Run, front_end: str) -> None:
    """The scheme reads as the authorizer it is, and names the partition and region of the function."""
    text = lambda_authorizer("attach", front_end, "--as", "openapi", "--function-arn", ARN, "--ttl", "60").out
    assert f"arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/{ARN}/invocations" in text
    paths = "paths: {/a: {get: {security: [{LambdaAuthorizer: []}]}}}"
    document = f"openapi: 3.0.1\ninfo: {{title: a}}\n{paths}\n{text}"
    (api,) = read_openapi(document, file="a.yaml").apis
    authorizer = api.authorizers["LambdaAuthorizer"]
    assert (api.kind, authorizer.ttl) == (front_end.split("-", maxsplit=1)[0], 60)
    assert api.routes[0].guard == "lambda"


@pytest.mark.parametrize("arn", [(), ("--function-arn", ARN)])
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_other_tools_get_whole_snippets(lambda_authorizer: Run, front_end: str, arn: tuple[str, ...]) -> None:
    """CDK is Python that parses, Terraform has its braces closed, Serverless is YAML; each names the function."""
    where = ARN if arn else "/lambda-authorizer/"
    cdk = lambda_authorizer("attach", front_end, "--as", "cdk", *arn).out
    ast.parse(cdk)
    terraform = lambda_authorizer("attach", front_end, "--as", "terraform", *arn).out
    assert terraform.count("{") == terraform.count("}")
    serverless = lambda_authorizer("attach", front_end, "--as", "serverless", *arn)
    if front_end == "appsync-events":
        assert serverless.code == 2
    else:
        assert isinstance(yaml.safe_load(serverless.out), dict)
        assert where in serverless.out
    assert where in cdk
    assert where in terraform


def test_what_is_left_to_do_is_said_beside_the_snippet(lambda_authorizer: Run) -> None:
    """A REST API needs a new deployment; the snippet itself stays clean for a pipe."""
    result = lambda_authorizer("attach", "rest-token")
    assert "note: make a new deployment of the stage" in result.err
    assert result.out.startswith("Parameters:")


@pytest.mark.parametrize(
    "arguments",
    [
        ("rest-token", "--ttl", "3601"),
        ("rest-token", "--ttl", "-1"),
        ("websocket", "--ttl", "10"),
        ("rest-token", "--api", "a b"),
        ("rest-token", "--stack", "a/b"),
        ("rest-token", "--function-arn", "arn:aws:s3:::bucket"),
        ("appsync", "--as", "openapi"),
    ],
)
def test_what_no_api_takes_is_refused(lambda_authorizer: Run, arguments: tuple[str, ...]) -> None:
    """Values that would end up in a template are checked first."""
    result = lambda_authorizer("attach", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: command line: --")


@pytest.mark.slow
def test_cfn_lint_accepts_every_template(lambda_authorizer: Run, tmp_path: Path) -> None:
    """The snippets are valid SAM and CloudFormation, not only YAML."""
    from cfnlint import ManualArgs
    from cfnlint.api import lint_file

    for style in ("sam", "cloudformation"):
        for front_end in FRONT_ENDS:
            if front_end == "websocket" and style == "sam":
                continue  # its Routes are the owner's
            text = _template(style, front_end, lambda_authorizer("attach", front_end, "--as", style).out)
            head = "Transform: AWS::Serverless-2016-10-31\n" if style == "sam" else ""
            path = tmp_path / f"{style}-{front_end}.yaml"
            path.write_text(head + text, encoding="utf-8")
            matches = lint_file(path, config=ManualArgs(regions=["us-east-1"]))
            found = [str(match) for match in matches if match.rule.id.startswith("E")]
            assert found == [], front_end
