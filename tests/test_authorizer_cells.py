"""Each cell of the decision table, answered by the whole authorizer and held to what the front end accepts."""

from typing import Any

import jsonschema
import pytest
from tests.authorizer_parts import Bench

from lambda_authorizer.authorizer import Unauthorized
from lambda_authorizer.errors import EventError, KeysUnavailableError
from lambda_authorizer.request.event import parse_event
from lambda_authorizer.response import FRONT_ENDS, OUTCOMES, FrontEnd, Outcome
from lambda_authorizer.testing import events, iam

SIMPLE = {"AUTHORIZER_RESPONSE": "simple", "AUTHORIZER_RESULT_TTL": "0"}
KEPT = {"AUTHORIZER_UNAUTHORIZED": "deny"}
RESOURCE = {"type": "string", "minLength": 1, "maxLength": 512, "pattern": r"^arn:aws[a-z-]*:execute-api:"}
STATEMENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["Effect", "Action"],
    "oneOf": [
        {"required": ["Resource"]},
        {"required": ["NotResource"], "properties": {"Effect": {"const": "Deny"}}},
    ],
    "properties": {
        "Effect": {"enum": ["Allow", "Deny"]},
        "Action": {"const": "execute-api:Invoke"},
        "Resource": {"type": "array", "minItems": 1, "items": RESOURCE},
        "NotResource": {"type": "array", "minItems": 1, "items": RESOURCE},
    },
}
NAMES = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": ["claims", "principalId", "integrationLatency"]}}
SCALARS = {
    "type": "object",
    "propertyNames": NAMES,
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
STRINGS = {"type": "object", "propertyNames": NAMES, "additionalProperties": {"type": "string"}}
TYPED = {
    "type": "object",
    "propertyNames": NAMES,
    "additionalProperties": {"type": ["string", "number", "boolean", "array", "object"]},
}


def policy_schema(context: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer by policy."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["principalId", "policyDocument", "context"],
        "properties": {
            "principalId": {"type": "string", "minLength": 1},
            "policyDocument": {
                "type": "object",
                "additionalProperties": False,
                "required": ["Version", "Statement"],
                "properties": {
                    "Version": {"const": "2012-10-17"},
                    "Statement": {"type": "array", "minItems": 1, "items": STATEMENT},
                },
            },
            "context": context,
            "usageIdentifierKey": {"type": "string", "minLength": 20, "maxLength": 128},
        },
    }


def flat_schema(**members: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer with exactly these members."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["isAuthorized", *members],
        "properties": {"isAuthorized": {"type": "boolean"}, **members},
    }


SCHEMAS: dict[FrontEnd, dict[str, Any]] = {
    "rest": policy_schema(SCALARS),
    "websocket": policy_schema(SCALARS),
    "http-1.0": policy_schema(SCALARS),
    "http-2.0": policy_schema(TYPED),
    "http-simple": flat_schema(context=TYPED),
    "appsync": flat_schema(
        resolverContext=STRINGS,
        deniedFields={
            "type": "array",
            "items": {"type": "string", "pattern": r"^(\w+\.\w+|arn:aws[a-z-]*:appsync:.+)$"},
        },
        ttlOverride={"type": "integer", "minimum": 0, "maximum": 3600},
    ),
    "appsync-events": flat_schema(handlerContext=STRINGS, ttlOverride={"const": 0}),
}


def event_of(front: FrontEnd, token: str, *, permitted: bool) -> dict[str, Any]:
    """Return a call of a front end that a reader may make, or one that only others may."""
    method, path, template = (
        ("GET", "/orders/1", "/orders/{id}") if permitted else ("PUT", "/orders/1", "/orders/{id}")
    )
    headers = events.bearer(token) if token else {}
    call = events.Call(method, path, headers=headers)
    if front == "rest":
        return events.request_event(call, resource=template)
    if front == "http-1.0":
        return events.http_1_event(call, route_key=f"{method} {template}")
    if front in ("http-2.0", "http-simple"):
        return events.http_2_event(call, route_key=f"{method} {template}")
    if front == "websocket":
        return events.websocket_event(call)
    if front == "appsync":
        return events.appsync_event(token, "query { orders { id } }")
    return events.appsync_events_event(token, "EVENT_CONNECT")


def bench_of(front: FrontEnd, **environ: str) -> Bench:
    """Return an authorizer set up for a front end."""
    return Bench(environ=environ | (SIMPLE if front == "http-simple" else {}))


def schema_holds(front: FrontEnd, reply: dict[str, Any]) -> None:
    """Hold an answer to what its front end accepts."""
    jsonschema.validate(reply, SCHEMAS[front], format_checker=None)


def is_allowed(event: dict[str, Any], reply: dict[str, Any]) -> bool:
    """Say what the gateway would make of an answer."""
    if "policyDocument" not in reply:
        return reply["isAuthorized"] is True
    arn = event.get("methodArn") or event["routeArn"]
    return iam.evaluate(reply["policyDocument"], arn).allowed


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize("outcome", list(OUTCOMES))
def test_each_cell_of_the_table_is_what_the_authorizer_answers(front: FrontEnd, outcome: Outcome):
    """The table in the docs is the behaviour: form, effect and shape of every answer."""
    bench = bench_of(front, **(KEPT if outcome == "unauthorized_kept" else {}))
    form, _ = OUTCOMES[outcome][front]
    allowed = outcome == "allowed"
    token = bench.token() if outcome in ("allowed", "unavailable", "broken") else bench.token("other")
    if outcome.startswith("unauthorized"):
        token = bench.issuer.bad("bad-signature")
    event = event_of(front, token, permitted=outcome != "not_permitted" or front in ("websocket", "appsync"))
    if outcome == "unavailable":
        bench.keys.down = True
    if outcome == "broken":
        event.pop("methodArn", None)
        event.pop("routeArn", None)
        event.get("requestContext", {}).pop("queryString", None)
        event.get("requestContext", {}).pop("operation", None)
    if form == "unauthorized":
        with pytest.raises(Unauthorized):
            bench.handle(event)
        assert bench.telemetry.last["decision"] == "unauthorized"
    elif form == "error":
        with pytest.raises(KeysUnavailableError if outcome == "unavailable" else EventError):
            bench.handle(event)
        assert bench.telemetry.last["decision"] == "error"
    else:
        reply = bench.handle(event)
        schema_holds(front, reply)
        assert is_allowed(event, reply) is allowed
        assert bench.telemetry.last["decision"] == ("allow" if allowed else bench.telemetry.last["decision"])
        assert bench.telemetry.last["decision"] in ("allow", "deny", "unauthorized")
        if form == "deny":
            assert iam.evaluate(reply["policyDocument"], event.get("methodArn") or event["routeArn"]).explicit_deny


@pytest.mark.parametrize("front", ["rest", "http-1.0", "http-2.0"])
def test_not_permitted_is_the_callers_own_policy_where_it_may_be_kept(front: FrontEnd):
    """A refused call does not take the caller's other routes with it."""
    bench = bench_of(front)
    refused = event_of(front, bench.token(), permitted=False)
    allowed = event_of(front, bench.token(), permitted=True)
    reply = bench.handle(refused)
    assert not is_allowed(refused, reply)
    assert is_allowed(allowed, reply)
    assert "reason" not in reply["context"]
    assert bench.telemetry.last["reason"] == "no_rule_allows"


@pytest.mark.parametrize("front", ["rest", "http-1.0", "http-2.0"])
def test_without_a_cache_the_answer_covers_the_called_route_only(front: FrontEnd):
    """At TTL 0 nothing else needs to fit, and a refusal says why."""
    bench = bench_of(front, AUTHORIZER_RESULT_TTL="0")
    permitted = event_of(front, bench.token(), permitted=True)
    reply = bench.handle(permitted)
    assert is_allowed(permitted, reply)
    assert not iam.evaluate(reply["policyDocument"], events.REST_API.arn("GET", "/orders")).allowed
    refused = bench.handle(event_of(front, bench.token(), permitted=False))
    assert refused["context"] == {"reason": "no_rule_allows"}
    schema_holds(front, refused)


def test_a_caller_who_may_call_nothing_is_told_why_even_where_it_is_kept():
    """The reason is about the caller as a whole, so it is true for every call that shares the answer."""
    bench = Bench()
    for path in ("/orders/1", "/orders/%2e"):
        reply = bench.handle(events.token_event(f"Bearer {bench.token('none')}", "GET", path))
        assert reply["context"] == {"reason": "no_rule_allows"}


@pytest.mark.parametrize("reason", ["unknown_key", "not_yet_valid"])
def test_refusals_that_may_heal_are_not_kept(reason):
    """A key may be published and a time may come: with `deny`, REST still gets an error that no cache keeps."""
    for ttl, raises in (("300", True), ("0", False)):
        bench = Bench(environ=KEPT | {"AUTHORIZER_RESULT_TTL": ttl})
        name = "unknown-key" if reason == "unknown_key" else "not-yet-valid"
        event = events.token_event(f"Bearer {bench.issuer.bad(name)}", "GET", "/orders")
        if raises:
            with pytest.raises(Unauthorized):
                bench.handle(event)
        else:
            assert bench.handle(event)["context"] == {"reason": reason}
        assert bench.telemetry.last["reason"] == reason


def test_no_answer_names_the_path_of_the_call():
    """Nothing of a request's path is ever written into a policy or a context."""
    bench = Bench()
    for ttl in ("300", "0"):
        bench = Bench(environ={"AUTHORIZER_RESULT_TTL": ttl})
        for path in ("/orders/needle-4711", "/orders/*", "/orders/${aws:needle-4711}", "/needle-4711"):
            event = events.token_event(f"Bearer {bench.token()}", "GET", path)
            reply = repr(bench.handle(event))
            assert "needle-4711" not in reply
            assert "orders/*'" not in reply
            assert "$" not in reply


def test_partition_and_api_are_those_of_the_call():
    """China and GovCloud get policies that match there."""
    api = events.Api(api_id="zz9", stage="test", region="cn-north-1", partition="aws-cn")
    bench = Bench()
    reply = bench.handle(events.token_event(f"Bearer {bench.token()}", "GET", "/orders", api=api))
    for statement in reply["policyDocument"]["Statement"]:
        for resource in statement["Resource"]:
            assert resource.startswith("arn:aws-cn:execute-api:")
    assert iam.evaluate(reply["policyDocument"], api.arn("GET", "/orders")).allowed


def test_context_of_each_front_end():
    """Id, scopes, tier and the claims that the rules name, in types that the front end carries."""
    expected = {
        "rest": {"principal": "c-1", "scopes": "a orders:read", "tier": "gold", "tenant": "t-1", "roles": "x y"},
        "http-2.0": {
            "principal": "c-1",
            "scopes": ["a", "orders:read"],
            "tier": "gold",
            "tenant": "t-1",
            "roles": ["x", "y"],
        },
    }
    for front, context in expected.items():
        bench = bench_of(front)  # type: ignore[arg-type] # the literals are front ends
        token = bench.token("orders:read a", tier="gold", roles=["x", "y"], **{"custom:tenant": "t-1"})
        reply = bench.handle(event_of(front, token, permitted=True))  # type: ignore[arg-type] # as above
        assert reply["context"] == context


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_parsing_gives_the_front_end_the_event_was_made_for(front: FrontEnd):
    """The builders of this file and the table speak of the same things."""
    kind = parse_event(event_of(front, "a.b.c", permitted=True)).kind
    assert {"token": "rest", "request": "rest", "http-2.0": front}.get(kind, kind) == front
