"""The decision table and the shapes that come out of it."""

import copy
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.arn import parse_execute_api_arn
from lambda_authorizer.errors import EventError
from lambda_authorizer.request import KINDS
from lambda_authorizer.response import (
    FRONT_ENDS,
    OUTCOMES,
    Answer,
    Form,
    Outcome,
    allows_anything,
    front_end,
    is_larger,
    render,
    size,
)
from lambda_authorizer.testing import iam

ARN = "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1b2c3/prod/GET/orders/1"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": ["arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1b2c3/prod/GET/orders/*"],
        }
    ],
}


def answer(form: Form, front: str = "rest", **members: Any) -> dict[str, Any]:
    """Return a rendered answer."""
    return render(form, front, Answer(**members), parse_execute_api_arn(ARN))  # type: ignore[arg-type]


def test_table_has_a_cell_for_every_outcome_and_front_end():
    """No combination is left to chance."""
    assert set(OUTCOMES) == set(get_args(Outcome))
    for row in OUTCOMES.values():
        assert tuple(row) == FRONT_ENDS


def test_only_the_row_allowed_holds_a_yes():
    """Nothing that goes wrong ever allows; the caller's own policy is no blanket yes."""
    for outcome, row in OUTCOMES.items():
        for form, status in row.values():
            if outcome == "allowed":
                assert form in ("policy", "yes")
                assert status in (200, 101)
            elif outcome == "not_permitted":
                assert form in ("policy", "deny", "no")
                assert status in (401, 403)
            else:
                assert form in ("deny", "no", "unauthorized", "error")
                assert status is None or status >= 401


def test_not_permitted_is_never_a_blanket_deny_where_it_is_kept():
    """A kept blanket Deny would take the caller's other routes with it; WebSocket answers are not kept."""
    for front in ("rest", "http-1.0", "http-2.0"):
        assert OUTCOMES["not_permitted"][front][0] == "policy"


def test_every_kind_has_a_front_end():
    """Whether HTTP API 2.0 answers simply is a setting, the other kinds have one form."""
    assert {front_end(kind, simple=simple) for kind in KINDS for simple in (True, False)} == set(FRONT_ENDS)
    assert front_end("http-2.0", simple=True) == "http-simple"
    assert front_end("http-1.0", simple=True) == "http-1.0"


def test_policy_answer_has_the_shape_that_api_gateway_reads():
    """Principal, document and context; the usage key only where there is one."""
    reply = answer("policy", principal_id="c-1", document=DOCUMENT, context={"a": "b"}, usage_key="k" * 20)
    assert reply == {
        "principalId": "c-1",
        "policyDocument": DOCUMENT,
        "context": {"a": "b"},
        "usageIdentifierKey": "k" * 20,
    }
    assert "usageIdentifierKey" not in answer("policy", document=DOCUMENT)


def test_deny_is_explicit_and_covers_the_stage():
    """Silence would lose to a resource policy that allows; the partition is the ARN's own."""
    for reply in (answer("deny", document=DOCUMENT, usage_key="k" * 20), answer("policy", document=None)):
        assert "usageIdentifierKey" not in reply or reply["policyDocument"] != DOCUMENT
        assert not allows_anything(reply["policyDocument"])
        verdict = iam.evaluate(reply["policyDocument"], ARN)
        assert not verdict.allowed
        assert verdict.explicit_deny


def test_deny_never_names_a_usage_key():
    """Whoever is refused gets no key."""
    assert "usageIdentifierKey" not in answer("deny", usage_key="k" * 20)
    assert "usageIdentifierKey" not in answer("policy", document=None, usage_key="k" * 20)


def test_principal_id_is_never_empty():
    """API Gateway answers 500 without one."""
    assert answer("deny", principal_id="")["principalId"] == "anonymous"


def test_answers_share_nothing_with_what_is_kept():
    """Whoever changes an answer changes no later one."""
    before = copy.deepcopy(DOCUMENT)
    context = {"a": "b"}
    reply = answer("policy", document=DOCUMENT, context=context)
    reply["policyDocument"]["Statement"][0]["Resource"].append("*")
    reply["policyDocument"]["Statement"].append({})
    reply["context"]["a"] = "c"
    assert before == DOCUMENT
    assert context == {"a": "b"}


@pytest.mark.parametrize(("form", "allowed"), [("yes", True), ("no", False)])
def test_simple_answer(form, allowed):
    """A boolean and the context, nothing else."""
    assert answer(form, "http-simple", context={"a": ["b"]}) == {"isAuthorized": allowed, "context": {"a": ["b"]}}


@pytest.mark.parametrize(("form", "allowed"), [("yes", True), ("no", False)])
def test_appsync_answer(form, allowed):
    """All four members are there: generated resolvers refuse everybody without `resolverContext`."""
    assert answer(form, "appsync", denied_fields=("Query.a",), ttl=60) == {
        "isAuthorized": allowed,
        "resolverContext": {},
        "deniedFields": ["Query.a"],
        "ttlOverride": 60,
    }


@pytest.mark.parametrize(("form", "allowed"), [("yes", True), ("no", False)])
def test_appsync_events_answer_is_never_kept(form, allowed):
    """AWS does not say what the cache of an Event API tells apart."""
    assert answer(form, "appsync-events", context={"a": "b"}, ttl=60) == {
        "isAuthorized": allowed,
        "handlerContext": {"a": "b"},
        "ttlOverride": 0,
    }


@pytest.mark.parametrize(
    ("form", "front"),
    [("unauthorized", "rest"), ("error", "rest"), ("policy", "http-simple"), ("deny", "appsync"), ("yes", "rest")],
)
def test_forms_without_an_answer_are_refused(form, front):
    """An error is raised by whoever serves the front end; a form of another front end is a defect."""
    with pytest.raises(EventError):
        render(form, front, Answer(), None if front == "appsync" else parse_execute_api_arn(ARN))


def test_a_policy_needs_an_arn():
    """AppSync has none, and no policy."""
    with pytest.raises(EventError):
        render("policy", "rest", Answer(document=DOCUMENT), None)


def test_size_counts_at_least_the_bytes_that_are_sent():
    """Escapes are longer than the characters they stand for."""
    for value in ({"a": "ü"}, {"a": "\u2028"}, {"a": ["😀"]}, {"a": '"'}):
        assert size(value) >= len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


@given(st.dictionaries(st.text(max_size=6), st.text(max_size=8) | st.integers(), min_size=1, max_size=4))
def test_the_size_of_a_context_is_that_of_its_json(value: dict[str, object]) -> None:
    """Whatever it holds, and whatever bound it is held against."""
    length = len(json.dumps(value, separators=(",", ":")))
    assert size(value) == length
    assert [is_larger(value, most) for most in (length - 1, length, 12 * length + 99)] == [True, False, False]
