"""Claims to principal: what is unknown is never taken for empty."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.minting import issuer

from lambda_authorizer.errors import InvalidClaimError
from lambda_authorizer.policy import decide
from lambda_authorizer.principal import ANONYMOUS, Principal, Tiers, claim_at, map_principal
from lambda_authorizer.rules import grants_for, parse_rules
from lambda_authorizer.tokens.verify import Claims

TIERS = Tiers(("standard", "silver", "gold"), "standard", {"premium": "gold"})


def principal(values: dict[str, Any], *, tiers: Tiers | None = None, **table: object) -> Principal:
    """The principal of these claims, under an issuer with these keys in its table."""
    trusted = issuer(algorithms=None, **table)
    return map_principal(Claims("main", "k", 5.0, {"sub": "u", **values}), trusted, tiers)


def test_a_plain_caller() -> None:
    """Everything has its place, and nothing is unknown."""
    found = principal({"scope": "a b", "groups": ["g"], "roles": "r", "client_id": "app"})
    assert found == Principal(
        "u", "main", frozenset("ab"), frozenset("g"), frozenset("r"), None, None,
        {"sub": "u", "scope": "a b", "groups": ["g"], "roles": "r", "client_id": "app"},
        5.0, frozenset(), client_id="app",
    )  # fmt: skip


def test_a_principal_shows_nothing_of_the_caller() -> None:
    """A repr in a log names the issuer's alias only."""
    assert repr(principal({"sub": "secret", "scope": "secret"})) == "Principal(issuer='main', anonymous=False)"


def test_anonymous_is_nobody() -> None:
    """No scope, no group, no issuer."""
    assert ANONYMOUS.anonymous
    assert not (ANONYMOUS.scopes | ANONYMOUS.groups | ANONYMOUS.roles | ANONYMOUS.unknown)
    assert ANONYMOUS.issuer == ""


@pytest.mark.parametrize("caller", [None, "", 5, True, ["u"], {"u": 1}, "a\nb", "a\0b", "\x7f", "u" * 1025])
def test_what_cannot_name_a_caller_is_refused(caller: object) -> None:
    """The id goes into answers and logs: one printable line."""
    with pytest.raises(InvalidClaimError):
        principal({"sub": caller})
    with pytest.raises(InvalidClaimError):
        principal({}, claims={"id": "email"})
    assert principal({"sub": "u" * 1024}).id == "u" * 1024


def test_the_id_can_be_another_claim() -> None:
    """By name or by path."""
    assert principal({"oid": "o"}, claims={"id": "oid"}).id == "o"
    assert principal({"a": {"b.c": "o"}}, claims={"id": ["a", "b.c"]}).id == "o"


@pytest.mark.parametrize(
    ("claim", "scopes"),
    [
        ("a b", {"a", "b"}),
        (" a  b ", {"a", "b"}),
        ("", set()),
        (["a", "b"], {"a", "b"}),
        (["a b"], {"a b"}),
        ([], set()),
        ("a\tb", {"a\tb"}),
        ("a\u2003admin", {"a\u2003admin"}),
    ],
)
def test_scopes_as_string_or_list_mean_the_same(claim: object, scopes: set[str]) -> None:
    """Only the blank of RFC 6749 section 3.3 parts a string; no other white space makes a second scope."""
    for name in ("scope", "scp"):
        found = principal({name: claim})
        assert found.scopes == scopes
        assert not found.unknown


def test_groups_and_roles_in_a_string_are_one_name() -> None:
    """Names may hold blanks: "Domain Admins" is no member of "Admins"."""
    found = principal({"groups": "Domain Admins", "roles": ["two words"]})
    assert found.groups == {"Domain Admins"}
    assert found.roles == {"two words"}


@pytest.mark.parametrize("odd", [5, True, {"a": 1}, [1], ["a", None], [["a"]], 1.5])
def test_a_list_of_names_that_cannot_be_read_is_unknown(odd: object) -> None:
    """Not empty: a deny rule that asks for it still holds."""
    found = principal({"scope": odd, "groups": odd, "roles": odd})
    assert found.unknown == {"scopes", "groups", "roles"}
    assert not found.scopes | found.groups | found.roles


def test_a_claim_that_is_null_is_absent() -> None:
    """Some providers write null for "none"."""
    found = principal({"scope": None, "groups": None})
    assert not found.unknown
    assert not found.scopes | found.groups


@pytest.mark.parametrize(
    ("claim", "tier", "unknown"),
    [
        ("gold", "gold", False),
        ("premium", "gold", False),
        (None, "standard", False),
        ("platinum", None, True),
        ("", None, True),
        ("Gold", None, True),
        (5, None, True),
        (True, None, True),
        ({"gold": 1}, None, True),
        (["gold"], "gold", False),
        (["x", "silver", "premium"], "gold", False),
        (["x"], "standard", False),
        ([], "standard", False),
        (["gold", 5], None, True),
    ],
)
def test_tier_of_a_claim(claim: object, tier: str | None, unknown: object) -> None:
    """Mapped, or as it stands; the default is for callers without the claim, never for a value nobody knows."""
    found = principal(
        {"https://airline.example/tier": claim}, tiers=TIERS, claims={"tier": "https://airline.example/tier"}
    )
    assert found.tier == tier
    assert ("tier" in found.unknown) is unknown


def test_without_a_default_there_is_no_tier() -> None:
    """And without a table of tiers nobody has one."""
    assert principal({}, tiers=Tiers(("a",)), claims={"tier": "t"}).tier is None
    assert principal({"t": "a"}, claims={"tier": "t"}).tier is None
    assert principal({"t": "a"}, tiers=TIERS).tier == "standard"


def test_tenant_is_one_string() -> None:
    """Anything else is unknown."""
    assert principal({"t": "x"}, claims={"tenant": "t"}).tenant == "x"
    assert principal({}, claims={"tenant": "t"}).tenant is None
    odd = principal({"t": ["x"]}, claims={"tenant": "t"})
    assert odd.tenant is None
    assert odd.unknown == {"tenant"}


def test_client_id_under_its_four_names() -> None:
    """client_id, azp, cid, appid; the first that is there."""
    for name in ("client_id", "azp", "cid", "appid"):
        assert principal({name: "app"}).client_id == "app"
    assert principal({"client_id": 5}).client_id is None
    assert principal({"azp": "b", "client_id": "a"}).client_id == "a"


ENTRA = {"preset": "entra", "url": "https://login.microsoftonline.com/8c1f2a7b-0000-4d6e-9a3b-000000000001/v2.0"}


def test_groups_overage_means_unknown_not_empty() -> None:
    """Entra leaves the groups out beyond 200 and says where they are."""
    sources = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}}
    assert principal(sources, **ENTRA).unknown == {"groups"}
    assert principal({"hasgroups": True}, **ENTRA).unknown == {"groups"}
    assert principal({"_claim_names": "odd"}, **ENTRA).unknown == {"groups"}
    assert principal({**sources, "groups": ["g"]}, **ENTRA).groups == {"g"}
    assert not principal({**sources, "groups": ["g"]}, **ENTRA).unknown


def test_distributed_claims_of_any_provider_are_unknown() -> None:
    """OpenID Connect Core section 5.6.2: what is named there is not in the token."""
    found = principal({"_claim_names": {"roles": "s", "t": "s", "scope": "s"}}, claims={"tier": "t"}, tiers=TIERS)
    assert found.unknown == {"roles", "tier", "scopes", "t", "scope"}


@pytest.mark.parametrize(
    "condition", ['absent = ["banned"]', "claims = { banned = false }", 'present = ["banned"]']
)
def test_no_rule_takes_a_claim_that_is_elsewhere_for_absent(condition: str) -> None:
    """A claim that the token says is somewhere else opens nothing and keeps every deny that asks for it."""
    text = f"""
schema = 1
[[issuer]]
name = "main"
url = "https://issuer.example/"
audience = ["api"]
[[rule]]
name = "opens"
allow = ["GET /opened"]
{condition}
[[rule]]
name = "all"
allow = ["GET /closed"]
authenticated = true
[[rule]]
name = "closes"
deny = ["GET /closed"]
{condition}
"""
    rules = parse_rules(text, file="rules.toml", environment={})
    grants = grants_for(rules, principal({"_claim_names": {"banned": "s"}}), None)
    assert not decide(grants, "GET", "/opened").allowed
    assert decide(grants, "GET", "/closed").reason == "denied_by_rule"


def test_keycloak_realm_and_client_roles() -> None:
    """Client roles of the audiences carry the client's name, so that no realm role can pass for one."""
    values = {
        "realm_access": {"roles": ["user", "api:fake"]},
        "resource_access": {"api": {"roles": ["admin"]}, "account": {"roles": ["manage"]}},
    }
    assert principal(values, preset="keycloak", audience=["api", "none"]).roles == {"user", "api:admin"}
    own = principal(
        values, preset="keycloak", audience=["api"], claims={"roles": ["resource_access", "api", "roles"]}
    )
    assert own.roles == {"admin"}
    assert principal(values, preset="keycloak", audience="unchecked, on purpose").roles == {"user", "api:fake"}
    odd = principal({"resource_access": {"api": {"roles": 5}}}, preset="keycloak", audience=["api"])
    assert odd.unknown == {"roles"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a",), {"b": [1]}),
        (("a", "b"), [1]),
        (("a.b",), "dotted"),
        (("x",), None),
        (("a", "x"), None),
        (("a.b", "c"), None),
        (("a", "b", "0"), None),
        (("n",), None),
        ((), {"a": {"b": [1]}, "a.b": "dotted", "n": None}),
    ],
)
def test_claim_at_walks_down_whole_names(path: tuple[str, ...], value: object) -> None:
    """Dots are part of a name; lists and strings have no members."""
    assert claim_at({"a": {"b": [1]}, "a.b": "dotted", "n": None}, path) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        "sub",
        "scope",
        "scp",
        "groups",
        "roles",
        "_claim_names",
        "hasgroups",
        "realm_access",
        "resource_access",
        "t",
        "tid",
    ]
)


@given(st.dictionaries(NAMES, JSON, max_size=6), st.sampled_from(["oidc", "keycloak", "cognito", "okta"]))
def test_any_claims_make_a_principal_or_an_error_of_the_tree(values: dict[str, Any], preset: str) -> None:
    """Names are strings, whatever the issuer wrote; nothing else is raised."""
    try:
        found = principal(values, preset=preset, tiers=TIERS, claims={"tier": "t"})
    except InvalidClaimError:
        return
    assert all(type(name) is str for name in found.scopes | found.groups | found.roles)
    assert found.tier in {*TIERS.order, None}
    assert found.id.isprintable()
