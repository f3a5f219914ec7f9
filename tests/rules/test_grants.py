"""Conditions: what holds for whom, and what cannot be known never opens and always closes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rules.parts import caller, rules_of

from lambda_authorizer.policy import decide
from lambda_authorizer.principal import ANONYMOUS, Principal
from lambda_authorizer.request import ClientCertificate
from lambda_authorizer.rules import Facts, grants_for
from lambda_authorizer.rules.grants import spellings

TIERS = '[tiers]\norder = ["low", "mid", "high"]\n'


def allowed(condition: str, principal: Principal, facts: Facts | None = None, *, head: str = "") -> bool:
    """Decide about the one route of a rule with this condition."""
    rules = rules_of(f'{head}[[rule]]\nname = "r"\nallow = ["GET /a"]\n{condition}\n')
    return decide(grants_for(rules, principal, facts), "GET", "/a").allowed


def denied(condition: str, principal: Principal, facts: Facts | None = None) -> bool:
    """Decide about a public route that a deny rule with this condition may close."""
    rules = rules_of(
        '[[rule]]\nname = "public"\nallow = ["GET /a"]\nanonymous = true\n'
        f'[[rule]]\nname = "d"\ndeny = ["GET /a"]\n{condition}\n'
    )
    return decide(grants_for(rules, principal, facts), "GET", "/a").reason == "denied_by_rule"


@pytest.mark.parametrize(
    ("condition", "principal", "expected"),
    [
        ('scopes = ["a", "b"]', caller(scopes=["a", "b", "c"]), True),
        ('scopes = ["a", "b"]', caller(scopes=["a"]), False),
        ('any_scopes = ["a", "b"]', caller(scopes=["b"]), True),
        ('any_scopes = ["a", "b"]', caller(scopes=["c"]), False),
        ('groups = ["a", "b"]', caller(groups=["b"]), True),
        ('groups = ["a", "b"]', caller(groups=["c"]), False),
        ('all_groups = ["a", "b"]', caller(groups=["b"]), False),
        ('all_groups = ["a", "b"]', caller(groups=["b", "a"]), True),
        ('roles = ["a"]', caller(roles=["a"]), True),
        ('roles = ["a"]', caller(groups=["a"]), False),
        ('all_roles = ["a", "b"]', caller(roles=["a", "b"]), True),
        ('all_roles = ["a", "b"]', caller(roles=["a"]), False),
        ('issuer = "main"', caller(), True),
        ('issuer = "main"', caller(issuer="other"), False),
        ("authenticated = true", caller(), True),
        ('present = ["a"]', caller(claims={"a": ""}), True),
        ('present = ["a"]', caller(claims={"a": None}), False),
        ('present = [["a", "b"]]', caller(claims={"a": {"b": 0}}), True),
        ('present = [["a", "b"]]', caller(claims={"a": "b"}), False),
        ('absent = ["a"]', caller(), True),
        ('absent = ["a"]', caller(claims={"a": False}), False),
        ('claims = { a = "x" }', caller(claims={"a": "x"}), True),
        ('claims = { a = "x" }', caller(claims={"a": ["y", "x"]}), True),
        ('claims = { a = ["x", "z"] }', caller(claims={"a": "y"}), False),
        ("claims = { a = 1 }", caller(claims={"a": 1.0}), True),
        ("claims = { a = 1 }", caller(claims={"a": True}), False),
        ("claims = { a = 1 }", caller(claims={"a": "1"}), False),
        ("claims = { a = true }", caller(claims={"a": True}), True),
        ("claims = { a = true }", caller(claims={"a": 1}), False),
        ('claims = { a = "x" }', caller(), False),
        ("claims = { a = { min = 18 } }", caller(claims={"a": 18}), True),
        ("claims = { a = { min = 18 } }", caller(claims={"a": 17.9}), False),
        ("claims = { a = { max = 5 } }", caller(claims={"a": 5}), True),
        ("claims = { a = { min = 1, max = 5 } }", caller(claims={"a": 6}), False),
        ("claims = { a = { min = 0 } }", caller(claims={"a": True}), False),
        ("claims = { a = { min = 0 } }", caller(claims={"a": "3"}), False),
        ('claims = [{ path = ["a", "b"], equals = "x" }]', caller(claims={"a": {"b": "x"}}), True),
        ('claims = [{ path = ["a", "b"], max = 2 }]', caller(claims={"a": {"b": 3}}), False),
    ],
)
def test_a_condition_holds_for_those_it_names(condition: str, principal: Principal, *, expected: bool) -> None:
    """Each condition, met and not met."""
    assert allowed(condition, principal) is expected


@pytest.mark.parametrize(
    ("condition", "tier", "expected"),
    [
        ('tier = "mid"', "mid", True),
        ('tier = "mid"', "high", False),
        ('tier = ["low", "high"]', "high", True),
        ('min_tier = "mid"', "high", True),
        ('min_tier = "mid"', "low", False),
        ('min_tier = "low"', None, False),
        ('tier = "low"', "unheard of", False),
    ],
)
def test_tiers_are_compared_in_their_order(condition: str, tier: str | None, *, expected: bool) -> None:
    """`tier` is exact, `min_tier` takes higher ones too, and no tier is below every tier."""
    assert allowed(condition, caller(tier=tier), head=TIERS) is expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [("orders:read", True), ("orders", True), ("orders:rea", False), ("order", False), ("", False)],
)
def test_a_hierarchical_scope_covers_what_is_below_it(held: str, *, expected: bool) -> None:
    """`orders` covers `orders:read`, only where the file says so."""
    rule = '[[rule]]\nname = "r"\nallow = ["GET /a"]\nscopes = ["orders:read"]\n'
    exact = rules_of(rule)
    hierarchical = rules_of(rule)
    assert hierarchical.hierarchical_scopes is False
    loose = rules_of(rule)
    loose.hierarchical_scopes = True
    principal = caller(scopes=[held])
    assert decide(grants_for(loose, principal, None), "GET", "/a").allowed is expected
    assert decide(grants_for(exact, principal, None), "GET", "/a").allowed is (held == "orders:read")


@pytest.mark.parametrize(
    ("condition", "mark"),
    [
        ('scopes = ["a"]', "scopes"),
        ('any_scopes = ["a"]', "scopes"),
        ('groups = ["a"]', "groups"),
        ('all_groups = ["a"]', "groups"),
        ('roles = ["a"]', "roles"),
        ('all_roles = ["a"]', "roles"),
        ('claims = { groups = "a" }', "groups"),
        ('present = ["groups"]', "groups"),
        ('absent = ["groups"]', "groups"),
    ],
)
def test_what_a_token_does_not_tell_never_opens_and_always_closes(condition: str, mark: str) -> None:
    """A claim that is marked unknown fails allow rules and meets deny rules."""
    unknowing = caller(scopes=["a"], groups=["a"], roles=["a"], unknown=[mark], claims={"groups": "a"})
    assert not allowed(condition, unknowing)
    assert denied(condition, unknowing)


def test_a_false_condition_beats_an_unknown_one() -> None:
    """A deny rule of which one condition surely fails does not hold."""
    unknowing = caller(unknown=["groups"])
    assert not denied('groups = ["a"]\nscopes = ["s"]', unknowing)
    assert denied('groups = ["a"]\nclaims = { groups = "x", b = 1 }', caller(unknown=["groups"], claims={"b": 1}))
    assert not denied('claims = { groups = "x", b = 1 }', caller(unknown=["groups"], claims={"b": 2}))


def test_leaving_the_credential_out_escapes_no_deny_rule() -> None:
    """A deny rule reaches anonymous callers whatever it asks of the credential."""
    assert denied('groups = ["suspended"]', ANONYMOUS)
    assert not allowed('groups = ["a"]', ANONYMOUS)
    assert not allowed("authenticated = true", ANONYMOUS)
    assert allowed("anonymous = true", ANONYMOUS)
    assert allowed("anonymous = true", caller())


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts("10.1.2.3"), True),
        (Facts("2001:db8::1"), True),
        (Facts("192.0.2.1"), False),
        (Facts("nonsense"), None),
        (Facts(None), None),
        (None, None),
    ],
)
def test_an_address_condition_reads_the_request(facts: Facts | None, *, expected: bool | None) -> None:
    """Ranges of both families; an address that cannot be read never opens and always closes."""
    condition = 'source_ip = ["10.0.0.0/8", "2001:db8::/32"]'
    assert allowed(condition, caller(), facts) is (expected is True)
    assert denied(condition, caller(), facts) is (expected is not False)


@pytest.mark.parametrize(
    ("condition", "subject", "expected"),
    [
        ("client_certificate = true", "CN=a", True),
        ('client_certificate = { subject = "CN=a" }', "CN=a", True),
        ('client_certificate = { subject = ["CN=b", "CN=c"] }', "CN=a", False),
        ("client_certificate = true", None, False),
    ],
)
def test_a_certificate_condition_reads_the_certificate(
    condition: str, subject: str | None, *, expected: bool
) -> None:
    """Any certificate, or one with these fields; without one the condition fails."""
    certificate = (
        ClientCertificate(subject=subject, issuer="CN=ca", serial_number="1", not_before="", not_after="", pem="")
        if subject
        else None
    )
    assert allowed(condition, caller(), Facts("192.0.2.1", certificate)) is expected
    assert not allowed(condition, caller(), None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("c-1", ("c-1",)),
        ("a.b~c_d", ("a.b~c_d",)),
        ("a b", ("a%20b",)),
        ("a@b:c", ("a%40b%3Ac", "a%40b%3ac")),
        ("*", ("%2A", "%2a")),
        ("?$", ("%3F%24", "%3f%24")),
        ("é", ("%C3%A9", "%c3%a9")),
        (42, ("42",)),
        ("", ()),
        (".", ()),
        ("..", ()),
        ("a/b", ()),
        ("a\\b", ()),
        ("a\nb", ()),
        ("\x7f", ()),
        ("\ud800", ()),
        ("x" * 257, ()),
        ("é" * 50, ()),
        (True, ()),
        (1.5, ()),
        (None, ()),
        (10**18, ()),
        ({"a": 1}, ()),
    ],
)
def test_a_bound_value_is_written_so_that_no_wildcard_is_in_it(value: Any, expected: tuple[str, ...]) -> None:
    """Unreserved characters as they are, others percent-encoded in both hex cases, the rest grants nothing."""
    assert spellings(value) == expected


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("claims = { banned = true }", {"by": "x"}),
        ("claims = { banned = true }", ["x", {"by": "x"}]),
        ("claims = { banned = true }", [["x"]]),
        ("claims = { banned = { min = 1 } }", "3"),
        ("claims = { banned = { max = 1 } }", True),
        ("claims = { banned = { min = 1 } }", {"level": 3}),
    ],
)
def test_a_claim_that_no_comparison_can_read_opens_nothing_and_closes(condition: str, value: object) -> None:
    """An object where a value is expected, or no number where a range is: a deny rule must not miss it."""
    principal = caller(claims={"banned": value})
    assert not allowed(condition, principal)
    assert denied(condition, principal)


@pytest.mark.parametrize("value", [None, False, "true", 1, [], ["x", None]])
def test_a_claim_that_is_read_and_differs_does_not_close(value: object) -> None:
    """`"true"` and 1 are values, and others than `true`."""
    assert not denied("claims = { banned = true }", caller(claims={"banned": value}))
    assert not denied("claims = { banned = { min = 5 } }", caller(claims={"banned": [1, 2.5]}))


@given(st.text(max_size=40))
def test_no_spelling_holds_what_a_policy_could_misread(value: str) -> None:
    """Whatever a claim holds, a Resource gets no wildcard, no variable, no slash and no dot segment."""
    for text in spellings(value):
        assert text
        assert text not in {".", ".."}
        assert text.isascii()
        assert not set(text) & set("*?$/\\{} ")


BOUND = '[[rule]]\nname = "own"\nallow = ["GET /c/{id}"]\nauthenticated = true\nwhere = { id = "sub" }\n'.replace(
    "authenticated = true\n", ""
)


@pytest.mark.parametrize(
    ("sub", "path", "expected"),
    [
        ("c-1", "/c/c-1", True),
        ("c-1", "/c/c-2", False),
        ("a@b", "/c/a%40b", True),
        ("a@b", "/c/a@b", False),
        (["x", "y"], "/c/y", True),
        ([], "/c/y", False),
        (None, "/c/None", False),
        ("", "/c/", False),
    ],
)
def test_where_binds_a_variable_to_the_callers_claim(sub: Any, path: str, *, expected: bool) -> None:
    """The path must have one of the caller's own values."""
    grants = grants_for(rules_of(BOUND), caller(claims={"sub": sub}), None)
    assert decide(grants, "GET", path).allowed is expected


@pytest.mark.parametrize(
    ("sub", "path", "reason"),
    [
        ("c-1", "/c/c-1", "denied_by_rule"),
        ("c-1", "/c/c-2", "allowed"),
        (None, "/c/c-2", "denied_by_rule"),
        ("a/b", "/c/c-2", "denied_by_rule"),
        (["a", "b/c"], "/c/c-2", "denied_by_rule"),
        (["a"] * 40, "/c/c-2", "denied_by_rule"),
    ],
)
def test_a_deny_that_cannot_be_bound_denies_the_whole_pattern(sub: Any, path: str, reason: str) -> None:
    """A deny rule must not lose a part of what it says."""
    rules = rules_of(
        '[[rule]]\nname = "all"\nallow = ["GET /c/{id}"]\nauthenticated = true\n'
        '[[rule]]\nname = "not own"\ndeny = ["GET /c/{id}"]\nwhere = { id = "sub" }\n'
    )
    assert decide(grants_for(rules, caller(claims={"sub": sub}), None), "GET", path).reason == reason


def test_equal_callers_have_equal_grants() -> None:
    """Grants are a key for caches: equal for the same rules and values, different otherwise."""
    rules = rules_of(BOUND)
    one = grants_for(rules, caller(claims={"sub": "a"}), None)
    same = grants_for(rules, caller(claims={"sub": "a"}), None)
    other = grants_for(rules, caller(claims={"sub": "b"}), None)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "grants"
    assert "1 of 1" in repr(one)


ASKED = (
    '[[rule]]\nname = "scope"\nallow = ["GET /a"]\nscopes = ["s"]\n'
    '[[rule]]\nname = "group"\nallow = ["GET /b"]\ngroups = ["g"]\n'
    '[[rule]]\nname = "role"\nallow = ["GET /c"]\nroles = ["r"]\n'
    '[[rule]]\nname = "tier"\nallow = ["GET /d"]\nmin_tier = "mid"\n'
    '[[rule]]\nname = "issuer"\nallow = ["GET /e"]\nissuer = "main"\n'
    '[[rule]]\nname = "public"\nallow = ["GET /f"]\nanonymous = true\n'
    '[[rule]]\nname = "banned"\ndeny = ["ANY /f"]\ngroups = ["banned"]\n'
)
NAMES = st.builds(
    caller,
    scopes=st.sets(st.sampled_from(["s", "g"])),
    groups=st.sets(st.sampled_from(["g", "r", "banned"])),
    roles=st.sets(st.sampled_from(["r", "s"])),
    tier=st.sampled_from([None, "low", "high"]),
    issuer=st.sampled_from(["main", "other"]),
    unknown=st.sets(st.sampled_from(["scopes", "groups", "roles", "tier"])),
)


@given(st.lists(st.one_of(NAMES, st.just(ANONYMOUS)), min_size=2, max_size=8))
def test_no_caller_gets_what_another_has(callers: list[Principal]) -> None:
    """Where grants are kept for callers alike, each caller still gets what rules that saw nobody before give."""
    rules = rules_of(TIERS + ASKED)
    assert rules.reads_names_only
    for principal in callers * 2:
        fresh = rules_of(TIERS + ASKED)
        assert grants_for(rules, principal, None).key == grants_for(fresh, principal, None).key


@pytest.mark.parametrize(
    "condition",
    [
        'claims = { a = "x" }',
        'present = ["a"]',
        'absent = ["a"]',
        'source_ip = ["192.0.2.0/24"]',
        'client_certificate = { subject = "CN=a" }',
        'scopes = ["s"]\nwhere = { id = "sub" }',
    ],
)
def test_rules_that_read_more_than_names_are_asked_every_time(condition: str) -> None:
    """Claims, path variables and the request are no part of what grants are kept by."""
    rules = rules_of(f'[[rule]]\nname = "r"\nallow = ["GET /a/{{id}}"]\n{condition}\n')
    assert not rules.reads_names_only
    grants_for(rules, caller(scopes=["s"], claims={"a": "x", "sub": "s"}), Facts("192.0.2.1"))
    assert rules.grants == {}


def test_kept_grants_are_bounded() -> None:
    """Callers who are all different cannot fill the memory, and still get their own grants."""
    rules = rules_of('[[rule]]\nname = "r"\nallow = ["GET /a"]\nscopes = ["s"]\n')
    for number in range(600):
        scopes = [f"x{number}", "s"] if number % 2 else [f"x{number}"]
        assert bool(grants_for(rules, caller(scopes=scopes), None).routes) == bool(number % 2)
    assert len(rules.grants) <= 256
