"""Every front end gets the context in types that it can carry."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lambda_authorizer.principal import ANONYMOUS
from lambda_authorizer.response import FRONT_ENDS
from lambda_authorizer.response.context import RESERVED, caller_context, carried

SCALARS_ONLY = ("rest", "websocket", "http-1.0")
TYPED = ("http-2.0", "http-simple")
STRINGS_ONLY = ("appsync", "appsync-events")


def decoded(text: str) -> Any:
    """Return what base64url JSON holds."""
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.mark.parametrize("front_end", SCALARS_ONLY)
def test_rest_websocket_and_http_1_carry_scalars(front_end):
    """One nested value would make the gateway answer 500, so none is ever sent."""
    values = {
        "text": "a b",
        "number": 7,
        "fraction": 0.5,
        "yes": True,
        "words": ["a", "b"],
        "none": [],
        "phrases": ["a b", "c"],
        "mixed": ["a", 1],
        "structure": {"k": [1, None]},
        "json": '{"k": 1}',
    }
    context = carried(front_end, values, {})
    assert {name: context[name] for name in ("text", "number", "fraction", "yes", "words", "none")} == {
        "text": "a b",
        "number": 7,
        "fraction": 0.5,
        "yes": True,
        "words": "a b",
        "none": "",
    }
    for name in ("phrases", "mixed", "structure", "json"):
        assert decoded(context[name]) == values[name]


@pytest.mark.parametrize("front_end", TYPED)
def test_http_2_carries_json_values_as_they_are(front_end):
    """Types are kept, lists and maps included."""
    values = {"words": ["a", "b"], "structure": {"k": [1, None]}, "yes": True, "text": '{"k": 1}'}
    assert carried(front_end, values, {}) == values


@pytest.mark.parametrize("front_end", STRINGS_ONLY)
def test_appsync_carries_strings(front_end):
    """A number or a boolean becomes its JSON text."""
    values = {"number": 7, "fraction": 0.5, "yes": True, "words": ["a", "b"], "text": "x"}
    assert carried(front_end, values, {}) == {
        "number": "7",
        "fraction": "0.5",
        "yes": "true",
        "words": "a b",
        "text": "x",
    }


@pytest.mark.parametrize(
    ("kind", "value", "typed", "rest"),
    [
        ("string", 7, "7", "7"),
        ("string", ["a", "b"], "a b", "a b"),
        ("string", True, "true", "true"),
        ("number", 7, 7, 7),
        ("number", "7.5", 7.5, 7.5),
        ("number", "seven", None, None),
        ("number", "NaN", None, None),
        ("number", "1" * 50, None, None),
        ("number", "1e999", None, None),
        ("number", "-1e999", None, None),
        ("number", True, None, None),
        ("number", [1], None, None),
        ("number", "[1]", None, None),
        ("boolean", True, True, True),
        ("boolean", "false", False, False),
        ("boolean", "yes", None, None),
        ("boolean", 1, None, None),
        ("list", ["a", "b"], ["a", "b"], "a b"),
        ("list", "a b", ["a", "b"], "a b"),
        ("list", ["a b"], None, None),
        ("list", {"a": 1}, None, None),
        ("auto", ["a"], ["a"], "a"),
    ],
)
def test_a_type_that_the_rules_name_is_kept_or_the_value_left_out(kind, value, typed, rest):
    """A backend that was promised a number never gets anything else under that name."""
    for front_end, expected in (("http-simple", typed), ("rest", rest)):
        context = carried(front_end, {"name": value}, {"name": kind})
        assert context == ({} if expected is None else {"name": expected})
        if expected is not None:
            assert type(context["name"]) is type(expected)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_json_is_base64url_everywhere(front_end):
    """Whoever asks for `json` decodes it the same way behind every front end."""
    assert decoded(carried(front_end, {"n": ["a", {"b": 1}]}, {"n": "json"})["n"]) == ["a", {"b": 1}]


def test_backend_is_told_who_calls():
    """Id, scopes in a stable order, tier where there is one, and the claims that `[context]` names."""
    principal = ANONYMOUS._replace(
        id="c-1",
        scopes=frozenset({"b", "a"}),
        tier="gold",
        claims={"custom:tenant": "t-1", "address": {"country": "DE"}, "null": None},
    )
    wanted = {"tenant": ("custom:tenant",), "country": ("address", "country"), "a": ("none",), "b": ("null",)}
    assert caller_context(principal, wanted) == {
        "principal": "c-1",
        "scopes": ["a", "b"],
        "tier": "gold",
        "tenant": "t-1",
        "country": "DE",
    }
    assert "tier" not in caller_context(ANONYMOUS, {})


def test_own_names_and_those_of_the_gateway_are_reserved():
    """`[context]` cannot write over what API Gateway or the toolkit puts there."""
    assert {"claims", "principalId", "integrationLatency"} <= set(RESERVED)
    principal = ANONYMOUS._replace(tier="gold")
    assert set(caller_context(principal, {})) | {"reason"} <= set(RESERVED)


JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(deadline=None)
@given(
    front_end=st.sampled_from(FRONT_ENDS),
    value=JSON,
    kind=st.sampled_from(["auto", "string", "number", "boolean", "list", "json"]),
)
def test_no_claim_breaks_a_context(front_end, value, kind):
    """Whatever a claim holds, the front end can carry what comes out, and nothing is null."""
    context = carried(front_end, {"name": value}, {"name": kind})
    json.dumps(context, allow_nan=False)
    for carried_value in context.values():
        assert carried_value is not None
        if front_end in SCALARS_ONLY:
            assert isinstance(carried_value, str | int | float | bool)
        if front_end in STRINGS_ONLY:
            assert isinstance(carried_value, str)


@hypothesis_settings(deadline=None)
@given(st.lists(st.text(max_size=6), max_size=4))
def test_a_list_of_words_can_be_read_back(words):
    """Joined by blanks where that is unambiguous, base64url JSON where it is not."""
    text = carried("rest", {"name": words}, {})["name"]
    assert text.split() == words if all(word.split() == [word] for word in words) else decoded(text) == words
