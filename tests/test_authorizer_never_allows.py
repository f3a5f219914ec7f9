"""Whatever goes wrong, no call is allowed: broken events, rules, key sets, clocks, tokens, hooks and records."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.authorizer_parts import RULES, Bench

from lambda_authorizer.authorizer import Authorizer, Unauthorized
from lambda_authorizer.errors import AuthorizerError, ConfigurationError
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.rules import parse_rules
from lambda_authorizer.settings import Settings
from lambda_authorizer.testing import events, iam

BENCH = Bench(environ={"AUTHORIZER_RESULT_TTL": "0"})
SIMPLE = Bench(environ={"AUTHORIZER_RESULT_TTL": "0", "AUTHORIZER_RESPONSE": "simple"})
KEPT = Bench()
FORGETFUL = Bench(environ={"AUTHORIZER_RESULT_TTL": "0", "AUTHORIZER_VERIFIED_CACHE": "off"})
QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def opens(reply: dict[str, Any]) -> bool:
    """Say whether an answer could let any call pass."""
    if "policyDocument" in reply:
        return any(statement["Effect"] == "Allow" for statement in reply["policyDocument"]["Statement"])
    return reply["isAuthorized"] is not False


def answer(bench: Bench, event: Any) -> bool:
    """Say whether a call opened anything; an error opens nothing."""
    try:
        reply = bench.handle(event)
    except (Unauthorized, AuthorizerError):
        return False
    return opens(reply)


def samples(token: str) -> dict[str, dict[str, Any]]:
    """Return a call of each kind with a token."""
    call = events.Call("GET", "/orders/1", headers=events.bearer(token))
    return {
        "token": events.token_event(f"Bearer {token}", "GET", "/orders/1"),
        "request": events.request_event(call, resource="/orders/{id}"),
        "http-1.0": events.http_1_event(call, route_key="GET /orders/{id}"),
        "http-2.0": events.http_2_event(call, route_key="GET /orders/{id}"),
        "websocket": events.websocket_event(call),
        "appsync": events.appsync_event(token, "query { orders { id } }"),
        "appsync-events": events.appsync_events_event(token, "EVENT_CONNECT"),
    }


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every member of an event."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, item in value.items():
            found += paths(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            found += paths(item, (*path, at))
    return found


def put(event: Any, path: tuple[Any, ...], value: Any) -> None:
    """Change one member in place."""
    for step in path[:-1]:
        event = event[step]
    event[path[-1]] = value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KINDS = sorted(samples("a.b.c"))


def test_the_fuzzed_calls_are_allowed_when_nothing_is_broken():
    """Otherwise the properties below would prove nothing."""
    for bench in (BENCH, SIMPLE, KEPT):
        for kind, event in samples(bench.token()).items():
            # Payload 1.0 knows no simple answers.
            assert answer(bench, event) is not (bench is SIMPLE and kind == "http-1.0")


@QUIET
@given(
    kind=st.sampled_from(KINDS), at=st.integers(0, 200), value=JSON, bench=st.sampled_from([BENCH, SIMPLE, KEPT])
)
def test_a_stranger_is_refused_whatever_the_event_says(kind, at, value, bench):
    """No member of an event, whatever stands in it, gives a caller without rights anything."""
    event = copy.deepcopy(samples(bench.token("none"))[kind])
    places = paths(event)
    put(event, places[at % len(places)], value)
    assert not answer(bench, event)


@QUIET
@given(kind=st.sampled_from(KINDS), at=st.integers(0, 200), value=JSON)
def test_a_broken_event_never_opens_another_route(kind, at, value):
    """A reader's call, changed anywhere, opens at most what a reader may call, as IAM reads the answer."""
    event = copy.deepcopy(samples(BENCH.token())[kind])
    places = paths(event)
    put(event, places[at % len(places)], value)
    try:
        reply = BENCH.handle(event)
    except (Unauthorized, AuthorizerError):
        return
    if "policyDocument" in reply:
        for method, path in (("PUT", "/orders/1"), ("GET", "/admin"), ("DELETE", "/orders/1")):
            assert not iam.evaluate(reply["policyDocument"], events.REST_API.arn(method, path)).allowed


@QUIET
@given(kind=st.sampled_from(KINDS), position=st.integers(0, 10_000), bit=st.integers(0, 6))
def test_no_changed_token_is_accepted(kind, position, bit):
    """One bit of one character, anywhere."""
    token = BENCH.token()
    at = position % len(token)
    changed = chr(ord(token[at]) ^ (1 << bit))
    if changed == token[at]:
        return
    assert not answer(BENCH, samples(token[:at] + changed + token[at + 1 :])[kind])


@QUIET
@given(kind=st.sampled_from(KINDS), wall=st.integers(-(2**70), 2**70), monotonic=st.integers(-(2**70), 2**70))
def test_no_time_outside_the_tokens_life_allows(kind, wall, monotonic):
    """Whatever the clocks say."""
    start = FORGETFUL.clock.wall, FORGETFUL.clock.monotonic
    token = FORGETFUL.token()
    if start[0] - 120_000 <= wall <= start[0] + 420_000:
        return
    FORGETFUL.clock.wall, FORGETFUL.clock.monotonic = wall, monotonic
    try:
        assert not answer(FORGETFUL, samples(token)[kind])
    finally:
        FORGETFUL.clock.wall, FORGETFUL.clock.monotonic = start


def key_sets() -> st.SearchStrategy[str]:
    """Return texts where a key set should be."""
    jwk = BENCH.issuer.jwks["keys"][0]
    member = st.sampled_from(sorted(jwk)).flatmap(lambda name: st.tuples(st.just(name), JSON))
    broken = member.map(lambda change: json.dumps({"keys": [jwk | {change[0]: change[1]}]}))
    return st.one_of(st.text(max_size=30), JSON.map(json.dumps), broken)


@QUIET
@given(text=key_sets())
def test_no_key_set_lets_a_forged_token_pass(text):
    """A broken set stops the start or refuses the token; it never verifies what another key signed."""
    forger = Bench()  # the same issuer's name, another key under the same kid
    environ = BENCH.environ | {"JWKS": text}
    try:
        rules = parse_rules(RULES, file="rules.toml", environment=environ)
        keys = KeySource(rules.issuers)
    except ConfigurationError:
        return
    found = Settings.from_environment(environ)
    authorizer = Authorizer(found, rules, keys, BENCH.telemetry, BENCH.clock, graphql_fields=("Query.orders",))
    with pytest.raises((Unauthorized, AuthorizerError)):
        authorizer.handle(events.token_event(f"Bearer {forger.token()}", "GET", "/orders"))


@QUIET
@given(start=st.integers(0, len(RULES)), length=st.integers(1, 60), text=st.text(max_size=12))
def test_no_slip_in_the_rules_opens_anything_to_a_stranger(start, length, text):
    """Rules with a hole stop the function, or still refuse a caller without any scope.

    A cut may take a condition away whole; then the rule has none, which is an error and no open door.
    """
    broken = RULES[:start] + text + RULES[start + length :]
    try:
        rules = parse_rules(broken, file="rules.toml", environment=BENCH.environ)
    except ConfigurationError:
        return
    if any(
        kind in ("authenticated", "anonymous", "absent") for rule in rules.rules for kind, _ in rule.conditions
    ):
        return  # the slip said so in full
    bench = Bench(broken)
    assert not answer(bench, events.token_event(f"Bearer {bench.token('')}", "GET", "/orders"))


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_are_down_open_nothing(kind):
    """An outage of the issuer is an error."""
    bench = Bench(environ={"AUTHORIZER_RESULT_TTL": "0"})
    bench.keys.down = True
    assert not answer(bench, samples(bench.token())[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "error", [ValueError, RecursionError, MemoryError, KeyError, OSError, TimeoutError, Unauthorized]
)
def test_an_exception_anywhere_opens_nothing(kind, error):
    """In the key source, in the hook, in the record."""

    def broken(*_: object, **__: object) -> Any:
        raise error

    for part in ("look_up", "generation"):
        bench = Bench(environ={"AUTHORIZER_RESULT_TTL": "0"})
        setattr(bench.keys, part, broken)
        assert not answer(bench, samples(bench.token())[kind])
    hooked = Bench(check=broken)
    assert not answer(hooked, samples(hooked.token())[kind])
    bench = Bench()
    bench.telemetry.record = broken  # type: ignore[method-assign] # the fake's own seam
    assert not answer(bench, samples(bench.token())[kind])
