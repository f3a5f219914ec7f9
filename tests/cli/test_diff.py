"""`lambda-authorizer diff`: nothing that a change opens goes unsaid."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cli.conftest import Run

from lambda_authorizer.cli.difference import changes
from lambda_authorizer.policy import decide
from lambda_authorizer.principal import ANONYMOUS, Principal
from lambda_authorizer.rules import grants_for, parse_rules

ISSUER = '[[issuer]]\nname = "main"\nurl = "https://issuer.example"\naudience = ["api"]\n'
HEAD = f"schema = 1\n{ISSUER}"
TIERS = '[tiers]\norder = ["low", "mid", "top"]\ndefault = "low"\n'


def _rule(allow: str, *conditions: str, name: str = "r", effect: str = "allow") -> str:
    return "\n".join(["[[rule]]", f'name = "{name}"', f'{effect} = ["{allow}"]', *conditions, ""])


def _rules(text: str):
    return parse_rules(text, file="rules.toml", environment={})


def _said(old: str, new: str) -> list[tuple[str, str]]:
    return [(change.effect, change.what) for change in changes(_rules(old), _rules(new))]


READ = 'scopes = ["read"]'
WEAKER = [
    ('scopes = ["a", "b"]', 'scopes = ["a"]'),
    ('scopes = ["a"]', 'any_scopes = ["a", "b"]'),
    ('groups = ["a"]', 'groups = ["a", "b"]'),
    ('all_groups = ["a", "b"]', 'groups = ["b", "c"]'),
    ('all_roles = ["a", "b"]', 'all_roles = ["a"]'),
    ('tier = "top"', 'min_tier = "mid"'),
    ('scopes = ["a"]', "authenticated = true"),
    ("authenticated = true", "anonymous = true"),
    ('claims = { a = "x" }', 'claims = { a = ["x", "y"] }'),
    ("claims = { a = { min = 3, max = 4 } }", "claims = { a = { min = 2 } }"),
    ('claims = { a = "x" }', 'present = ["a"]'),
    ('absent = ["a", "b"]', 'absent = ["a"]'),
    ('source_ip = ["192.0.2.0/25"]', 'source_ip = ["192.0.2.0/24"]'),
    ('client_certificate = { subject = "CN=a" }', "client_certificate = true"),
    ('scopes = ["a"]\nwhere = { id = "sub" }', 'scopes = ["a"]'),
    ('scopes = ["a"]\nissuer = "main"', 'scopes = ["a"]'),
]


@pytest.mark.parametrize(("strong", "weak"), WEAKER)
def test_a_weaker_condition_opens_and_a_stronger_one_closes(strong: str, weak: str) -> None:
    """Each kind of condition has its order: loosening opens, tightening closes, and never the other way round."""
    one, other = (HEAD + TIERS + _rule("GET /a/{id}", text) for text in (strong, weak))
    assert _said(one, other) == [("opens", "GET /a/{id}")]
    assert _said(other, one) == [("closes", "GET /a/{id}")]
    assert _said(one, one) == []


def test_splitting_a_rule_changes_nothing() -> None:
    """Who is let in by two rules instead of one is let in all the same."""
    one = HEAD + TIERS + _rule("GET /a", 'min_tier = "mid"')
    two = HEAD + TIERS + _rule("GET /a", 'tier = "mid"') + _rule("GET /a", 'tier = "top"', name="s")
    assert _said(one, two) == []
    assert _said(two, one) == []


def test_renamed_rules_and_variables_change_nothing() -> None:
    """Names are for people."""
    one = HEAD + _rule("GET /a/{id}", READ, 'where = { id = "sub" }')
    two = HEAD + _rule("GET /a/{key}", READ, 'where = { key = "sub" }', name="other")
    assert _said(one, two) == []


def test_only_the_added_part_is_named() -> None:
    """Of a list that grew, only the new value is an opening."""
    old = HEAD + _rule("GET /a", 'groups = ["staff"]')
    new = HEAD + _rule("GET /a", 'groups = ["staff", "guests"]')
    (change,) = changes(_rules(old), _rules(new))
    assert change.text == "to callers with group guests (rule 'r')"


def test_a_narrower_route_closes_part_of_a_wider_one() -> None:
    """The most specific route decides: naming `/a/x` takes it away from the rule for `/a/{id}`."""
    old = HEAD + _rule("GET /a/{id}", READ)
    new = old + _rule("GET /a/x", 'groups = ["staff"]', name="s")
    assert _said(old, new) == [("opens", "GET /a/x"), ("closes", "GET /a/x")]
    assert _said(new, old) == [("opens", "GET /a/x"), ("closes", "GET /a/x")]


def test_deny_rules_work_the_other_way_round() -> None:
    """A deny rule that goes opens, one that comes closes, a wider one closes."""
    allow = HEAD + _rule("GET /a/{id}", READ)
    narrow = allow + _rule("GET /a/{rest+}", 'groups = ["bad"]', name="d", effect="deny")
    wide = allow + _rule("GET /a/{rest+}", 'groups = ["bad", "worse"]', name="d", effect="deny")
    assert _said(narrow, allow) == [("opens", "GET /a/{id}")]
    assert _said(allow, narrow) == [("closes", "GET /a/{id}")]
    assert _said(narrow, wide) == [("closes", "GET /a/{id}")]


def test_a_deny_pattern_reaches_the_trailing_slash_too() -> None:
    """`deny GET /a` also refuses `GET /a/`, so a change of it shows at a route that is spelled with the slash."""
    allow = HEAD + _rule("GET /a/", READ)
    assert _said(allow, allow + _rule("GET /a", 'groups = ["bad"]', name="d", effect="deny")) == [
        ("closes", "GET /a/")
    ]


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ('audience = ["api"]', 'audience = ["api", "other"]', "opens"),
        ('audience = ["api", "other"]', 'audience = ["api"]', "closes"),
        ('audience = ["api"]', 'audience = "unchecked, on purpose"', "opens"),
        ('audience = ["api"]', 'audience = ["api"]\njwks = "https://keys.example/jwks"', "opens"),
        ('audience = ["api"]', 'audience = ["api"]\nleeway = 30', "opens"),
        ("schema = 1", 'schema = 1\nscope_strategy = "hierarchical"', "opens"),
        ("schema = 1\n", "schema = 1\nresource_policy = true\n", "closes"),
        ('default = "low"', 'default = "top"', "opens"),
        ('default = "top"', 'default = "low"', "closes"),
        ('default = "low"', 'default = "low"\nvalues = { x = "top" }', "opens"),
    ],
)
def test_trust_and_tiers_are_part_of_the_rules(old: str, new: str, effect: str) -> None:
    """Whom the rules trust, and what a claim stands for, opens as much as a rule does."""
    base = HEAD + TIERS + _rule("GET /a", READ)
    original = base.replace(new, old) if new in base else base
    for text in (old,):
        if text not in original:
            original = original.replace('audience = ["api"]', text).replace('default = "low"', text)
    changed = original.replace(old, new, 1)
    assert original != changed
    assert {found for found, _ in _said(original, changed)} == {effect}


def test_a_new_issuer_opens_and_a_lost_one_closes() -> None:
    """An issuer more is somebody more who can make tokens."""
    second = ISSUER.replace("main", "second").replace("issuer.example", "second.example")
    one = HEAD + _rule("GET /a", READ)
    two = f"schema = 1\n{ISSUER}{second}" + _rule("GET /a", READ)
    assert _said(one, two) == [("opens", "issuer second")]
    assert _said(two, one) == [("closes", "issuer second")]


def test_the_command_speaks_and_exits(lambda_authorizer: Run, folder: Path) -> None:
    """Words and an exit code for CI: 1 when anything is opened."""
    text = (folder / "rules.toml").read_text(encoding="utf-8")
    (folder / "new.toml").write_text(text.replace('min_tier = "gold"', 'min_tier = "silver"'), encoding="utf-8")
    opened = lambda_authorizer("diff", "rules.toml", "new.toml")
    assert opened.code == 1
    assert opened.out == (
        "opens  POST /loyalty/{customerId}/points to callers with scope loyalty:write, group partners and"
        " tier silver (rule 'gold partners add points')\n1 opening, 0 closings\n"
    )
    closed = lambda_authorizer("diff", "new.toml", "rules.toml", "--json")
    assert closed.code == 0
    assert [change["effect"] for change in json.loads(closed.out)] == ["closes"]
    assert lambda_authorizer("diff", "rules.toml", "rules.toml").out == "nothing is opened, nothing is closed\n"
    assert lambda_authorizer("diff", "rules.toml", "nowhere.toml").code == 2


CONDITIONS = st.sampled_from(
    [
        'scopes = ["a"]',
        'scopes = ["a", "b"]',
        'any_scopes = ["a", "b"]',
        'groups = ["a"]',
        'groups = ["a", "b"]',
        'all_groups = ["a", "b"]',
        'tier = "mid"',
        'min_tier = "mid"',
        "authenticated = true",
        "anonymous = true",
    ]
)
ROUTES = st.sampled_from(
    [
        "GET /a",
        "GET /a/{x}",
        "GET /a/b",
        "GET /a/{x+}",
        "ANY /a/{x}",
        "GET /{y}",
        "GET /{y}/b",
        "ANY /{y}/{z}",
        "GET /a/b/",
    ]
)
RULES = st.lists(
    st.tuples(ROUTES, CONDITIONS, st.sampled_from(["allow", "allow", "allow", "deny"])), min_size=1, max_size=4
)


def _file(rules: list[tuple[str, str, str]]) -> str:
    texts = [
        _rule(route, condition, name=f"r{number}", effect=effect)
        for number, (route, condition, effect) in enumerate(dict.fromkeys(rules))
    ]
    return HEAD + TIERS + "".join(texts)


def _callers() -> list[Principal]:
    names = [frozenset(one) for one in ("", "a", "b", "ab")]
    nothing: frozenset[str] = frozenset()
    return [
        Principal("c", "main", scopes, groups, nothing, tier, None, {"sub": "c"}, None, nothing)
        for scopes in names
        for groups in names
        for tier in ("low", "mid", "top")
    ]


CALLERS = [ANONYMOUS, *_callers()]
PATHS = ("/a", "/a/b", "/a/b/", "/a/c", "/a/c/", "/a/b/c", "/z")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(RULES, RULES)
def test_whatever_a_change_allows_anew_is_said(before: list, after: list) -> None:
    """No request of any caller becomes allowed without an opening, or refused without a closing."""
    from hypothesis import assume

    from lambda_authorizer.errors import ConfigurationError

    try:
        old, new = _rules(_file(before)), _rules(_file(after))
    except ConfigurationError:
        assume(False)
        return
    effects = {change.effect for change in changes(old, new)}
    for caller in CALLERS:
        one, other = grants_for(old, caller, None), grants_for(new, caller, None)
        for path in PATHS:
            was, now = decide(one, "GET", path).allowed, decide(other, "GET", path).allowed
            if now and not was:
                assert "opens" in effects, (path, caller)
            if was and not now:
                assert "closes" in effects, (path, caller)
