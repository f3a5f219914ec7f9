"""Events that others publish: SAM CLI's samples, and the shapes of Powertools' fixtures, told in our own words."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.authorizer_parts import Bench

from lambda_authorizer.authorizer import Unauthorized
from lambda_authorizer.errors import EventError
from lambda_authorizer.request.event import parse_event
from lambda_authorizer.testing import iam

ROOT = Path(__file__).resolve().parents[1]
SAM = ROOT / "tools" / "sam"
has_sam = pytest.mark.skipif(
    not (ROOT / ".tools" / "sam").exists(), reason="SAM CLI is not installed: `make build` does it"
)


def sample(name: str) -> dict[str, Any]:
    """Return the event that `sam local generate-event apigateway NAME` prints."""
    done = subprocess.run(
        [str(SAM), "local", "generate-event", "apigateway", name],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    event: dict[str, Any] = json.loads(done.stdout)
    return event


@has_sam
def test_sams_token_sample_is_read_and_its_token_refused():
    """Its path is a template, its token none."""
    event = sample("authorizer")
    request = parse_event(event)
    assert (request.kind, request.method, request.path) == ("token", "POST", "/{proxy+}")
    bench = Bench()
    with pytest.raises(Unauthorized):
        bench.handle(event)
    assert bench.telemetry.last["reason"] == "malformed_token"


@has_sam
def test_sams_request_sample_is_read_and_its_header_found():
    """Headers without a multi-value map, a client certificate, no Authorization."""
    event = sample("request-authorizer")
    request = parse_event(event)
    assert (request.kind, request.path, request.route_key) == ("request", "/request", "GET /request")
    assert request.headers["headerauth1"] == ("headerValue1",)
    assert request.query == {"QueryString1": ("queryValue1",)}
    assert request.client_certificate is not None
    assert request.client_certificate.subject == "www.example.com"
    with pytest.raises(Unauthorized):
        Bench().handle(event)
    bench = Bench(environ={"AUTHORIZER_CREDENTIAL": "header:HeaderAuth1"})
    event["headers"]["HeaderAuth1"] = bench.token()
    assert not iam.evaluate(bench.handle(event)["policyDocument"], event["methodArn"]).allowed


@has_sam
@pytest.mark.parametrize("name", ["aws-proxy", "http-api-proxy"])
def test_sams_proxy_samples_are_no_authorizer_events(name):
    """They are what a backend gets: a function attached in the wrong place says so."""
    with pytest.raises(EventError):
        parse_event(sample(name))


# The HTTP API authorizer event of Powertools' fixtures: cookies, several identity sources, a stage of its own.
HTTP_2: dict[str, Any] = {
    "version": "2.0",
    "type": "REQUEST",
    "routeArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/orders/7",
    "identitySource": ["user1", "123"],
    "routeKey": "$default",
    "rawPath": "/test/orders/7",
    "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
    "cookies": ["cookie1", "session=abc"],
    "headers": {"Header1": "value1", "Header2": "value2"},
    "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "abcdef123",
        "authentication": {
            "clientCert": {
                "clientCertPem": "CERT_CONTENT",
                "subjectDN": "www.example.com",
                "issuerDN": "Example issuer",
                "serialNumber": "1",
                "validity": {"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2021 GMT"},
            }
        },
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "http": {
            "method": "GET",
            "path": "/test/orders/7",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "id",
        "routeKey": "$default",
        "stage": "test",
        "time": "12/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    },
    "pathParameters": {"parameter1": "value1"},
    "stageVariables": {"stageVariable1": "value1"},
}
# The AppSync authorizer event of Powertools' fixtures: no headers, variables empty.
APPSYNC: dict[str, Any] = {
    "authorizationToken": "BE9DC5E3-D410-4733-AF76-70178092E681",
    "requestContext": {
        "apiId": "giy7kumfmvcqvbedntjwjvagii",
        "accountId": "254688921111",
        "requestId": "b80ed838-14c6-4500-b4c3-b694c7bef086",
        "queryString": "mutation MyNewTask($desc: String!) { createTask(description: $desc) { id } }",
        "operationName": "MyNewTask",
        "variables": {},
    },
}
# The REST authorizer event of Powertools' fixtures: every map twice, an API key, the console's stage.
REST: dict[str, Any] = {
    "version": "1.0",
    "type": "REQUEST",
    "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/orders",
    "identitySource": "user1,123",
    "authorizationToken": "user1,123",
    "resource": "/orders",
    "path": "/orders",
    "httpMethod": "GET",
    "headers": {"X-AMZ-Date": "20170718T062915Z", "Accept": "*/*"},
    "queryStringParameters": {"QueryString1": "queryValue1"},
    "pathParameters": {},
    "stageVariables": {"StageVar1": "stageValue1"},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "abcdef123",
        "domainName": "3npb9j1tlk.execute-api.us-west-1.amazonaws.com",
        "domainPrefix": "3npb9j1tlk",
        "extendedRequestId": "EXqgWgXxSK4EJug=",
        "httpMethod": "GET",
        "identity": {
            "accessKey": None,
            "apiKey": "...",
            "sourceIp": "192.0.2.1",
            "user": None,
            "clientCert": None,
        },
        "path": "/orders",
        "protocol": "HTTP/1.1",
        "requestId": "EXqgWgXxSK4EJug=",
        "requestTime": "20/Aug/2020:14:36:50 +0000",
        "requestTimeEpoch": 1597934210000,
        "resourceId": "ANY /request",
        "resourcePath": "/orders",
        "stage": "test",
    },
}


@pytest.mark.parametrize(("event", "kind"), [(HTTP_2, "http-2.0"), (APPSYNC, "appsync"), (REST, "http-1.0")])
def test_published_shapes_are_read(event, kind):
    """Without their tokens nobody is let in; with a good one, the caller is."""
    bench = Bench()
    reply = bench.handle(copy.deepcopy(event))
    assert bench.telemetry.last["kind"] == kind
    assert bench.telemetry.last["decision"] == "unauthorized"
    event = copy.deepcopy(event)
    if kind == "appsync":
        assert reply["isAuthorized"] is False
        event["authorizationToken"] = bench.token()
        assert bench.handle(event)["isAuthorized"] is True
        return
    arn = event.get("methodArn") or event["routeArn"]
    assert not iam.evaluate(reply["policyDocument"], arn).allowed
    event["headers"]["authorization"] = f"Bearer {bench.token()}"
    if kind == "http-2.0":  # the published values are of other headers than its own
        event["identitySource"] = [event["headers"]["authorization"]]
    assert iam.evaluate(bench.handle(event)["policyDocument"], arn).allowed


def test_cookies_without_a_value_are_none():
    """A sample has one."""
    assert parse_event(HTTP_2).cookies == {"session": ("abc",)}
