"""The proof finds what is wrong with a policy, for the second caller as for the first."""

import copy
import json
import random
from typing import Any

import pytest
from benchmarks.exact import ARN
from benchmarks.route_tables import route_table, rules_over
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.test_decide import grants
from tests.rules.parts import caller, rules_of

from lambda_authorizer.policy.build import build_policy
from lambda_authorizer.policy.callers import callers
from lambda_authorizer.policy.proof import Proof, Prover, prove
from lambda_authorizer.rules import RuleSet, grants_for, parse_rules

TABLE = """
a: GET /orders/{id}, GET /users/{id}
b: GET /orders/export, POST /orders/{id}/notes
c: DELETE /orders/{id}, PUT /users/{id}/keys/{key}
"""


def document_of(*resources: str, effect: str = "Allow", element: str = "Resource") -> dict[str, Any]:
    """Return a document of one statement."""
    return {"Statement": [{"Effect": effect, "Action": "execute-api:Invoke", element: list(resources)}]}


def made_up(seed: int) -> RuleSet:
    """Return the rules of a generated table."""
    rnd = random.Random(seed)
    routes = route_table(rnd, 14)
    document = rules_over(rnd, routes, rules=4, bound=0.2, denials=0.2)
    return parse_rules(json.dumps(document), file="rules.json", environment={}, api_routes=routes)


def differences(proof: Proof) -> tuple[bool, bool, bool]:
    """Return what a proof says, without the witnesses' spelling."""
    return bool(proof.over), bool(proof.under), proof.decided


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_what_earlier_callers_have_shown_hides_no_fault(seed: int, data: st.DataObject) -> None:
    """With lines taken out, put in and widened, a shared prover says of each caller what a new one says."""
    rules = made_up(seed)
    shared = Prover(rules, ARN)
    for found in list(callers(rules))[:6]:
        document = copy.deepcopy(build_policy(found.grants, ARN).document)
        resources = document["Statement"][data.draw(st.integers(0, len(document["Statement"]) - 1))]["Resource"]
        at = data.draw(st.integers(0, len(resources) - 1))
        change = data.draw(st.sampled_from(["none", "drop", "widen", "narrow"]))
        if change == "drop" and len(resources) > 1:
            del resources[at]
        elif change == "widen":
            resources[at] = resources[at].rpartition("/")[0] + "/*"
        elif change == "narrow":
            resources[at] += "x"
        assert differences(shared.prove(document, found.grants)) == differences(prove(document, found.grants, ARN))


def test_a_second_caller_costs_less_than_the_first() -> None:
    """What one caller has shown is not visited again for another."""
    some = grants(TABLE, "a", "b")
    prover = Prover(some.rules, ARN)
    first = prover.prove(build_policy(some, ARN).document, some)
    other = grants_for(some.rules, caller(scopes=["a", "b", "c"]), None)
    second = prover.prove(build_policy(other, ARN).document, other)
    alone = prove(build_policy(other, ARN).document, other, ARN)
    assert first.exact
    assert second.exact
    assert alone.exact
    assert second.states < alone.states


def test_a_fault_that_only_a_later_caller_has_is_found() -> None:
    """The same document is right for one caller and opens too much for the next."""
    wide = grants(TABLE, "a", "b", "c")
    prover = Prover(wide.rules, ARN)
    document = build_policy(wide, ARN).document
    assert prover.prove(document, wide).exact
    narrow = grants_for(wide.rules, caller(scopes=["a"]), None)
    proof = prover.prove(document, narrow)
    assert proof.over
    assert {witness.method for witness in proof.over} >= {"GET"}


@pytest.mark.parametrize(
    ("resource", "opens"),
    [
        ("arn:aws:execute-api:*:*:abcdef1234/prod/GET/orders", True),
        ("arn:aws:execute-api:eu-west-?:1*2:abcdef1234/prod/GET/orders", True),
        ("arn:aws:execute-api:us-east-1:*:abcdef1234/prod/GET/orders", False),
        ("arn:aws-cn:execute-api:*:*:abcdef1234/prod/GET/orders", False),
        ("arn:aws:execute-api:*:*:other/prod/GET/orders", False),
        ("arn:aws:execute-api:*:*:abcdef1234/*/GET/orders", True),
        ("arn:aws:*", True),
        ("*", True),
    ],
)
def test_a_header_with_wildcards_is_read_part_by_part(resource: str, *, opens: bool) -> None:
    """IAM's wildcards keep to the part of an ARN between colons; short forms stand for all that follows."""
    nobody = grants("a: GET /orders", "b")
    proof = prove(document_of(resource), nobody, ARN)
    assert bool(proof.over) is opens


def test_a_wildcard_of_the_header_does_not_reach_into_the_path() -> None:
    """A path that spells the API's own ARN once more is a path like any other."""
    some = grants("a: GET /{rest+}", "a")
    document = build_policy(some, ARN).document
    denied = f"arn:aws:execute-api:*:*:{ARN.api_id}/{ARN.stage}/POST/*"
    document = {"Statement": [*document["Statement"], *document_of(denied, effect="Deny")["Statement"]]}
    assert prove(document, some, ARN).exact


def test_not_resource_is_judged_by_its_effect() -> None:
    """A Deny of all but some, and an Allow of all but some, are what they say."""
    some = grants("a: GET /orders", "a")
    mine = ARN.prefix + "GET/orders"
    closed = document_of(mine)
    closed["Statement"] += document_of(mine, effect="Deny", element="NotResource")["Statement"]
    assert prove(closed, some, ARN).exact
    wrong = document_of(mine)
    wrong["Statement"] += document_of(mine + "x", effect="Deny", element="NotResource")["Statement"]
    assert prove(wrong, some, ARN).under
    opened = document_of(ARN.prefix + "GET/other", element="NotResource")
    assert prove(opened, some, ARN).over


def test_the_budget_holds_for_all_methods_together() -> None:
    """Past it the answer is that nothing was decided, and not that all is well."""
    some = grants(TABLE, "a", "b", "c")
    document = build_policy(some, ARN).document
    whole = prove(document, some, ARN)
    assert whole.exact
    cut = prove(document, some, ARN, budget=whole.states - 1)
    assert not cut.decided
    assert not cut.exact
    assert cut.states <= whole.states


def test_known_routes_free_the_rest() -> None:
    """Where the API's routes are known, a request of none of them may come out either way."""
    text = '[[rule]]\nname = "a"\nallow = ["GET /orders/{id}"]\nscopes = ["a"]\n'
    document = document_of(ARN.prefix + "GET/orders/?*")
    document["Statement"] += build_policy(grants("a: GET /{x}/{y}", "a"), ARN).document["Statement"][1:]
    for routes, exact in ((["GET /orders/{id}"], True), (["GET /orders/{id}", "GET /orders/{id}/x"], False)):
        rules = rules_of(text, api_routes=routes)
        some = grants_for(rules, caller(scopes=["a"]), None)
        odd = [line for line in document["Statement"][1]["Resource"] if ":*:*:*" in line]
        judged = {"Statement": [document["Statement"][0], {"Effect": "Deny", "Resource": odd}]}
        assert prove(judged, some, ARN).exact is exact


@pytest.mark.parametrize("more", [{"Condition": {}}, {"Action": "execute-api:ManageConnections"}, {"Sid": "x"}])
def test_a_statement_that_is_not_understood_is_not_judged(more: dict[str, Any]) -> None:
    """A Deny under a condition fences nothing off; to take it for a fence would call too much exact."""
    some = grants("a: GET /orders", "a")
    document = document_of(ARN.prefix + "GET/orders")
    document["Statement"] += [{**document_of("*", effect="Deny")["Statement"][0], **more}]
    with pytest.raises(ValueError, match="not judged here"):
        prove(document, some, ARN)


def test_many_losses_hide_no_other() -> None:
    """Each set of routes that is lost has its witness, however many there are."""
    routes = [f"GET /r{number}" for number in range(20)]
    some = grants("a: " + ", ".join(routes), "a")
    document = build_policy(some, ARN).document
    document["Statement"] += document_of(ARN.prefix + "*", effect="Deny")["Statement"]
    found = prove(document, some, ARN).under
    assert {witness.routes for witness in found} == {(route,) for route in routes}


def test_what_an_allow_of_all_but_some_opens_is_found_in_every_method() -> None:
    """Where no line reaches any more, such a statement still says yes."""
    some = grants("a: GET /orders", "a")
    proof = prove(document_of(ARN.prefix + "GET/other", element="NotResource"), some, ARN)
    assert {witness.method for witness in proof.over} >= {"GET", "POST", "DELETE"}
