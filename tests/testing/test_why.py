"""A refused call is explained by the rules that could have allowed it."""

from pathlib import Path
from typing import Any

import pytest

from lambda_authorizer.testing.events import Call
from lambda_authorizer.testing.why import caller, why

RULES = """
schema = 1

[[issuer]]
name = "main"
url = "${ISSUER}"
jwks = "${JWKS}"
audience = ["${AUDIENCE}"]

[[rule]]
name = "members"
allow = ["GET /members/{member}", "GET /both/{x}", "$connect", "CONNECT", "SUBSCRIBE /members/{member}"]
scopes = ["read", "list"]
groups = ["g"]

[[rule]]
name = "own"
allow = ["GET /both/{x}"]
scopes = ["read"]
where = { x = "sub" }

[[rule]]
name = "odd"
allow = ["GET /claims"]
claims = { level = 3 }
"""
ROUTES = ["GET /members/{member}", "GET /both/{x}", "GET /claims", "GET /unnamed"]


@pytest.fixture
def function(gateway: Any, tmp_path: Path) -> Any:
    """A function with these rules."""
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    return gateway.authorizer(tmp_path / "rules.toml", AUTHORIZER_RESULT_TTL="0")


def told(assert_allows: Any, api: Any, *call: Any, **details: Any) -> list[str]:
    """Return what a failing assertion says after the function's record."""
    with pytest.raises(AssertionError) as caught:
        assert_allows(api, *call, **details)
    lines = str(caught.value).splitlines()
    return lines[[line.startswith("the function recorded") for line in lines].index(True) + 1 :]


def test_each_rule_says_what_is_not_met(gateway: Any, fake_issuer: Any, function: Any, assert_allows: Any) -> None:
    """Conditions by name, and `where` when nothing else is missing."""
    api = gateway.rest(function, ROUTES, ttl=0)
    reader = fake_issuer.mint({"sub": "m-1", "scope": "read"})
    assert told(assert_allows, api, "GET /members/m-1?x=y", token=reader) == [
        "rule 'members' (line 10) allows GET /members/{member}; not met: scopes read list, groups g"
    ]
    assert told(assert_allows, api, Call("GET", "/both/m-2"), token=reader) == [
        "rule 'members' (line 10) allows GET /both/{x}; not met: scopes read list, groups g",
        "rule 'own' (line 16) allows GET /both/{x}; not met: where",
    ]
    assert told(assert_allows, api, "GET /unnamed", token=reader) == [
        "no rule names a route that this request is of"
    ]
    (line,) = told(assert_allows, api, "GET /claims", token=reader)
    assert "not met: claims" in line
    assert "level" in line


def test_other_front_ends_are_explained_alike(
    gateway: Any, fake_issuer: Any, function: Any, assert_allows: Any
) -> None:
    """WebSocket and AppSync Events, by their own words."""
    stranger = fake_issuer.mint({"sub": "m-1", "scope": "read list"})
    missing = "not met: groups g"
    assert told(assert_allows, gateway.websocket(function), token=stranger) == [
        f"rule 'members' (line 10) allows $connect; {missing}"
    ]
    events = gateway.events(function)
    assert told(assert_allows, events, "CONNECT", token=stranger) == [
        f"rule 'members' (line 10) allows CONNECT; {missing}"
    ]
    assert told(assert_allows, events, "SUBSCRIBE", "/members/m-1", token=stranger) == [
        f"rule 'members' (line 10) allows SUBSCRIBE /members/{{member}}; {missing}"
    ]


def test_a_rule_that_is_met_says_so(function: Any, fake_issuer: Any) -> None:
    """Asked about a call that is allowed, nothing is missing."""
    reader = caller(function.rules, fake_issuer.mint({"sub": "m-1", "scope": "read list", "groups": ["g"]}))
    assert reader is not None
    assert why(function.rules, reader, "GET", "/members/m-1") == [
        "rule 'members' (line 10) allows GET /members/{member}; not met: nothing"
    ]


@pytest.mark.parametrize("token", ["no token", "a.b.c"])
def test_a_token_that_describes_nobody_is_not_explained(function: Any, token: str) -> None:
    """There is no caller to speak about."""
    assert caller(function.rules, token) is None


def test_a_token_of_another_issuer_describes_nobody(function: Any, fake_issuer: Any) -> None:
    """Only callers that the rules know are explained."""
    assert caller(function.rules, fake_issuer.bad("wrong-issuer")) is None
