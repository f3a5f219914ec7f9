"""Events of all front ends become one description of a call, or are refused."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lambda_authorizer.errors import AuthorizerError, EventError
from lambda_authorizer.request import KINDS, ClientCertificate
from lambda_authorizer.request.event import parse_event
from lambda_authorizer.testing import events

QUERY = "query { orders { id } }"
CALL = events.Call(
    "POST",
    "/orders/1",
    headers=[("authorization", "Bearer a.b.c"), ("X-Tag", "one"), ("X-Tag", "two")],
    query="page=1&page=2&name=a%20b",
    certificate={
        "clientCertPem": "PEM",
        "subjectDN": "CN=client",
        "issuerDN": "CN=root",
        "serialNumber": "a1:b2",
        "validity": {"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2029 GMT"},
    },
)
SAMPLES: dict[str, dict[str, Any]] = {
    "token": events.token_event("Bearer a.b.c", "POST", "/orders/1"),
    "request": events.request_event(CALL, resource="/orders/{id}"),
    "http-1.0": events.http_1_event(CALL, route_key="ANY /orders/{id}"),
    "http-2.0": events.http_2_event(CALL, route_key="ANY /orders/{id}"),
    "websocket": events.websocket_event(CALL),
    "appsync": events.appsync_event("a.b.c", QUERY),
    "appsync-events": events.appsync_events_event("a.b.c", "EVENT_PUBLISH", "/chat/room"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_read_from_the_event_alone(kind):
    """Each of the seven shapes is told apart without any setting."""
    assert parse_event(SAMPLES[kind]).kind == kind


@pytest.mark.parametrize("kind", ["token", "request", "http-1.0", "http-2.0"])
def test_method_and_path_are_those_of_the_arn(kind):
    """The text that the gateway holds a policy against is the text that is decided about."""
    request = parse_event(SAMPLES[kind])
    assert (request.method, request.path) == ("POST", "/orders/1")
    assert request.arn is not None
    assert request.arn.stage == ("$default" if kind.startswith("http") else "prod")


def test_websocket_route_is_connect():
    """A WebSocket call has the route `$connect` and no path."""
    request = parse_event(SAMPLES["websocket"])
    assert (request.method, request.path) == ("$connect", "")


def test_appsync_graphql_has_no_route():
    """GraphQL is decided by fields: there is neither method nor path nor ARN."""
    request = parse_event(SAMPLES["appsync"])
    assert (request.arn, request.method, request.path) == (None, "", "")
    assert request.appsync is not None
    assert request.appsync.operation is None
    assert request.appsync.api_id == events.APPSYNC_API.api_id


def test_appsync_events_route_is_operation_and_channel():
    """An Event API's call is decided by its operation on its channel."""
    request = parse_event(SAMPLES["appsync-events"])
    assert (request.method, request.path) == ("PUBLISH", "/chat/room")


def test_appsync_events_connection_has_no_channel():
    """Connecting names no channel, whether AppSync leaves the members out or sends null."""
    event = events.appsync_events_event("a.b.c", "EVENT_CONNECT")
    assert parse_event(event).path == ""
    event["requestContext"] |= {"channel": None, "channelNamespaceName": None}
    assert parse_event(event).path == ""


@pytest.mark.parametrize(
    "context",
    [
        {"operation": "EVENT_CONNECT", "channel": "/chat/room"},
        {"operation": "EVENT_PUBLISH"},
        {"operation": "EVENT_PUBLISH", "channel": None},
        {"operation": "EVENT_PUBLISH", "channel": "chat/room"},
        {"operation": "EVENT_SUBSCRIBE", "channel": "/other/room", "channelNamespaceName": "chat"},
        {"operation": "EVENT_UNKNOWN", "channel": "/chat/room"},
        {"operation": ["EVENT_PUBLISH"], "channel": "/chat/room"},
        {"operation": "EVENT_PUBLISH", "channel": "/chat/room", "queryString": "query { a }"},
        {},
    ],
)
def test_appsync_events_that_contradict_themselves_are_refused(context):
    """A channel outside its namespace, a missing one, an unknown operation: no decision is made on a guess."""
    with pytest.raises(EventError):
        parse_event({"authorizationToken": "a.b.c", "requestContext": context})


@pytest.mark.parametrize("kind", ["request", "http-1.0", "http-2.0"])
def test_source_address_and_certificate_are_read(kind):
    """What rules may ask of a single request is there for every front end that sends it."""
    request = parse_event(SAMPLES[kind])
    assert request.source_ip == CALL.source_ip
    certificate = request.client_certificate
    assert isinstance(certificate, ClientCertificate)
    assert (certificate.subject, certificate.issuer, certificate.serial_number) == (
        "CN=client",
        "CN=root",
        "a1:b2",
    )
    assert certificate.not_before == "May 28 12:30:02 2019 GMT"
    assert certificate.not_after == "Aug  5 09:36:04 2029 GMT"
    assert certificate.pem == "PEM"


def test_certificate_of_unknown_shape_keeps_what_it_has():
    """A certificate without validity or names is still a certificate."""
    event = copy.deepcopy(SAMPLES["request"])
    event["requestContext"]["identity"]["clientCert"] = {"subjectDN": "CN=client"}
    certificate = parse_event(event).client_certificate
    assert certificate is not None
    assert (certificate.subject, certificate.issuer, certificate.pem, certificate.not_after) == (
        "CN=client",
        "",
        "",
        "",
    )
    assert "CN=client" not in repr(certificate)


@pytest.mark.parametrize("kind", ["request", "http-1.0", "websocket"])
def test_repeated_headers_and_parameters_keep_every_value(kind):
    """The single-value map shows the last value only; all of them are seen, so that a duplicate can be refused."""
    request = parse_event(SAMPLES[kind])
    assert request.headers["x-tag"] == ("one", "two")
    assert request.query["page"] == ("1", "2")
    assert request.query["name"] == ("a b",)


def test_header_names_that_differ_in_case_are_one_name():
    """Two spellings of Authorization are two values of one header."""
    event = copy.deepcopy(SAMPLES["request"])
    event["multiValueHeaders"] = {"Authorization": ["Bearer a"], "AUTHORIZATION": ["Bearer b"]}
    event["headers"] = {"authorization": "Bearer c"}
    assert parse_event(event).headers["authorization"] == ("Bearer a", "Bearer b", "Bearer c")


@pytest.mark.parametrize("empty", [None, {}, "absent"])
@pytest.mark.parametrize(
    "name",
    ["headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters"],
)
@pytest.mark.parametrize("kind", ["request", "http-1.0", "websocket"])
def test_null_missing_and_empty_maps_mean_the_same(kind, name, empty):
    """Gateways and the console send all three; none of them stops the function."""
    event = copy.deepcopy(SAMPLES[kind])
    if empty == "absent":
        event.pop(name, None)
    else:
        event[name] = empty
    assert parse_event(event).kind == kind


def test_null_values_in_maps_are_no_values():
    """A header, parameter or multi-value list that is null is not there."""
    event = copy.deepcopy(SAMPLES["request"])
    event["headers"]["X-Null"] = None
    event["multiValueHeaders"]["X-Null"] = None
    assert parse_event(event).headers.get("x-null", ()) == ()


def test_console_test_event_is_answered():
    """The console's test sends null maps, a null stage and an ARN with a stage of its own."""
    event = {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/ESTestInvoke-stage/GET/",
        "resource": "/",
        "path": "/",
        "httpMethod": "GET",
        "headers": {"Authorization": "Bearer a.b.c"},
        "multiValueHeaders": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"stage": None, "identity": None, "requestId": "test-invoke-request"},
        "body": None,
    }
    request = parse_event(event)
    assert (request.kind, request.path, request.source_ip) == ("request", "/", None)
    assert request.headers["authorization"] == ("Bearer a.b.c",)


def test_http_2_leaves_out_what_is_empty():
    """Cookies, parameters and identity sources that are absent are empty, not an error."""
    request = parse_event(events.http_2_event(events.Call("GET", "/")))
    assert (request.cookies, request.query, request.identity_sources) == ({}, {}, ())


def test_http_2_identity_sources_are_kept_in_order():
    """Whether the route key is part of the cache key can be seen in the event."""
    event = events.http_2_event(
        CALL, route_key="POST /orders/{id}", identity_source=["Bearer a", "POST /orders/{id}"]
    )
    assert parse_event(event).identity_sources == ("Bearer a", "POST /orders/{id}")


def test_sam_local_sends_a_2_0_event_for_an_authorizer_of_1_0():
    """Its ARN stands under the other name and its identity source is one string; both are read."""
    event = copy.deepcopy(SAMPLES["http-2.0"])
    event["methodArn"] = event.pop("routeArn")
    event["identitySource"] = event["authorizationToken"] = "Bearer a.b.c,1"
    request = parse_event(event)
    assert (request.kind, request.identity_sources, request.authorization_token) == ("http-2.0", (), None)


def test_serverless_offline_adds_a_version_to_token_events():
    """The type says what the event is."""
    assert parse_event(SAMPLES["token"] | {"version": "1.0", "httpMethod": "GET"}).kind == "token"


def test_cookies_come_from_the_list_or_from_the_header():
    """HTTP API 2.0 lists cookies apart; the others leave them in the header."""
    call = events.Call("GET", "/", headers={"Cookie": 'a=1; b="2"; a=3; broken; =x'})
    expected = {"a": ("1", "3"), "b": ('"2"',)}
    assert parse_event(events.http_2_event(call)).cookies == expected
    assert parse_event(events.request_event(call)).cookies == expected


def test_cookie_header_is_read_where_an_emulator_leaves_it_in_2_0():
    """Without a list of cookies the header counts."""
    event = events.http_2_event(events.Call("GET", "/"))
    event["headers"]["cookie"] = "a=1"
    assert parse_event(event).cookies == {"a": ("1",)}


@pytest.mark.parametrize(
    ("resource", "key"),
    [("/orders/{id}", "POST /orders/{id}"), ("$default", "$default"), ("", None), (None, None)],
)
def test_route_key_of_a_rest_event_is_its_template(resource, key):
    """The gateway's own view of the route is kept beside the path."""
    event = copy.deepcopy(SAMPLES["request"])
    event["resource"] = resource
    assert parse_event(event).route_key == key


def test_route_key_of_a_2_0_event_may_stand_in_its_context():
    """The request context repeats it."""
    event = copy.deepcopy(SAMPLES["http-2.0"])
    del event["routeKey"]
    assert parse_event(event).route_key == "ANY /orders/{id}"


@pytest.mark.parametrize("path", ["/prod/orders/1", "/shop/v1/orders/1", "/orders/1", None])
def test_stage_or_base_path_in_front_of_the_path_is_no_contradiction(path):
    """Custom domains and named stages put more in front of the path than the ARN holds."""
    event = copy.deepcopy(SAMPLES["request"])
    event["path"] = path
    assert not parse_event(event).contradictory


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/orders/2"},
        {"path": "/orders/1/"},
        {"path": "/orders%2F1"},
        {"httpMethod": "DELETE"},
        {"httpMethod": "post"},
        {"headers": {"X-HTTP-Method-Override": "DELETE"}},
        {"multiValueHeaders": {"x-http-method-override": ["POST", "DELETE"]}},
    ],
)
def test_another_method_or_path_beside_the_arn_is_a_contradiction(change):
    """Whatever names another call than the ARN marks the request; it will be refused."""
    assert parse_event(copy.deepcopy(SAMPLES["request"]) | change).contradictory


def test_override_to_the_same_method_is_no_contradiction():
    """A client may override the method with the one it has."""
    event = copy.deepcopy(SAMPLES["request"])
    event["headers"] = {"X-Http-Method-Override": " post "}
    assert not parse_event(event).contradictory


def test_override_means_nothing_to_an_http_api():
    """Only REST APIs know the header."""
    event = copy.deepcopy(SAMPLES["http-2.0"])
    event["headers"]["x-http-method-override"] = "DELETE"
    assert not parse_event(event).contradictory


def test_a_path_shown_decoded_and_as_sent_is_one_path():
    """An HTTP API decodes in one member and not in another."""
    event = events.http_2_event(events.Call("GET", "/orders/a%20b"), route_key="GET /orders/{id}")
    event["rawPath"] = "/orders/a b"
    assert not parse_event(event).contradictory
    event["rawPath"] = "/orders/a%20c"
    assert parse_event(event).contradictory


def test_root_of_a_base_path_is_no_contradiction():
    """The root's ARN path is one slash, whatever stands in front of it."""
    event = events.http_2_event(events.Call("GET", "/"))
    event["rawPath"] = "/prod"
    assert not parse_event(event).contradictory


@pytest.mark.parametrize("request_id", ["x" * 129, "line\nbreak", "ümlaut", "", None])
def test_request_ids_that_are_no_ids_are_left_out(request_id):
    """Only short printable ASCII goes into a log."""
    event = copy.deepcopy(SAMPLES["request"])
    event["requestContext"]["requestId"] = request_id
    assert parse_event(event).request_id is None


REFUSED: list[object] = [
    None,
    "event",
    [],
    {},
    {"type": "TOKEN"},
    {"type": "TOKEN", "methodArn": "no arn"},
    {"type": "TOKEN", "methodArn": events.REST_API.arn("GET", "/"), "authorizationToken": ["a"]},
    {"type": "OTHER", "authorizationToken": "a", "requestContext": {"queryString": "q"}},
    {"type": "REQUEST", "requestContext": []},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("GET", "/"), "headers": "Authorization"},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("GET", "/"), "headers": {"Authorization": 1}},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("GET", "/"), "multiValueHeaders": {"A": "b"}},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("GET", "/"), "multiValueHeaders": {"A": [1]}},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("$connect")},
    {"type": "TOKEN", "methodArn": events.REST_API.arn("$connect"), "authorizationToken": "a"},
    {"version": "2.0", "type": "REQUEST", "routeArn": events.HTTP_API.arn("$connect")},
    {"version": "1.0", "type": "REQUEST", "methodArn": events.HTTP_API.arn("$connect")},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("GET", "/"), "requestContext": {"eventType": "CONNECT"}},
    {"type": "REQUEST", "methodArn": events.REST_API.arn("GET", "/*")[:-6] + "*/GET/"},
    {"version": "2.0", "routeArn": 7},
    {"version": "2.0", "routeArn": events.HTTP_API.arn("GET", "/"), "methodArn": events.HTTP_API.arn("GET", "/x")},
    {"version": "3.0", "type": "REQUEST", "routeArn": events.HTTP_API.arn("GET", "/")},
    {"version": 2.0, "type": "REQUEST", "routeArn": events.HTTP_API.arn("GET", "/")},
    {"authorizationToken": "a"},
    {"requestContext": {"queryString": "q"}},
]


@pytest.mark.parametrize("event", REFUSED)
def test_events_of_no_known_shape_are_refused(event):
    """What no front end sends is an error of the operator's making, never a decision."""
    with pytest.raises(EventError):
        parse_event(event)


@pytest.mark.parametrize("kind", KINDS)
def test_repr_of_a_request_shows_nothing_of_the_caller(kind):
    """A request may stand in a traceback."""
    request = parse_event(SAMPLES[kind])
    shown = f"{request!r} {request.appsync!r}"
    assert "a.b.c" not in shown
    assert "orders" not in shown
    assert CALL.source_ip not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@hypothesis_settings(deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    changes=st.dictionaries(
        st.sampled_from(sorted({name for sample in SAMPLES.values() for name in sample} | {"version", "type"})),
        JSON,
        max_size=3,
    ),
    inner=st.dictionaries(
        st.sampled_from(["identity", "http", "routeKey", "eventType", "operation", "channel", "requestId"]),
        JSON,
        max_size=2,
    ),
)
def test_no_event_raises_anything_but_an_event_error(kind, changes, inner):
    """Whatever stands in whichever member: a request comes out, or an error of the tree."""
    event = copy.deepcopy(SAMPLES[kind]) | changes
    if isinstance(event.get("requestContext"), dict):
        event["requestContext"] |= inner
    try:
        parse_event(event)
    except AuthorizerError as error:
        assert type(error) is EventError  # noqa: PT017 - the property is about both outcomes


@hypothesis_settings(deadline=None)
@given(JSON)
def test_no_json_value_raises_anything_but_an_event_error(value):
    """Not even a value that is no event at all."""
    try:
        parse_event(value)
    except AuthorizerError as error:
        assert type(error) is EventError  # noqa: PT017 - the property is about both outcomes
