"""Policies equal rules: proved over all paths, judged by an independent IAM, and shown to notice a difference."""

import copy
import json
import random
from pathlib import Path

import pytest
from benchmarks.exact import ARN, FAMILIES, run_one
from benchmarks.route_tables import rules_over, wild_table
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.test_decide import grants
from tests.rules.parts import caller, rules_of

from lambda_authorizer.policy import decide, is_odd
from lambda_authorizer.policy.build import build_policy
from lambda_authorizer.policy.check import check_exact
from lambda_authorizer.policy.proof import _odd_step, prove
from lambda_authorizer.rules import grants_for, parse_rules

SMALL = [family for family in FAMILIES if family.most <= 60]


@pytest.mark.parametrize("family", SMALL, ids=lambda family: family.name)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_no_policy_grants_more_or_less_than_its_rules(family: object, seed: int) -> None:
    """Generated routes, rules and callers: proved equal, corners that the policy names set apart."""
    outcome = run_one(family, seed, samples=60)
    assert outcome.over == ()
    assert outcome.under == ()
    assert not outcome.undecided
    assert outcome.size <= 6144


@pytest.mark.parametrize("known", [True, False])
def test_a_hundred_routes_are_proved(*, known: bool) -> None:
    """The size that the toolkit promises to be fast for."""
    family = next(one for one in FAMILIES if one.name == "made up, 100 routes, rules by resource")
    family = family._replace(known=known)
    outcome = run_one(family, 7, samples=100)
    assert outcome.over == ()
    assert outcome.under == ()


CASES = [
    ("a: GET /orders/{id}\nb: GET /orders/export", ("a",)),
    ("a: GET /orders/{id}\nb: GET /orders/{id}/refunds", ("a",)),
    ("a: GET /o/{id}, GET /o/{id}/{x}, GET /o/{rest+}", ("a",)),
    ("a: ANY /{proxy+}\nb: GET /admin/{x}", ("a",)),
    ("a: GET /a/{x}\nb: GET /{y}/b", ("a",)),
    ("a: GET /a/{x}\nb: GET /{y}/b", ("a", "b")),
    ("a: GET /c/{id} where id\nb: GET /c/me, GET /c/{id}/x", ("a", "b")),
    ("a: GET /c/{id}/x where id\nb: GET /c/me/x, GET /c/{id}/x/y", ("a",)),
    ("a: GET /\nb: GET /{x}", ("a", "b")),
    ("a: GET /x/, GET /{y}", ("a",)),
    ("a: GET /GET/{x}, POST /GET/{x}, PUT /GET/{x}", ("a",)),
    ("a: GET /{a}/{b} where b", ("a",)),
    ("a: GET /{a}/{b}/{rest+} where b", ("a",)),
    ("a: ANY /{rest+}\n!g: GET /c/{id} where id\n!g: ANY /d/{rest+}", ("a",)),
]


@pytest.mark.parametrize(("text", "scopes"), CASES)
@pytest.mark.parametrize("sub", ["me", "x", "a@b", "a/b"])
def test_known_hard_tables_are_exact(text: str, scopes: tuple[str, ...], sub: str) -> None:
    """The pitfalls of wildcards, one by one; where something is narrowed, nothing is opened."""
    some = grants(text, *scopes, groups=("g",), sub=sub)
    policy = build_policy(some, ARN)
    proof = prove(policy.document, some, ARN)
    assert proof.decided
    assert proof.over == ()
    if not policy.narrowed:
        assert proof.exact


def test_a_merge_keeps_what_a_wider_line_made_needless() -> None:
    """`ANY /GET/{rest+}` and `GET /GET/{v}` are one line; merging one must not lose the other."""
    family = next(family for family in FAMILIES if family.name == "3-8 routes of a tiny alphabet, known")
    outcome = run_one(family, 103511293527063877, samples=400)
    assert outcome.over == outcome.under == ()


def mutants(document: dict[str, object], *, odd: bool) -> list[dict[str, object]]:
    """Return the document with each line left out once: those against odd paths, or the others."""
    found = []
    for at, statement in enumerate(document["Statement"]):
        for number, resource in enumerate(statement["Resource"]):
            mutant = copy.deepcopy(document)
            if len(statement["Resource"]) > 1 and (":*:*:*" in resource) is odd:
                del mutant["Statement"][at]["Resource"][number]
                found.append(mutant)
    return found


@pytest.mark.parametrize(
    ("text", "odd", "count"),
    [
        ("a: GET /orders/{id}, GET /users, POST /users/{id}/notes\nb: GET /orders/export", False, 6),
        ("a: ANY /{rest+}", True, 16),
    ],
)
def test_the_proof_notices_every_line_that_is_missing(text: str, *, odd: bool, count: int) -> None:
    """Each Allow line and each fence is needed, and so is each line against odd paths."""
    some = grants(text, "a")
    document = build_policy(some, ARN).document
    assert prove(document, some, ARN).exact
    assert len(mutants(document, odd=odd)) == count
    for mutant in mutants(document, odd=odd):
        proof = prove(mutant, some, ARN)
        assert proof.over or proof.under


def test_the_proof_notices_a_naive_policy() -> None:
    """`{id}` written as `*` opens what lies beneath; the witness is a request that shows it."""
    rules = rules_of(
        '[[rule]]\nname = "a"\nallow = ["GET /orders/{id}"]\nscopes = ["a"]\n',
        api_routes=["GET /orders/{id}", "GET /orders/{id}/refunds"],
    )
    some = grants_for(rules, caller(scopes=["a"]), None)
    naive = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": ARN.prefix + "GET/orders/*"}
        ],
    }
    proof = prove(naive, some, ARN)
    assert any(witness.routes == ("GET /orders/{id}/refunds",) for witness in proof.over)
    for witness in proof.over:
        assert not decide(some, witness.method, witness.path).allowed


def test_past_its_budget_the_proof_is_undecided() -> None:
    """Undecided is not exact: the rules are refused, not trusted."""
    some = grants("a: GET /orders/{id}", "a")
    proof = prove(build_policy(some, ARN).document, some, ARN, budget=20)
    assert not proof.decided
    assert not proof.exact
    report = check_exact(some.rules, budget=20)
    assert not report.exact
    assert {corner.kind for corner in report.corners} == {"undecided"}


@given(st.text(alphabet="ab/.%2fF5cCeE017\\", max_size=14))
def test_the_proof_and_the_decision_agree_on_odd_paths(rest: str) -> None:
    """Two definitions, written apart, of what no route may have."""
    state: tuple[int, str] | None = (0, "")
    for char in rest:
        if state is None:
            break
        state = _odd_step(state, char)
    odd = state is None or state[0] in {1, 2}
    assert odd is is_odd("/" + rest)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**40), parts=st.lists(st.sampled_from(["a", "b", "c", "GET", "x", ""]), max_size=5))
def test_the_proof_and_the_decision_mean_the_same_rules(seed: int, parts: list[str]) -> None:
    """A document that allows one path exactly: the proof finds it wrong just where the decision says no."""
    rnd = random.Random(seed)
    family = FAMILIES[-1]
    routes = wild_table(rnd, 5)
    document = rules_over(rnd, routes, rules=2, bound=family.bound, denials=family.denials)
    rules = parse_rules(json.dumps(document), file="rules.json", environment={})
    some = grants_for(rules, caller(scopes=["s0"], groups=["g1"], claims={"sub": "a", "tenant": "b"}), None)
    path = "/" + "/".join(parts)
    one = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{ARN.prefix}GET{path}"}],
    }
    proof = prove(one, some, ARN)
    assert bool(proof.over) is not decide(some, "GET", path).allowed


def test_the_shipped_rules_are_exact_for_every_caller() -> None:
    """`check` has nothing to refuse in authorizers/rules.toml."""
    text = (Path(__file__).parents[2] / "authorizers" / "rules.toml").read_text()
    rules = parse_rules(text, file="rules.toml", environment={"ISSUER": "https://i.example", "AUDIENCE": "a"})
    report = check_exact(rules)
    assert report.exact
    assert report.corners == ()
    assert report.proved == report.callers


CORNER = """
[[rule]]
name = "items"
allow = ["GET /p/{x}", "GET /p/{x}/b/{y}"]
scopes = ["s"]
[[rule]]
name = "between"
allow = ["GET /p/{x}/c"]
scopes = ["t"]
"""


def test_a_corner_is_refused_with_routes_rules_and_ways_out() -> None:
    """What IAM cannot say is named at check time, for every caller that could meet it."""
    routes = ["GET /p/{x}", "GET /p/{x}/b/{y}", "GET /p/{x}/c"]
    report = check_exact(rules_of(CORNER, api_routes=routes))
    assert not report.exact
    (corner,) = report.corners
    assert corner.kind == "wildcard"
    assert corner.lost == ("GET /p/{x}/b/{y}",)
    assert corner.because == ("GET /p/{x}/c",)
    assert corner.rules == ("items",)
    assert any("TTL of 0" in way for way in corner.ways_out)


def test_a_corner_that_the_author_accepts_is_no_refusal() -> None:
    """`narrow = true` on the rule that loses."""
    text = CORNER.replace('scopes = ["s"]', 'scopes = ["s"]\nnarrow = true')
    report = check_exact(rules_of(text, api_routes=["GET /p/{x}", "GET /p/{x}/b/{y}", "GET /p/{x}/c"]))
    assert report.exact
    assert [corner.accepted for corner in report.corners] == [True]


def test_rules_that_never_hold_together_make_no_corner() -> None:
    """Tiers exclude each other, so their rules are not looked at together."""
    text = """
[tiers]
order = ["low", "high"]
[[rule]]
name = "shallow"
allow = ["GET /p/{x}"]
tier = "low"
[[rule]]
name = "deep"
allow = ["GET /p/{x}/b/{y}"]
tier = "high"
[[rule]]
name = "between"
allow = ["GET /p/{x}/c"]
scopes = ["t"]
[[rule]]
name = "closed"
deny = ["GET /p/{x}/b/secret"]
tier = "high"
"""
    routes = ["GET /p/{x}", "GET /p/{x}/b/{y}", "GET /p/{x}/c"]
    assert check_exact(rules_of(text, api_routes=routes)).exact
    together = text.replace('tier = "low"', 'scopes = ["u"]').replace('tier = "high"', 'scopes = ["v"]')
    assert not check_exact(rules_of(together, api_routes=routes)).exact


def test_without_the_routes_of_the_api_the_first_way_out_is_to_list_them() -> None:
    """Where requests of no route must be denied too, IAM can say less."""
    text = '[[rule]]\nname = "r"\nallow = ["GET /p/{x}", "GET /p/{x}/b"]\nscopes = ["s"]\n'
    report = check_exact(rules_of(text))
    assert not report.exact
    assert "routes.json" in report.corners[0].ways_out[0]
    assert check_exact(rules_of(text, api_routes=["GET /p/{x}", "GET /p/{x}/b"])).exact


def test_what_does_not_fit_is_refused() -> None:
    """A policy over the budget is a finding of its own."""
    text = "".join(
        f'[[rule]]\nname = "r{number}"\nallow = ["GET /r{number * 7}x/{{a}}", "POST /q{number}y/{{b}}/c"]\n'
        'scopes = ["s"]\n'
        for number in range(80)
    )
    kinds = {corner.kind for corner in check_exact(rules_of(text)).corners}
    assert "policy_too_large" in kinds


# One table for each way in which bound values meet wildcards: text, scopes, claim, and whether IAM can say it.
BOUND = [
    # A value that an incomparable route spells, and one that it does not: the meeting point is granted or closed.
    ("a: GET /{x}/b where x\nb: GET /c/{y}", ("a", "b"), "c", True),
    ("a: GET /{x}/b where x\nb: GET /c/{y}", ("a", "b"), "d", True),
    # Two bound routes that meet must agree on the values.
    ("a: GET /{x}/{y}/b where x\nb: GET /{x}/c/{z} where z", ("a", "b"), "me", True),
    ("a: GET /{x}/{y}/b where x\nb: GET /{z}/c/{y} where z", ("a", "b"), "me", True),
    # What a bound line reaches beyond itself is bound alike, or closed by a fence with the value in it.
    ("a: GET /c/{x}/o/{y} where x\na: GET /c/{x}/o/{y}/i/{z} where x", ("a",), "me", True),
    ("a: GET /c/{x}/o/{y} where x\nb: GET /c/{x}/o/{y}/i", ("a",), "me", True),
    ("a: GET /c/{x}/o/{y} where x\nb: GET /c/{x}/o/{y}/i", ("a",), "a:b", True),
    # A wildcard before the bound value: it may stand at another place of a longer path.
    ("a: GET /{x}/{y}/b where y\nb: GET /{x}/{y}/{z}/b", ("a", "b"), "me", True),
    ("a: GET /{x}/{y}/{rest+} where y", ("a",), "me", False),
    # An unbound line over a bound one.
    ("a: ANY /{rest+}\nb: GET /c/{x} where x", ("a", "b"), "me", False),
    # Deny rules for some values: alone, spelled like a route, and beside what their line would also take.
    ("a: GET /c/{x}, GET /c/me/y\n!g: GET /c/{x} where x", ("a",), "me", True),
    ("a: GET /c/{x}, GET /c/{x}/y/{z}\n!g: GET /c/{x}/y/{z} where x", ("a",), "me", True),
    ("a: GET /c/{x}/y/{z}, GET /c/{x}/y/{z}/w\n!g: GET /c/{x}/y/{z} where x", ("a",), "me", False),
    ("a: GET /c/{x}/o/{y} where x\na: GET /c/{x}/o/{y}/i/{z} where z", ("a",), "me", False),
    ("a: GET /{rest+}\n!g: GET /{x}/{y} where y", ("a",), "me", False),
    ("a: POST /d\n!g: GET /c/{x} where x\na: GET /e", ("a",), "me", True),
]


@pytest.mark.parametrize(("text", "scopes", "sub", "exact"), BOUND)
@pytest.mark.parametrize("known", [True, False])
def test_bound_values_beside_wildcards(
    text: str, scopes: tuple[str, ...], sub: str, *, exact: bool, known: bool
) -> None:
    """Never wider than the rules; exact where IAM can say it, else the policy names what it lost."""
    rules = grants(text, *scopes, groups=("g",), sub=sub).rules
    if known:
        routes = [route.text for route in rules.routes]
        rules = grants(text, *scopes, groups=("g",), sub=sub, api_routes=routes).rules
    some = grants_for(rules, caller(scopes=scopes, groups=["g"], claims={"sub": sub}), None)
    policy = build_policy(some, ARN)
    proof = prove(policy.document, some, ARN)
    assert proof.decided
    assert proof.over == ()
    lost = {route for narrowed in policy.narrowed for route in narrowed.routes}
    assert all(lost.intersection(witness.routes) for witness in proof.under)
    if known:
        assert proof.exact is exact
