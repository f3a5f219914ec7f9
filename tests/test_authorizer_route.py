"""From event to answer: what leaves the function, what is recorded, and how long it may take."""

import copy
import json
from typing import Any

import pytest
from tests.authorizer_parts import INTROSPECTION, ISSUER, RULES, Bench, FakeTelemetry

import lambda_authorizer
from lambda_authorizer.authorizer import Authorizer, Unauthorized
from lambda_authorizer.errors import (
    AuthorizerError,
    ConfigurationError,
    EventError,
    InactiveTokenError,
    IntrospectionUnavailableError,
    KeysUnavailableError,
)
from lambda_authorizer.telemetry import FIELDS
from lambda_authorizer.testing import events, iam
from lambda_authorizer.testing.issuer import BAD_TOKENS
from lambda_authorizer.tokens.verify import Claims


class Context:
    """What Lambda passes beside the event."""

    aws_request_id = "lambda-request-id"
    invoked_function_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:authorizer"

    def __init__(self, remaining: int) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the invocation."""
        return self.remaining


def get(bench: Bench, token: str, path: str = "/orders") -> dict[str, Any]:
    """Answer a TOKEN call."""
    return bench.handle(events.token_event(f"Bearer {token}", "GET", path))


@pytest.mark.parametrize(("name", "reason"), sorted(BAD_TOKENS.items()))
def test_bad_tokens_raise_the_one_word_and_log_the_reason(name, reason):
    """API Gateway reads exactly `Unauthorized`; why is for the log alone."""
    bench = Bench()
    with pytest.raises(Unauthorized) as caught:
        get(bench, bench.issuer.bad(name))
    error = caught.value
    assert str(error) == "Unauthorized"
    assert error.args == ("Unauthorized",)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert bench.telemetry.last["decision"] == "unauthorized"
    assert bench.telemetry.last["reason"] == reason


def test_missing_token_is_unauthorized():
    """A TOKEN call without its header may reach the function where nothing is cached."""
    bench = Bench()
    with pytest.raises(Unauthorized):
        bench.handle(events.token_event("") | {"authorizationToken": None})
    assert bench.telemetry.last["reason"] == "missing_token"


def test_an_error_that_leaves_holds_nothing_of_the_caller():
    """Neither its text, nor its cause, nor a frame of the stages where a token stood."""
    bench = Bench()
    bench.keys.down = True
    token = bench.token()
    with pytest.raises(KeysUnavailableError) as caught:
        get(bench, token)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    frames = []
    trace = caught.value.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "handle"


def test_an_error_that_leaves_forgets_what_it_was_raised_from():
    """A stage may raise while it handles another error, whose text is anybody's."""

    def fails(*_: object) -> None:
        try:
            raise ValueError("a.b.c")  # noqa: TRY301 - the context is what is tested
        except ValueError as error:
            raise KeysUnavailableError("no keys") from error

    bench = Bench()
    bench.keys.look_up = fails  # type: ignore[method-assign,assignment] # the fake's own seam
    with pytest.raises(KeysUnavailableError) as caught:
        get(bench, bench.token())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_defect_is_an_error_without_its_text():
    """What is not ours may say anything, so only its class and place leave."""

    class Broken:
        def look_up(self, *_: object) -> None:
            raise ValueError("secret " + "a.b.c")

        def generation(self, _: str) -> int:
            return 1

        def health(self) -> tuple[()]:
            return ()

    bench = Bench()
    authorizer = Authorizer(bench.settings, bench.rules, Broken(), bench.telemetry, bench.clock)
    with pytest.raises(AuthorizerError) as caught:
        authorizer.handle(events.token_event(f"Bearer {bench.token()}", "GET", "/orders"))
    assert type(caught.value) is AuthorizerError
    assert str(caught.value).startswith("internal error: ValueError at test_authorizer_route.py:")
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert bench.telemetry.last["decision"] == "error"
    assert bench.telemetry.last["reason"] == "internal_error"
    assert bench.telemetry.last["error"] == "ValueError"


def test_a_decision_that_cannot_be_recorded_is_not_given():
    """An answer that nobody could look up later is an error."""

    class Full(FakeTelemetry):
        def record(self, entry: object) -> None:  # noqa: ARG002 - the seam has it
            raise OSError("no space left")

    bench = Bench()
    authorizer = Authorizer(bench.settings, bench.rules, bench.keys, Full(), bench.clock)
    event = events.token_event(f"Bearer {bench.token()}", "GET", "/orders")
    with pytest.raises(AuthorizerError, match="internal error: OSError"):
        authorizer.handle(event)
    with pytest.raises(EventError):
        authorizer.handle({})


def test_a_clock_that_fails_is_an_error():
    """Without a time no token is good."""

    class Stopped:
        def wall_ms(self) -> int:
            raise OSError

        monotonic_ms = wall_ms

    bench = Bench()
    authorizer = Authorizer(bench.settings, bench.rules, bench.keys, bench.telemetry, Stopped())
    with pytest.raises(AuthorizerError):
        authorizer.handle(events.token_event(f"Bearer {bench.token()}", "GET", "/orders"))


@pytest.mark.parametrize("wall_ms", [0, -(2**62), 2**62])
def test_a_clock_that_lies_never_allows(wall_ms):
    """A clock far before or behind makes every token invalid."""
    bench = Bench()
    token = bench.token()
    bench.clock.wall = wall_ms
    with pytest.raises(Unauthorized):
        get(bench, token)


def test_record_of_a_decision():
    """One entry a decision, with the fields that the telemetry knows and nothing else."""
    bench = Bench()
    call = events.Call("GET", "/orders/1", headers=events.bearer(bench.token(tier="gold")))
    bench.handle(events.request_event(call, resource="/orders/{id}"), Context(3_000))
    entry = bench.telemetry.last
    assert set(entry) <= set(FIELDS)
    assert entry["duration_ms"] > 0
    assert {name: value for name, value in entry.items() if name not in ("duration_ms", "token_sha256")} == {
        "cold_start": True,
        "kind": "request",
        "request_id": "141d6671-99b4-40ca-9997-7a22f01eac74",
        "issuer": "main",
        "kid": "key-1",
        "key_cache": "fresh",
        "key_age_s": 1.5,
        "key_fetches": 0,
        "tier": "gold",
        "decision": "allow",
        "reason": "allowed",
        "rule": "readers",
    }
    assert len(entry["token_sha256"]) == 16
    assert len(bench.telemetry.entries) == 1


def test_request_id_falls_back_to_lambdas_own():
    """A TOKEN event has none."""
    bench = Bench()
    bench.handle(events.token_event(f"Bearer {bench.token()}", "GET", "/orders"), Context(3_000))
    assert bench.telemetry.last["request_id"] == "lambda-request-id"


def test_only_the_first_call_is_a_cold_start():
    """Of one sandbox."""
    bench = Bench()
    for cold in (True, False):
        get(bench, bench.token())
        assert bench.telemetry.last["cold_start"] is cold


def test_fetches_are_counted_where_they_happen():
    """Those of INIT count with the first call that was not served from fresh keys."""
    bench = Bench(environ={"AUTHORIZER_VERIFIED_CACHE": "off"})
    bench.keys.fetches = 2
    get(bench, bench.token())
    assert bench.telemetry.last["key_fetches"] == 0
    bench.keys.cache = "fetched"
    for expected in (3, 1):
        get(bench, bench.token())
        assert bench.telemetry.last["key_fetches"] == expected
    bench.keys.down = True
    bench.keys.cache = "fresh"
    with pytest.raises(KeysUnavailableError):
        get(bench, bench.token())
    assert bench.telemetry.last["key_fetches"] == 1
    assert bench.telemetry.last["key_cache"] == "none"
    assert bench.telemetry.last["error"] == "KeysUnavailableError"


def test_unknown_issuers_cost_no_look_at_any_key():
    """A caller cannot make the function call anybody."""
    bench = Bench()
    with pytest.raises(Unauthorized):
        get(bench, bench.token(iss="https://other.example"))
    assert bench.telemetry.last["reason"] == "untrusted_issuer"
    assert bench.keys.asked == []


def test_an_algorithm_that_is_not_the_issuers_costs_no_look_at_any_key():
    """The settings of the issuer refuse it, whatever keys there are: nobody is asked for one."""
    bench = Bench(RULES.replace('jwks = "${JWKS}"', 'jwks = "${JWKS}"\nalgorithms = ["RS256"]', 1))
    with pytest.raises(Unauthorized):
        get(bench, bench.token())
    assert bench.telemetry.last["reason"] == "unsupported_algorithm"
    assert bench.keys.asked == []


@pytest.mark.parametrize(
    ("event", "context", "setting", "expected"),
    [
        (events.token_event, None, "3000", 3_000),
        (events.token_event, Context(8_000), "3000", 3_000),
        (events.token_event, Context(2_000), "3000", 1_700),
        (events.token_event, Context(100), "3000", 0),
        (events.token_event, None, "10000", 10_000),
        (events.http_2_event, None, "10000", 9_500),
    ],
)
def test_keys_must_be_there_by_a_deadline(event, context, setting, expected):
    """The setting, cut by what is left of the invocation and by the ten seconds of HTTP APIs and AppSync."""
    bench = Bench(environ={"AUTHORIZER_TIME_BUDGET_MS": setting})
    header = f"Bearer {bench.token()}"
    made = (
        event(header, "GET", "/orders")
        if event is events.token_event
        else event(events.Call("GET", "/orders", headers={"Authorization": header}))
    )
    bench.handle(made, context)
    assert bench.keys.asked[0][1] == bench.clock.monotonic + expected


def test_simple_answers_do_not_go_with_payload_1_0():
    """The setting and the event contradict each other: that is the operator's mistake, not a decision."""
    bench = Bench(environ={"AUTHORIZER_RESPONSE": "simple", "AUTHORIZER_RESULT_TTL": "0"})
    call = events.Call("GET", "/orders", headers=events.bearer(bench.token()))
    with pytest.raises(ConfigurationError, match="AUTHORIZER_RESPONSE"):
        bench.handle(events.http_1_event(call))


def test_sam_locals_2_0_event_for_payload_1_0_is_answered_by_the_setting():
    """Such an event says 2.0; with a policy asked for, it gets one."""
    bench = Bench()
    event = events.http_2_event(events.Call("GET", "/orders", headers=events.bearer(bench.token())))
    event["methodArn"] = event.pop("routeArn")
    event["identitySource"] = event["authorizationToken"] = "Bearer x"
    assert iam.evaluate(bench.handle(event)["policyDocument"], event["methodArn"]).allowed


# Calls without a credential

PUBLIC = (
    ISSUER
    + """
[[rule]]
name = "anybody"
allow = ["GET /health", "Query.health"]
anonymous = true

[[rule]]
name = "readers"
allow = ["GET /orders"]
scopes = ["orders:read"]
"""
)


def test_public_routes_need_no_credential():
    """A rule that says `anonymous` opens its routes to everybody, and a known caller is one of them."""
    bench = Bench(PUBLIC, environ={"AUTHORIZER_RESULT_TTL": "0"})
    event = events.request_event(events.Call("GET", "/health"))
    reply = bench.handle(event)
    assert reply["principalId"] == "anonymous"
    assert iam.evaluate(reply["policyDocument"], event["methodArn"]).allowed
    assert bench.telemetry.last["rule"] == "anybody"


def test_without_a_credential_other_routes_are_unauthorized():
    """The client is told to log in, not that it may never."""
    bench = Bench(PUBLIC, environ={"AUTHORIZER_RESULT_TTL": "0"})
    with pytest.raises(Unauthorized):
        bench.handle(events.request_event(events.Call("GET", "/orders")))
    assert bench.telemetry.last["reason"] == "missing_token"
    with pytest.raises(Unauthorized):
        bench.handle(events.request_event(events.Call("GET", "/health", headers=events.bearer("broken"))))


def test_appsync_keeps_no_answer_to_nobody():
    """Without a token there is nothing that would bound its life."""
    bench = Bench(PUBLIC, fields=("Query.health", "Query.orders"))
    reply = bench.handle(events.appsync_event("", "query { health }") | {"authorizationToken": None})
    assert reply["isAuthorized"] is True
    assert reply["deniedFields"] == ["Query.orders"]
    assert reply["ttlOverride"] == 0


# Opaque tokens


class FakeIntrospector:
    """An issuer that knows one opaque token."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    def claims(self, text: str, issuer: Any, deadline: int) -> Claims:  # noqa: ARG002 - the seam has them
        """Return the claims of an active token."""
        self.asked.append(text)
        if self.down:
            raise IntrospectionUnavailableError("no answer")
        if text != "opaque":
            raise InactiveTokenError("not active")
        return Claims("opaque", None, 4e9, {"sub": "c-1", "scope": "orders:read"})


def test_opaque_tokens_are_asked_about_each_time():
    """They may be revoked, so nothing of ours remembers them; signed tokens of other issuers are never sent."""
    introspector = FakeIntrospector()
    bench = Bench(INTROSPECTION, introspector=introspector, environ={"CLIENT_SECRET": "s"})
    for _ in range(2):
        assert iam.evaluate(get(bench, "opaque")["policyDocument"], events.REST_API.arn("GET", "/orders")).allowed
    assert introspector.asked == ["opaque", "opaque"]
    assert bench.telemetry.last["issuer"] == "opaque"
    get(bench, bench.token())
    assert len(introspector.asked) == 2
    with pytest.raises(Unauthorized):
        get(bench, "revoked")
    assert bench.telemetry.last["reason"] == "inactive_token"
    introspector.down = True
    with pytest.raises(IntrospectionUnavailableError):
        get(bench, "opaque")


def test_an_issuer_without_keys_is_asked_about_signed_tokens_too():
    """Where there is nothing to verify with, only the issuer can tell."""
    introspector = FakeIntrospector()
    bench = Bench(INTROSPECTION, introspector=introspector, environ={"CLIENT_SECRET": "s"})
    with pytest.raises(Unauthorized):
        get(bench, token := bench.token(iss="https://opaque.example/"))
    assert introspector.asked == [token]


def test_without_an_introspector_opaque_tokens_are_an_error():
    """A part that is missing is the operator's mistake."""
    bench = Bench(INTROSPECTION, environ={"CLIENT_SECRET": "s"})
    with pytest.raises(ConfigurationError):
        get(bench, "opaque")


def test_opaque_text_without_such_an_issuer_is_malformed():
    """Nobody is asked about what no configured issuer could have made."""
    bench = Bench()
    with pytest.raises(Unauthorized):
        get(bench, "opaque")
    assert bench.telemetry.last["reason"] == "malformed_token"


# Results kept


def test_a_repeated_token_is_verified_once():
    """Its caller is remembered; rules, keys and time are asked each time."""
    bench = Bench()
    token = bench.token()
    verified = bench.authorizer._callers._verified
    assert verified is not None
    first = get(bench, token)
    kept = dict(verified._kept)
    assert get(bench, token) == first
    assert dict(verified._kept) == kept
    assert len(kept) == 1
    assert len(bench.keys.asked) == 2
    assert token not in repr(kept)


def test_a_remembered_token_expires_on_time():
    """Never past `exp`."""
    bench = Bench()
    token = bench.token()
    get(bench, token)
    bench.clock.pass_ms(299_000)
    get(bench, token)
    bench.clock.pass_ms(1_000)
    bench.clock.pass_ms(120_000)  # whatever leeway the issuer has
    with pytest.raises(Unauthorized):
        get(bench, token)
    assert bench.telemetry.last["reason"] == "expired"


def test_a_withdrawn_key_takes_its_results_along():
    """The key source is asked for the very key before a result is used."""
    bench = Bench()
    token = bench.token()
    get(bench, token)
    bench.issuer.rotate(keep=False)
    bench.keys.version += 1
    with pytest.raises(Unauthorized):
        get(bench, token)
    assert bench.telemetry.last["reason"] == "unknown_key"


def test_a_changed_key_set_is_a_reason_to_verify_again():
    """The same `kid` may hold another key now."""
    bench = Bench()
    token = bench.token()
    get(bench, token)
    bench.issuer.keys = [type(bench.issuer.key)("ES256", bench.issuer.key.kid)]
    bench.keys.version += 1
    with pytest.raises(Unauthorized):
        get(bench, token)
    assert bench.telemetry.last["reason"] == "invalid_signature"


def test_nothing_is_remembered_where_the_setting_says_so():
    """Every call verifies."""
    bench = Bench(environ={"AUTHORIZER_VERIFIED_CACHE": "off"})
    assert bench.authorizer._callers._verified is None
    token = bench.token()
    assert get(bench, token) == get(bench, token)


def test_refused_tokens_are_not_remembered():
    """A flood of bad tokens fills nothing."""
    bench = Bench()
    with pytest.raises(Unauthorized):
        get(bench, bench.issuer.bad("bad-signature"))
    assert bench.authorizer._callers._verified is not None
    assert bench.authorizer._callers._verified._kept == {}


def test_events_are_not_changed():
    """Whoever handed the event in finds it as it was."""
    bench = Bench()
    event = events.request_event(events.Call("GET", "/orders", headers=events.bearer(bench.token())))
    before = copy.deepcopy(event)
    bench.handle(event)
    assert event == before


def test_answers_are_json():
    """Lambda writes the answer as JSON."""
    bench = Bench()
    json.dumps(get(bench, bench.token()), allow_nan=False)


def test_public_names_are_those_of_the_package():
    """`from lambda_authorizer import Authorizer` gives the same class."""
    assert lambda_authorizer.Authorizer is Authorizer
