"""Built events have the keys and types of captures from AWS, no more and no fewer."""

from typing import Any

import pytest

from lambda_authorizer.testing.events import (
    Api,
    Call,
    appsync_event,
    appsync_events_event,
    bearer,
    http_1_event,
    http_2_event,
    request_event,
    token_event,
    websocket_event,
)

CERTIFICATE = {"clientCertPem": "PEM", "subjectDN": "CN=a", "issuerDN": "CN=b", "serialNumber": "1"}


def shape(value: Any) -> Any:
    """Return the keys of nested objects, without values."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


# What the captures have, key by key (Powertools for TypeScript, packages/parser/tests/events: apigw-rest, 2024).
REST_CONTEXT = {
    *("resourceId", "resourcePath", "httpMethod", "extendedRequestId", "requestTime", "path", "accountId"),
    *("protocol", "stage", "domainPrefix", "requestTimeEpoch", "requestId", "identity", "domainName"),
    *("deploymentId", "apiId"),
}
REST_IDENTITY = {
    *("cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId"),
    *("accessKey", "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user"),
}
REST_KEYS = {
    *("type", "methodArn", "resource", "path", "httpMethod", "headers", "multiValueHeaders"),
    *("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"),
    "requestContext",
}


def test_a_token_event_has_exactly_three_keys() -> None:
    """TOKEN carries the header and the ARN of the actual path, nothing else."""
    assert token_event("Bearer foo", "GET", "/") == {
        "type": "TOKEN",
        "authorizationToken": "Bearer foo",
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/GET/",
    }


def test_a_request_event_has_the_keys_of_the_capture() -> None:
    """REQUEST of a REST API: empty maps are there, `version` and `body` are not."""
    event = request_event(
        Call("POST", "/orders/1", bearer("t")), resource="/orders/{id}", path_parameters={"id": "1"}
    )
    assert event.keys() == REST_KEYS
    assert event["requestContext"].keys() == REST_CONTEXT
    assert event["requestContext"]["identity"].keys() == REST_IDENTITY
    assert event["queryStringParameters"] == event["stageVariables"] == {}
    assert (event["resource"], event["path"], event["pathParameters"]) == (
        "/orders/{id}",
        "/orders/1",
        {"id": "1"},
    )
    assert event["requestContext"]["path"] == "/prod/orders/1"
    assert {name for name, value in event["requestContext"]["identity"].items() if value is not None} == {
        "sourceIp",
        "userAgent",
    }


def test_single_value_maps_of_rest_hold_the_last_value() -> None:
    """A repeated header or parameter is whole only in the multi-value maps."""
    event = request_event(Call(headers=(("X-A", "1"), ("X-A", "2")), query="q=1&q=a%2Bb+c&e="))
    assert event["headers"]["X-A"] == "2"
    assert event["multiValueHeaders"]["X-A"] == ["1", "2"]
    assert event["queryStringParameters"] == {"q": "a+b c", "e": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "a+b c"], "e": [""]}


def test_headers_of_rest_keep_the_case_in_which_they_were_sent() -> None:
    """Lower-case headers stay so, and the gateway adds none that the client sent."""
    event = request_event(Call(headers={"authorization": "Bearer t", "host": "h"}))
    assert event["headers"]["authorization"] == "Bearer t"
    assert "Host" not in event["headers"]


@pytest.mark.parametrize("build", [request_event, http_1_event])
def test_mutual_tls_puts_the_certificate_into_the_identity(build: Any) -> None:
    """`clientCert` is there with mutual TLS and absent without."""
    assert build(Call(certificate=CERTIFICATE))["requestContext"]["identity"]["clientCert"] == CERTIFICATE
    assert "clientCert" not in build(Call())["requestContext"]["identity"]


def test_payload_1_is_a_rest_request_with_version_and_identity_source() -> None:
    """HTTP API 1.0: joined identity values under both names, the route key as resource id."""
    event = http_1_event(
        Call("GET", "/request", bearer("t")), route_key="ANY /request", identity_source=["u1", "123"]
    )
    assert event.keys() == REST_KEYS | {"version", "identitySource", "authorizationToken"}
    assert event["version"] == "1.0"
    assert event["identitySource"] == event["authorizationToken"] == "u1,123"
    assert event["requestContext"].keys() == REST_CONTEXT - {"deploymentId"}
    assert event["requestContext"]["resourceId"] == "ANY /request"
    assert event["resource"] == event["requestContext"]["resourcePath"] == "/request"
    assert http_1_event(Call("GET", "/x", bearer("t")))["identitySource"] == "Bearer t"
    assert http_1_event(Call(), route_key="$default")["resource"] == "$default"
    assert http_1_event(Call(path="/x"), api=Api(stage="dev"))["requestContext"]["path"] == "/dev/x"


def test_payload_2_has_the_keys_of_the_capture() -> None:
    """HTTP API 2.0 without cookies, query, variables or certificate leaves those keys out."""
    assert shape(http_2_event(Call("POST", "/lambda", bearer("foo")))) == {
        "version": None,
        "type": None,
        "routeArn": None,
        "identitySource": None,
        "routeKey": None,
        "rawPath": None,
        "rawQueryString": None,
        "headers": dict.fromkeys(
            ["authorization", "host", "user-agent", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"]
        ),
        "requestContext": {
            "accountId": None,
            "apiId": None,
            "domainName": None,
            "domainPrefix": None,
            "http": dict.fromkeys(["method", "path", "protocol", "sourceIp", "userAgent"]),
            "requestId": None,
            "routeKey": None,
            "stage": None,
            "time": None,
            "timeEpoch": None,
        },
    }


def test_payload_2_lowers_joins_and_takes_cookies_out() -> None:
    """Repeated headers and parameters become one string, cookies a list of their own."""
    call = Call(
        "GET",
        "/a",
        (("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2")),
        query="q=1&q=2",
        certificate=CERTIFICATE,
    )
    event = http_2_event(call, route_key="$default", path_parameters={"p": "1"}, stage_variables={"s": "1"})
    assert event["headers"]["x-a"] == "1,2"
    assert "cookie" not in event["headers"]
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["queryStringParameters"] == {"q": "1,2"}
    assert (event["pathParameters"], event["stageVariables"]) == ({"p": "1"}, {"s": "1"})
    assert event["requestContext"]["authentication"] == {"clientCert": CERTIFICATE}
    assert event["routeArn"].endswith("/$default/GET/a")
    assert "identitySource" not in event


def test_a_named_stage_stands_in_the_raw_path_and_not_twice_in_the_arn() -> None:
    """HTTP API 2.0 with a named stage."""
    event = http_2_event(Call("GET", "/a"), api=Api(stage="dev"))
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/dev/a"
    assert event["routeArn"].endswith("/dev/GET/a")


def test_a_websocket_event_has_the_keys_of_the_capture() -> None:
    """$connect has no method, path or resource (Powertools for Python, a capture of 2025)."""
    event = websocket_event(Call(query="token=t"))
    assert event.keys() == {
        *("type", "methodArn", "headers", "multiValueHeaders", "queryStringParameters"),
        *("multiValueQueryStringParameters", "stageVariables", "requestContext"),
    }
    assert event["requestContext"].keys() == {
        *("routeKey", "eventType", "extendedRequestId", "requestTime", "messageDirection", "stage", "connectedAt"),
        *("requestTimeEpoch", "identity", "requestId", "domainName", "connectionId", "apiId"),
    }
    assert event["methodArn"] == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/$connect"
    assert event["queryStringParameters"] == {"token": "t"}


def test_an_appsync_event_has_the_keys_of_the_documentation() -> None:
    """GraphQL: the token as sent, the document, and the headers since 2024."""
    event = appsync_event("t", "query A { a }", operation_name="A", variables={"v": 1}, headers={"X-A": "1"})
    assert event.keys() == {"authorizationToken", "requestContext", "requestHeaders"}
    assert event["requestContext"].keys() == {
        *("apiId", "accountId", "requestId", "queryString", "operationName", "variables"),
    }
    assert event["requestHeaders"] == {"x-a": "1"}
    assert "operationName" not in appsync_event("t", "{ a }")["requestContext"]


def test_an_appsync_events_event_names_its_channel_only_where_there_is_one() -> None:
    """Connecting has no channel, publishing and subscribing have it with its namespace."""
    assert "channel" not in appsync_events_event("t")["requestContext"]
    context = appsync_events_event("t", "EVENT_PUBLISH", "/loyalty/c-1")["requestContext"]
    assert (context["channelNamespaceName"], context["channel"]) == ("loyalty", "/loyalty/c-1")


def test_other_partitions_have_their_own_arns_and_hosts() -> None:
    """China is told apart in both."""
    api = Api(partition="aws-cn", region="cn-north-1")
    assert api.arn("GET", "/a").startswith("arn:aws-cn:execute-api:cn-north-1:")
    assert api.domain.endswith(".amazonaws.com.cn")


def test_equal_calls_give_equal_events() -> None:
    """Nothing of an event comes from chance or the clock."""
    assert request_event(Call()) == request_event(Call())
    assert websocket_event() == websocket_event()
