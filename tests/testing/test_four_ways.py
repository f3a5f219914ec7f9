"""One truth, four ways to ask: the rules, a gateway that keeps nothing, one that keeps policies, and a yes or no.

Sequences of requests of several callers go through simulated gateways that share nothing but the rules file. The
answers agree with the rules call by call, whatever was kept before.
"""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_authorizer.arn import parse_execute_api_arn
from lambda_authorizer.cli.judge import caller_with
from lambda_authorizer.policy import decide
from lambda_authorizer.policy.build import build_policy
from lambda_authorizer.rules import Grants, grants_for
from lambda_authorizer.testing.events import REST_API
from lambda_authorizer.testing.function import AuthorizerFunction
from lambda_authorizer.testing.gateway import Clock, HttpApi, RestApi
from lambda_authorizer.testing.issuer import FakeIssuer

HEAD = """
schema = 1

[[issuer]]
name = "main"
url = "${ISSUER}"
jwks = "${JWKS}"
audience = ["${AUDIENCE}"]
"""
# Everything reaches the authorizer, so that requests of no route of the rules are asked about as well.
EVERYTHING = ["ANY /", "ANY /{proxy+}"]
ISSUER = FakeIssuer(algorithm="EdDSA")
ARN = parse_execute_api_arn(REST_API.arn("GET", "/"))

HAND_MADE = {
    "a literal beside a variable": """
[[rule]]
name = "one"
allow = ["GET /orders/{id}"]
scopes = ["a"]
[[rule]]
name = "two"
allow = ["GET /orders/new"]
scopes = ["b"]
""",
    "below a variable": """
[[rule]]
name = "one"
allow = ["GET /orders/{id}", "GET /orders"]
scopes = ["a"]
[[rule]]
name = "two"
allow = ["GET /orders/{id}/refunds"]
scopes = ["b"]
""",
    "bound to the caller": """
[[rule]]
name = "one"
allow = ["ANY /members/{m}/{rest+}", "GET /members/{m}"]
scopes = ["a"]
where = { m = "sub" }
[[rule]]
name = "two"
deny = ["ANY /members/{m}/secret"]
groups = ["g"]
""",
    "greedy with finer rules": """
[[rule]]
name = "one"
allow = ["ANY /{all+}"]
scopes = ["a"]
[[rule]]
name = "two"
allow = ["POST /admin/{all+}"]
scopes = ["b"]
[[rule]]
name = "three"
deny = ["DELETE /{all+}"]
authenticated = true
""",
    "only denials for some": """
[[rule]]
name = "one"
allow = ["GET /a", "GET /a/{x}", "PUT /a/{x}"]
any_scopes = ["a", "b"]
[[rule]]
name = "two"
deny = ["ANY /a/{x}"]
groups = ["g"]
""",
}

SEGMENTS = ["orders", "new", "members", "m-1", "m-2", "admin", "a", "secret", "refunds", "1"]
ODD = ["", ".", "..", "a%2Fb", "a%2fb", "%2e%2e", "*", "$", "${*}", "a:b", "a;b", "é", "a b", "~"]
paths = st.lists(
    st.one_of(st.sampled_from(SEGMENTS), st.sampled_from(SEGMENTS), st.sampled_from(ODD)), min_size=0, max_size=4
).map(lambda segments: "/" + "/".join(segments))
requests = st.tuples(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), paths)
CALLERS: list[dict[str, Any]] = [
    {"sub": sub, "scope": scope, "groups": groups}
    for sub in ("m-1", "m-2")
    for scope in ("a", "b", "a b", "z")
    for groups in ([], ["g"])
]
TOKENS = [ISSUER.mint(claims, lifetime=10_000) for claims in CALLERS]
Sequence = list[tuple[int, tuple[str, str]]]
calls = st.lists(st.tuples(st.sampled_from(range(len(CALLERS))), requests), min_size=1, max_size=8)


class Asked(NamedTuple):
    """One rules file behind authorizer functions, and what it says of each caller."""

    clock: Clock
    kept: AuthorizerFunction
    fresh: AuthorizerFunction
    simple: AuthorizerFunction
    grants: list[Grants]
    narrowed: list[bool]
    """Whether IAM cannot say exactly what a caller may do, so that a kept policy says less."""


def asked(rules: Path) -> Asked:
    """Start the functions of a rules file."""
    clock = Clock(ISSUER.clock())

    def function(**more: str) -> AuthorizerFunction:
        return AuthorizerFunction(rules, ISSUER, clock=clock, **more)

    kept = function(AUTHORIZER_RESULT_TTL="300")
    issuer = kept.rules.issuers[0]
    grants = [grants_for(kept.rules, caller_with(kept.rules, claims, issuer), None) for claims in CALLERS]
    return Asked(
        clock,
        kept,
        function(AUTHORIZER_RESULT_TTL="0"),
        function(AUTHORIZER_RESULT_TTL="0", AUTHORIZER_RESPONSE="simple"),
        grants,
        [bool(build_policy(one, ARN, whole=True, resource_policy=False).narrowed) for one in grants],
    )


def gateways(on: Asked) -> dict[str, RestApi | HttpApi]:
    """Return gateways that have kept nothing yet."""
    every = [*EVERYTHING, "$default"]
    return {
        "TOKEN, kept": RestApi(on.kept, EVERYTHING, ttl=300, clock=on.clock),
        "REQUEST, kept": RestApi(on.kept, EVERYTHING, kind="request", ttl=300, clock=on.clock),
        "REQUEST, fresh": RestApi(on.fresh, EVERYTHING, kind="request", ttl=0, clock=on.clock),
        "HTTP API policy, kept": HttpApi(on.kept, every, simple=False, ttl=300, clock=on.clock),
        "HTTP API 1.0, fresh": HttpApi(on.fresh, every, simple=False, payload="1.0", clock=on.clock),
        "HTTP API simple, fresh": HttpApi(on.simple, every, clock=on.clock),
    }


def as_the_gateway_sees_it(name: str, path: str) -> str:
    """REST collapses slashes at the beginning of a path before anybody is asked."""
    return "/" + path.lstrip("/") if name.startswith(("TOKEN", "REQUEST")) else path


def agree(on: Asked, sequence: Sequence) -> None:
    """Send a sequence through every gateway and hold each answer against the rules."""
    ways = gateways(on)
    for caller, (method, path) in sequence:
        for name, api in ways.items():
            answer = api.call(f"{method} {path}", token=TOKENS[caller])
            assert answer.status in {200, 400, 403}, answer.explanation
            wanted = decide(on.grants[caller], method, as_the_gateway_sees_it(name, path)).allowed
            # Where IAM cannot say it exactly, a kept policy may refuse more; nothing ever allows more.
            less = wanted and on.narrowed[caller] and name.endswith("kept")
            assert answer.allowed is wanted or less, f"{name}: {answer.explanation}"


@pytest.fixture(scope="module")
def hand_made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """Start the functions once."""
    found = {}
    for name, text in HAND_MADE.items():
        rules = tmp_path_factory.mktemp("rules") / "rules.toml"
        rules.write_text(HEAD + text, encoding="utf-8")
        found[name] = asked(rules)
    return found


@pytest.mark.parametrize("name", HAND_MADE)
def test_gateways_agree_with_the_rules_on_every_sequence(name: str, hand_made: dict[str, Asked]) -> None:
    """For rules of every difficult form, each call of each sequence gets what the rules say."""

    @settings(max_examples=20, deadline=None)
    @given(calls)
    def holds(sequence: Sequence) -> None:
        agree(hand_made[name], sequence)

    holds()


segment = st.sampled_from(["orders", "members", "a", "{x}", "{y}"])
templates = st.tuples(st.lists(segment, min_size=1, max_size=3), st.booleans())


def template(parts: tuple[list[str], bool]) -> str:
    """Return a route template whose variables have names of their own."""
    segments, greedy = parts
    named = [f"{{v{at}}}" if one.startswith("{") else one for at, one in enumerate(segments)]
    return "/" + "/".join([*named, "{rest+}"] if greedy else named)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "ANY"]), templates, st.sampled_from(["a", "b"])),
        min_size=1,
        max_size=5,
        unique_by=lambda row: (row[0], template(row[1])),
    ),
    calls,
)
def test_gateways_agree_with_generated_rules(
    tmp_path_factory: Any, rows: list[tuple[str, tuple[list[str], bool], str]], sequence: Sequence
) -> None:
    """Whatever routes the rules name: exact where IAM can be, on the narrow side where it cannot."""
    text = "".join(
        f'[[rule]]\nname = "r{number}"\nallow = ["{method} {template(parts)}"]\nscopes = ["{scope}"]\n'
        for number, (method, parts, scope) in enumerate(rows)
    )
    rules = tmp_path_factory.mktemp("generated") / "rules.toml"
    rules.write_text(HEAD + text, encoding="utf-8")
    agree(asked(rules), sequence)


fillers = st.sampled_from(["orders", "members", "a", "other"])


def filled(data: st.DataObject, text: str) -> str:
    """Return a request of a route: its method, and a path of its template."""
    method, _, path = text.partition(" ")
    segments = [data.draw(fillers) if one.startswith("{v") else one for one in path[1:].split("/")]
    if segments[-1] == "{rest+}":
        segments[-1:] = data.draw(st.lists(fillers, min_size=1, max_size=2))
    verb = data.draw(st.sampled_from(["GET", "POST"])) if method == "ANY" else method
    return f"{verb} /{'/'.join(segments)}"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "ANY"]), templates),
        min_size=2,
        max_size=5,
        unique_by=lambda row: (row[0], template(row[1])),
    ),
    st.lists(
        st.sampled_from(["ANY /{rest+}", "GET /{v0}/{rest+}", "ANY /orders/{rest+}", "GET /{v0}"]), max_size=2
    ),
    st.sets(st.integers(0, 4), max_size=3),
    st.data(),
)
def test_a_kept_simple_yes_is_true_of_every_request_it_answers(
    tmp_path_factory: Any,
    rows: list[tuple[str, tuple[list[str], bool]]],
    wider: list[str],
    present: set[int],
    data: st.DataObject,
) -> None:
    """Whatever routes an HTTP API has in place of the rules' own, a kept yes allows nothing that the rules refuse.

    Save odd spellings that take the very route that was granted: `test_simple_cache.py` has that limit.
    """
    text = "".join(
        f'[[rule]]\nname = "r{number}"\nallow = ["{method} {template(parts)}"]\nscopes = ["{"ba"[number % 2]}"]\n'
        for number, (method, parts) in enumerate(rows)
    )
    rules = tmp_path_factory.mktemp("simple") / "rules.toml"
    rules.write_text(HEAD + text, encoding="utf-8")
    on = Clock(ISSUER.clock())
    function = AuthorizerFunction(
        rules, ISSUER, clock=on, AUTHORIZER_RESULT_TTL="300", AUTHORIZER_RESPONSE="simple"
    )
    issuer = function.rules.issuers[0]
    own = [f"{method} {template(parts)}" for method, parts in rows]
    # Where the API lacks a route that the rules name, its requests take a wider one.
    routes = sorted({one for number, one in enumerate(own) if number in present} | set(wider))
    sources = ["$request.header.Authorization", "$context.routeKey"]
    api = HttpApi(function, [*routes, "$default"], ttl=300, identity_sources=sources, clock=on)
    grants = grants_for(function.rules, caller_with(function.rules, CALLERS[0], issuer), None)
    for wanted_route in data.draw(st.lists(st.sampled_from(own), min_size=3, max_size=8)):
        call = filled(data, wanted_route)
        answer = api.call(call, token=TOKENS[0])
        method, _, path = call.partition(" ")
        granted = decide(grants, method, path).allowed
        assert granted or not answer.allowed, f"{routes}: {text}{call}: {answer.explanation}"
