"""Hooks, kept answers, sizes, usage keys and AppSync: what each caller gets beyond the table."""

import json
from typing import Any

import pytest
from tests.authorizer_parts import ISSUER, SIMPLE_RULES, Bench
from tests.test_authorizer_route import Context

from lambda_authorizer import Principal, Request
from lambda_authorizer.errors import ConfigurationError, EventError
from lambda_authorizer.principal import ANONYMOUS
from lambda_authorizer.testing import events, iam

UNCACHED = {"AUTHORIZER_RESULT_TTL": "0"}
SIMPLE = {"AUTHORIZER_RESPONSE": "simple"}


def rest(
    bench: Bench, path: str = "/orders/1", template: str = "/orders/{id}", method: str = "GET"
) -> dict[str, Any]:
    """Return a REST call of a reader."""
    return events.request_event(events.Call(method, path, headers=events.bearer(bench.token())), resource=template)


def allows(reply: dict[str, Any], method: str, path: str) -> bool:
    """Say whether a policy lets a call pass."""
    return iam.evaluate(reply["policyDocument"], events.REST_API.arn(method, path)).allowed


# Hooks

TRUTHY = [1, "yes", object(), [True], None, False, 0]


@pytest.mark.parametrize("answer", TRUTHY)
def test_only_the_value_true_lets_a_caller_pass(answer):
    """A hook that forgets its return, or returns something true-ish, refuses."""
    bench = Bench(check=lambda _principal, _request: answer)
    reply = bench.handle(rest(bench))
    assert not allows(reply, "GET", "/orders/1")
    assert reply["context"] == {"reason": "hook_refused"}
    assert bench.telemetry.last["decision"] == "deny"
    assert bench.telemetry.last["reason"] == "hook_refused"


def test_a_hook_that_says_true_changes_nothing():
    """The rules' answer stands."""
    plain, hooked = Bench(), Bench(check=lambda _principal, _request: True)
    assert plain.handle(rest(plain))["policyDocument"] == hooked.handle(rest(hooked))["policyDocument"]


def test_a_hook_cannot_widen():
    """It is asked about callers whom the rules let through, and never opens a route."""
    for environ in ({}, UNCACHED):
        bench = Bench(check=lambda _principal, _request: True, environ=environ)
        assert not allows(bench.handle(rest(bench, method="PUT")), "PUT", "/orders/1")


def test_an_exception_in_a_hook_refuses():
    """Whatever it is; its class is recorded, its text is not."""

    def broken(_principal: Principal, _request: Request) -> bool:
        raise RuntimeError("a.b.c")

    bench = Bench(check=broken)
    assert not allows(bench.handle(rest(bench)), "GET", "/orders/1")
    assert bench.telemetry.last["reason"] == "hook_refused"
    assert bench.telemetry.last["error"] == "RuntimeError"


def test_a_hook_is_asked_about_a_refused_call_whose_answer_opens_others():
    """A banned caller must not get a policy of their own by calling a forbidden route first."""
    asked: list[str] = []

    def banned(principal: Principal, _request: Request) -> bool:
        asked.append(principal.id)
        return False

    bench = Bench(check=banned)
    reply = bench.handle(rest(bench, method="PUT"))
    assert asked == ["c-1"]
    assert not allows(reply, "GET", "/orders/1")


def test_a_hook_is_not_asked_where_nothing_would_be_opened():
    """A caller of no rights needs no second opinion."""
    asked: list[str] = []
    for environ in ({}, UNCACHED):
        bench = Bench(check=lambda principal, _request: asked.append(principal.id), environ=environ)
        bench.handle(events.token_event(f"Bearer {bench.token('none')}", "GET", "/orders"))
    assert asked == []


def test_a_hook_sees_the_caller_and_the_call():
    """Claims, scopes, headers and address are at hand."""
    seen: list[tuple[Principal, Request]] = []

    def look(principal: Principal, request: Request) -> bool:
        seen.append((principal, request))
        return True

    bench = Bench(check=look)
    bench.handle(rest(bench))
    principal, request = seen[0]
    assert principal.claims["sub"] == "c-1"
    assert request.source_ip == "203.0.113.10"


@pytest.mark.parametrize(
    "event",
    [
        lambda token: events.http_2_event(
            events.Call("GET", "/orders/1", headers=events.bearer(token)), route_key="GET /orders/{id}"
        ),
        lambda token: events.appsync_event(token, "query { orders { id } }"),
        lambda token: events.appsync_events_event(token, "EVENT_CONNECT"),
    ],
)
def test_a_hook_refuses_in_yes_or_no_answers_too(event):
    """All front ends ask it."""
    bench = Bench(check=lambda _principal, _request: False, environ=SIMPLE | UNCACHED)
    reply = bench.handle(event(bench.token()))
    assert reply["isAuthorized"] is False
    context = reply.get("context") or reply.get("resolverContext") or reply.get("handlerContext")
    assert context == {"reason": "hook_refused"}


def test_a_remembered_token_still_meets_the_hook():
    """Only verification is remembered."""
    answers = iter([True, False])
    bench = Bench(check=lambda _principal, _request: next(answers))
    event = rest(bench)
    assert allows(bench.handle(event), "GET", "/orders/1")
    assert not allows(bench.handle(event), "GET", "/orders/1")


def test_nothing_that_a_hook_does_to_a_caller_widens_anything():
    """Grants and context are worked out before it is asked, and kept with the caller."""

    def meddles(principal: Principal, _request: Request) -> bool:
        claims: Any = principal.claims
        claims["scope"] = "orders:read orders:write"
        claims["sub"] = "1"
        claims["custom:tenant"] = "another"
        return True

    for cache in ("on", "off"):
        bench = Bench(check=meddles, environ={"AUTHORIZER_VERIFIED_CACHE": cache})
        event = events.token_event(f"Bearer {bench.token(**{'custom:tenant': 'own'})}", "DELETE", "/orders/1")
        for _ in range(2):
            reply = bench.handle(event)
            assert not allows(reply, "DELETE", "/orders/1")
            assert reply["context"]["tenant"] == "own"


@pytest.mark.parametrize("ttl", ["0", "300"])
def test_a_hook_is_given_a_caller_of_its_own(ttl):
    """Whatever it changes in there, this answer and the next ones are those of the caller who was verified."""

    def meddles(principal: Principal, _request: Request) -> bool:
        mine: Any = principal
        mine.claims["sub"] = "1"
        mine.claims["roles"].append("admin")
        mine.tier = "gold"
        mine.scopes = frozenset({"orders:read", "orders:write"})
        return True

    bench = Bench(check=meddles, environ={"AUTHORIZER_RESULT_TTL": ttl}, usage_keys={"gold": "the-gold-key"})
    token = bench.token("orders:read orders:write", roles=["member"])
    for method, path in (("GET", "/orders/1"), ("DELETE", "/orders/1"), ("GET", "/orders/1")):
        reply = bench.handle(events.request_event(events.Call(method, path, headers=events.bearer(token))))
        assert allows(reply, method, path) is (method == "GET")
        assert "usageIdentifierKey" not in reply
        assert reply["context"].get("roles", "member") == "member"


def test_nothing_done_to_an_answer_reaches_the_next_one():
    """HTTP API 2.0 gets lists as they are: an extender who adds to one changes that answer alone."""
    for environ in (UNCACHED, UNCACHED | SIMPLE):
        bench = Bench(environ=environ)
        call = events.Call("GET", "/orders/1", headers=events.bearer(bench.token(roles=["member"])))
        event = events.http_2_event(call, route_key="GET /orders/{id}")
        first = bench.handle(event)
        first["context"]["roles"].append("admin")
        first["context"]["scopes"].append("orders:write")
        context = bench.handle(event)["context"]
        assert (context["roles"], context["scopes"]) == (["member"], ["orders:read"])


def test_rules_on_the_request_are_asked_for_every_call_of_a_kept_caller():
    """The same token from another address."""
    bench = Bench(ADDRESS, environ=UNCACHED)
    headers = events.bearer(bench.token())
    for address, allowed in (("203.0.113.10", True), ("192.0.2.1", False), ("203.0.113.11", True)):
        event = events.request_event(events.Call("GET", "/orders", headers=headers, source_ip=address))
        assert allows(bench.handle(event), "GET", "/orders") is allowed


def test_kept_callers_are_bounded():
    """A flood of callers is forgotten whole; nobody gets another's grants."""
    bench = Bench()
    answers = bench.authorizer._answers
    for number in range(600):
        principal = ANONYMOUS._replace(id=str(number), anonymous=False, scopes=frozenset({"orders:read"}))
        assert answers._caller(principal, None).principal is principal
        assert len(answers._known) <= 512


# Sizes


def test_a_context_over_the_bound_is_refused_not_cut():
    """A backend must never take half a context for the whole."""
    for environ in ({}, UNCACHED, SIMPLE | UNCACHED):
        bench = Bench(environ=environ)
        token = bench.token(**{"custom:tenant": "t" * 3_000})
        call = events.Call("GET", "/orders/1", headers=events.bearer(token))
        reply = bench.handle(events.http_2_event(call, route_key="GET /orders/{id}"))
        assert reply["context"] == {"reason": "answer_too_large"}
        assert bench.telemetry.last["decision"] == "deny"
        assert bench.telemetry.last["reason"] == "answer_too_large"


def test_rest_may_have_a_larger_context_and_websocket_never():
    """The service's bound is hard for WebSocket APIs alone."""
    bench = Bench(environ={"AUTHORIZER_CONTEXT_BYTES": "4096"})
    token = bench.token(**{"custom:tenant": "t" * 3_000})
    call = events.Call("GET", "/orders/1", headers=events.bearer(token))
    assert bench.handle(events.request_event(call, resource="/orders/{id}"))["context"]["tenant"]
    assert bench.handle(events.websocket_event(call))["context"] == {"reason": "answer_too_large"}


def test_appsync_context_has_the_same_bound():
    """Whether or not AppSync would take more."""
    bench = Bench()
    token = bench.token(**{"custom:tenant": "t" * 3_000})
    reply = bench.handle(events.appsync_event(token, "query { orders { id } }"))
    assert reply["isAuthorized"] is False
    assert reply["resolverContext"] == {"reason": "answer_too_large"}


def test_a_policy_over_the_operators_bound_is_narrowed_or_refused():
    """What is kept covers fewer routes, what is for one call is refused: never over the bound, never wider."""
    for ttl, reason in (("300", "policy_narrowed"), ("0", "answer_too_large")):
        bench = Bench(environ={"AUTHORIZER_POLICY_BYTES": "512", "AUTHORIZER_RESULT_TTL": ttl})
        reply = bench.handle(rest(bench))
        assert not allows(reply, "GET", "/orders/1")
        assert bench.telemetry.last["reason"] == reason


MANY = ISSUER + "".join(
    f'[[rule]]\nname = "{n}"\nallow = ["GET /area-{n}/{{id}}/part-{n}"]\nscopes = ["orders:read"]\n'
    for n in range(60)
)


@pytest.mark.parametrize(("limit", "allowed"), [("6144", False), ("65536", True)])
def test_rest_may_have_a_larger_policy(limit, allowed):
    """The bound is a setting, because REST documents none; the default fits every front end."""
    bench = Bench(MANY, environ={"AUTHORIZER_POLICY_BYTES": limit})
    event = events.token_event(f"Bearer {bench.token()}", "GET", "/area-59/1/part-59")
    reply = bench.handle(event)
    assert allows(reply, "GET", "/area-59/1/part-59") is allowed
    assert len(json.dumps(reply["policyDocument"])) <= int(limit) + 600


# Usage keys


def test_the_tiers_key_is_in_the_answer_and_nowhere_else():
    """REST reads it beside the policy; refusals, other tiers and records have none."""
    bench = Bench(usage_keys={"gold": "goldkey-" * 3})
    token = bench.token(tier="gold")
    for kind in (events.token_event(f"Bearer {token}", "GET", "/orders"), rest(bench)):
        reply = bench.handle(kind)
        expected = "goldkey-" * 3 if kind["type"] == "TOKEN" else None
        assert reply.get("usageIdentifierKey") == expected
    refused = bench.handle(events.token_event(f"Bearer {bench.token('none', tier='gold')}", "GET", "/orders"))
    assert "usageIdentifierKey" not in refused
    assert "goldkey" not in repr(bench.telemetry.entries)


# What the event itself contradicts

CONTRADICTIONS = [
    {"path": "/orders/2"},
    {"httpMethod": "DELETE"},
    {"headers": {"X-HTTP-Method-Override": "DELETE"}},
]


@pytest.mark.parametrize("change", CONTRADICTIONS)
def test_contradictions_are_refused(change):
    """Where nothing is kept it is a denial; where it would be, an error, which nothing keeps."""
    bench = Bench(environ=UNCACHED)
    event = rest(bench) | change
    reply = bench.handle(event)
    assert not allows(reply, "GET", "/orders/1")
    assert reply["context"] == {"reason": "path_refused"}
    with pytest.raises(EventError):
        Bench.handle(kept := Bench(), rest(kept) | change)
    assert kept.telemetry.last["reason"] == "invalid_event"


@pytest.mark.parametrize("environ", [{}, UNCACHED, SIMPLE | UNCACHED])
@pytest.mark.parametrize(("method", "path"), [("PUBLISH", "/chat/1"), ("CONNECT", "")])
def test_a_method_that_is_named_like_an_event_operation_is_no_such_operation(environ, method, path):
    """Any client can send HTTP's CONNECT, or a method of its own making: rules on Events do not open it."""
    bench = Bench(environ=environ)
    call = events.Call(method, path, headers=events.bearer(bench.token("orders:read orders:write")))
    for event in (events.request_event(call), events.http_2_event(call, route_key="$default")):
        reply = bench.handle(event)
        assert bench.telemetry.last["reason"] == "no_rule_allows"
        assert not reply.get("isAuthorized")


@pytest.mark.parametrize("path", ["/orders/1/", "/orders//1", "/orders/../admin"])
def test_another_route_than_the_gateways_is_refused_where_nothing_is_kept(path):
    """The gateway reads these as the route of the template; the rules do not."""
    bench = Bench(environ=UNCACHED)
    reply = bench.handle(rest(bench, path=path))
    assert reply["context"] == {"reason": "path_refused"}


def test_rules_and_gateway_may_disagree_under_a_kept_policy():
    """Then the document decides, by the text of each call's own ARN."""
    bench = Bench()
    reply = bench.handle(rest(bench, path="/orders/1/"))
    assert not allows(reply, "GET", "/orders/1/")
    assert allows(reply, "GET", "/orders/1")


# Corners that IAM cannot say

CORNER = (
    ISSUER
    + """
[[rule]]
name = "deep"
allow = ["GET /p/{x}", "GET /p/{x}/b/{y}"]
scopes = ["orders:read"]
narrow = true

[[rule]]
name = "shallow"
allow = ["GET /p/{x}/c"]
scopes = ["other"]
"""
)


def test_a_corner_that_the_policy_cannot_say_is_refused_and_named():
    """The log says what the gateway will do, not what the rules alone would."""
    bench = Bench(CORNER)
    outcomes = set()
    for path in ("/p/1/b/c", "/p/1/b/2", "/p/1"):
        event = events.token_event(f"Bearer {bench.token()}", "GET", path)
        reply = bench.handle(event)
        allowed = allows(reply, "GET", path)
        assert bench.telemetry.last["decision"] == ("allow" if allowed else "deny")
        assert bench.telemetry.last["reason"] == ("allowed" if allowed else "policy_narrowed")
        outcomes.add(allowed)
    assert False in outcomes
    uncached = Bench(CORNER, environ=UNCACHED)
    reply = uncached.handle(events.token_event(f"Bearer {uncached.token()}", "GET", "/p/1/b/c"))
    assert allows(reply, "GET", "/p/1/b/c")


def test_a_policy_without_an_arn_is_an_error():
    """No event of a front end that reads policies lacks one; a request made otherwise is not answered."""
    bench = Bench()
    request = Request(kind="request", arn=None, method="GET", path="/orders")
    caller = ANONYMOUS._replace(anonymous=False, scopes=frozenset({"orders:read"}))
    with pytest.raises(EventError):
        bench.authorizer._answers.known(request, caller, None, {})


# Conditions on the request

ADDRESS = (
    ISSUER
    + """
[[rule]]
name = "office"
allow = ["GET /orders"]
scopes = ["orders:read"]
source_ip = ["203.0.113.0/24"]

[[rule]]
name = "not from there"
deny = ["GET /orders"]
source_ip = ["198.51.100.0/24"]
"""
)


@pytest.mark.parametrize(
    ("address", "allowed"), [("203.0.113.10", True), ("198.51.100.7", False), ("192.0.2.1", False)]
)
def test_rules_may_ask_for_the_address_where_nothing_is_kept(address, allowed):
    """The gateway's own reading of the address, not a header."""
    bench = Bench(ADDRESS, environ=UNCACHED)
    call = events.Call("GET", "/orders", headers=events.bearer(bench.token()), source_ip=address)
    assert allows(bench.handle(events.request_event(call)), "GET", "/orders") is allowed


def test_what_may_be_kept_never_depends_on_the_address():
    """A start refuses such rules; were they there all the same, the address would count as unknown."""
    bench = Bench(ADDRESS)
    call = events.Call("GET", "/orders", headers=events.bearer(bench.token()))
    assert not allows(bench.handle(events.request_event(call)), "GET", "/orders")


def test_without_an_address_such_rules_never_open():
    """A TOKEN call and a console test have none; a deny that asks for it holds."""
    bench = Bench(ADDRESS, environ=UNCACHED)
    event = events.token_event(f"Bearer {bench.token()}", "GET", "/orders")
    assert not allows(bench.handle(event), "GET", "/orders")
    call = events.Call("GET", "/orders", headers=events.bearer(bench.token()))
    console = events.request_event(call)
    console["requestContext"]["identity"] = None
    assert not allows(bench.handle(console), "GET", "/orders")


# Simple answers that are kept

KEPT_SIMPLE = SIMPLE | {"AUTHORIZER_RESULT_TTL": "60"}


def simple(bench: Bench, path: str, key: str, sources: list[str] | None = None, scope: str = "orders:read") -> Any:
    """Answer an HTTP API call whose authorizer keeps simple answers."""
    header = f"Bearer {bench.token(scope)}"
    call = events.Call("GET", path, headers={"Authorization": header})
    identity = [header, key] if sources is None else sources
    return bench.handle(events.http_2_event(call, route_key=key, identity_source=identity))


def test_a_kept_yes_is_for_the_deciding_routes_own_key():
    """Then the gateway repeats it for that route only."""
    bench = Bench(SIMPLE_RULES, environ=KEPT_SIMPLE)
    assert simple(bench, "/orders/1", "GET /orders/{id}")["isAuthorized"] is True


@pytest.mark.parametrize("key", ["ANY /orders/{id}", "GET /{proxy+}", "$default", "GET /orders/{orderId}"])
def test_a_kept_yes_is_refused_under_a_wider_key(key):
    """It would be repeated for other routes; a key that is not the rule's own text is taken for a wider one."""
    bench = Bench(SIMPLE_RULES, environ=KEPT_SIMPLE)
    reply = simple(bench, "/orders/1", key)
    assert reply == {"isAuthorized": False, "context": {}}
    assert bench.telemetry.last["reason"] == "policy_narrowed"


def test_a_kept_yes_is_refused_where_a_finer_rule_hides_under_the_key():
    """`/stock/1` and `/stock/secret` share the key `GET /stock/{id}` unless the API has a route for the second."""
    bench = Bench(SIMPLE_RULES, environ=KEPT_SIMPLE)
    assert simple(bench, "/stock/1", "GET /stock/{id}")["isAuthorized"] is False
    assert simple(bench, "/stock/1", "GET /stock/{id}", scope="orders:read admin")["isAuthorized"] is True
    known = Bench(
        SIMPLE_RULES, environ=KEPT_SIMPLE, api_routes=("GET /orders/{id}", "GET /stock/{id}", "GET /stock/secret")
    )
    assert simple(known, "/stock/1", "GET /stock/{id}")["isAuthorized"] is True
    assert simple(known, "/stock/secret", "GET /stock/secret")["isAuthorized"] is False


@pytest.mark.parametrize(
    ("route", "allowed"),
    [
        ("GET /{proxy+}", False),
        ("GET /{area}/{id}", False),
        ("GET /orders/{id}/{rest+}", True),
        ("GET /orders/{id}/items", True),
        ("POST /orders/{id}", True),
        ("GET /other/{id}", True),
        ("$connect", True),
    ],
)
def test_a_kept_yes_is_refused_where_another_rule_shares_calls_with_the_route(route, allowed):
    """Routes that share no call with it do not matter; at worst the answer is no."""
    rules = SIMPLE_RULES + f'[[rule]]\nname = "other"\nallow = ["{route}"]\nscopes = ["other"]\n'
    bench = Bench(rules, environ=KEPT_SIMPLE)
    assert simple(bench, "/orders/1", "GET /orders/{id}")["isAuthorized"] is allowed


def test_a_kept_yes_is_refused_where_a_deny_reaches_part_of_the_route():
    """A deny rule makes no route, so the API cannot keep its calls apart."""
    rules = (
        SIMPLE_RULES
        + """
[[rule]]
name = "not that one"
deny = ["ANY /orders/{id}"]
groups = ["suspended"]

[[rule]]
name = "closed"
deny = ["GET /stock/closed"]
authenticated = true
"""
    )
    bench = Bench(rules, environ=KEPT_SIMPLE)
    assert simple(bench, "/orders/1", "GET /orders/{id}")["isAuthorized"] is True
    assert simple(bench, "/stock/1", "GET /stock/{id}", scope="orders:read admin")["isAuthorized"] is False


@pytest.mark.parametrize("sources", [[], ["Bearer x"], ["Bearer x", "GET /other"]])
def test_a_kept_yes_needs_the_route_key_among_the_identity_sources(sources):
    """Without it the gateway repeats the answer for every route: that is a mistake of the API's set-up."""
    bench = Bench(SIMPLE_RULES, environ=KEPT_SIMPLE)
    with pytest.raises(ConfigurationError, match="identity sources"):
        simple(bench, "/orders/1", "GET /orders/{id}", sources)
    assert bench.telemetry.last["decision"] == "error"


@pytest.mark.parametrize("environ", [KEPT_SIMPLE, {"AUTHORIZER_RESULT_TTL": "60"}])
def test_a_kept_answer_needs_the_credential_among_the_identity_sources(environ):
    """Without it the gateway gives one caller's answer to every other: that is a mistake of the API's set-up."""
    bench = Bench(SIMPLE_RULES, environ=environ)
    for sources in (["GET /orders/{id}"], ["203.0.113.10", "GET /orders/{id}"]):
        with pytest.raises(ConfigurationError, match="identity sources"):
            simple(bench, "/orders/1", "GET /orders/{id}", sources)
    token = bench.token()
    event = events.http_2_event(
        events.Call("GET", "/orders/1", headers=events.bearer(token)),
        route_key="GET /orders/{id}",
        identity_source=["GET /orders/{id}"],
    )
    once = Bench(SIMPLE_RULES, environ=environ | UNCACHED)
    event["headers"]["authorization"] = f"Bearer {once.token()}"
    assert once.handle(event)["context"]["principal"] == "c-1"


def test_a_credential_in_the_query_may_be_encoded_among_the_identity_sources():
    """HTTP APIs show the query decoded, and AWS does not say how an identity source stands."""
    environ = KEPT_SIMPLE | {"AUTHORIZER_CREDENTIAL": "query:key"}
    bench = Bench(SIMPLE_RULES, environ=environ)
    token = bench.token()
    key = "GET /orders/{id}"
    for shown in (token, token.replace(".", "%2E")):
        call = events.Call("GET", "/orders/1", query=f"key={token}")
        event = events.http_2_event(call, route_key=key, identity_source=[shown, key])
        assert bench.handle(event)["isAuthorized"] is True


def test_a_kept_no_says_nothing_of_the_call():
    """It is repeated for the same route key."""
    bench = Bench(SIMPLE_RULES, environ=KEPT_SIMPLE)
    assert simple(bench, "/orders/1", "GET /orders/{id}", scope="none") == {"isAuthorized": False, "context": {}}


# AppSync

APPSYNC = "query { orders { id } }"


def test_denied_fields_are_all_that_is_not_granted():
    """AppSync lets pass whatever is not named."""
    bench = Bench()
    reply = bench.handle(events.appsync_event(bench.token(), APPSYNC))
    assert reply["isAuthorized"] is True
    assert reply["deniedFields"] == ["Query.audit", "Mutation.pay"]


def test_denied_fields_as_arns_have_the_functions_partition_and_region():
    """One function for several APIs needs them."""
    bench = Bench(environ={"AUTHORIZER_APPSYNC_FIELDS": "arns"})
    event = events.appsync_event(bench.token(), APPSYNC)
    reply = bench.handle(event, Context(3_000))
    api = events.APPSYNC_API
    assert reply["deniedFields"] == [
        f"arn:aws-cn:appsync:cn-north-1:{api.account}:apis/{api.api_id}/types/Query/fields/audit",
        f"arn:aws-cn:appsync:cn-north-1:{api.account}:apis/{api.api_id}/types/Mutation/fields/pay",
    ]
    for context in (None, object()):
        with pytest.raises(ConfigurationError, match="AUTHORIZER_APPSYNC_FIELDS"):
            bench.handle(event, context)


def test_rules_on_fields_need_the_schema():
    """Without it, what is not granted could not be named, and would pass."""
    bench = Bench(fields=None)
    with pytest.raises(ConfigurationError, match="AUTHORIZER_APPSYNC_SCHEMA"):
        bench.handle(events.appsync_event(bench.token(), APPSYNC))


def test_without_rules_on_fields_graphql_is_refused():
    """Nothing is granted."""
    bench = Bench(SIMPLE_RULES, fields=None)
    assert bench.handle(events.appsync_event(bench.token(), APPSYNC))["isAuthorized"] is False


@pytest.mark.parametrize(
    ("environ", "lifetime", "expected"),
    [
        ({}, 3_600, 300),
        ({}, 100, 100),
        ({"AUTHORIZER_RESULT_TTL": "0"}, 3_600, 0),
        ({"AUTHORIZER_RESULT_TTL": ""}, 3_600, 0),
        ({"AUTHORIZER_CREDENTIAL": "header:X-Token"}, 3_600, 0),
        ({"AUTHORIZER_CREDENTIAL": "appsync"}, 3_600, 300),
    ],
)
def test_appsync_keeps_an_answer_no_longer_than_the_token_lives(environ, lifetime, expected):
    """Nor at all where nothing says that it may be kept, or where its cache looks at another header."""
    bench = Bench(environ=environ)
    token = bench.issuer.mint({"scope": "orders:read"}, lifetime=lifetime)
    event = events.appsync_event(token, APPSYNC, headers={"X-Token": token})
    assert bench.handle(event)["ttlOverride"] == expected


def test_appsync_keeps_nothing_that_a_hook_said():
    """A hook may look at the one operation; the cache does not."""
    bench = Bench(check=lambda _principal, _request: True)
    assert bench.handle(events.appsync_event(bench.token(), APPSYNC))["ttlOverride"] == 0


def test_events_are_decided_by_operation_and_channel():
    """Publishing, subscribing and connecting are routes like any other."""
    bench = Bench()
    writer = bench.token("orders:write")
    for operation, channel, allowed in (
        ("EVENT_PUBLISH", "/chat/room", True),
        ("EVENT_SUBSCRIBE", "/chat/room", False),
        ("EVENT_PUBLISH", "/chat/room/deep", False),
        ("EVENT_PUBLISH", "/other/room", False),
    ):
        reply = bench.handle(events.appsync_events_event(writer, operation, channel))
        assert reply["isAuthorized"] is allowed
        assert reply["ttlOverride"] == 0


def test_resource_policy_setting_spells_refusals_out():
    """Beside a resource policy that allows, silence would be a yes."""
    bench = Bench(environ={"AUTHORIZER_RESOURCE_POLICY": "true"})
    reply = bench.handle(rest(bench))
    verdict = iam.evaluate(reply["policyDocument"], events.REST_API.arn("PUT", "/orders/1"))
    assert verdict.explicit_deny
