"""Each kind of mistake in a rules file, and the message that says what to do."""

# ruff: noqa: E501 - one mistake a line

import json

import pytest
from tests.rules.parts import HEAD, rules_of

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import parse_rules

RULE = '[[rule]]\nname = "r"\nallow = ["GET /a"]\nscopes = ["s"]\n'
TIERS = '[tiers]\norder = ["low", "high"]\n'

# name of the mistake -> text after the issuer, key in the message, words that the message must hold
MISTAKES = {
    "unknown key of an issuer": ("colour = 1\n" + RULE, "issuer[0].colour", ()),
    "unknown key of a rule": (RULE + "scope = ['s']\n", "rule[0]", ("'scope'", "Did you mean 'scopes'?")),
    "no rule": ("", "rule", ("none", "at least one [[rule]]")),
    "no name": ('[[rule]]\nallow = ["GET /a"]\nscopes = ["s"]\n', "rule[0].name", ("nothing", "unique")),
    "empty name": ('[[rule]]\nname = " "\nallow = ["GET /a"]\nscopes = ["s"]\n', "rule[0].name", ("' '",)),
    "duplicate name": (RULE + RULE.replace("/a", "/b"), "rule[1].name", ("'r'", "rule[0]", "unique")),
    "variable in a name": (RULE.replace('"r"', '"${R}"'), "rule[0].name", ("Variables stand in values only",)),
    "neither allow nor deny": ('[[rule]]\nname = "r"\nscopes = ["s"]\n', "rule[0]", ("neither allow nor deny",)),
    "allow and deny": (RULE + 'deny = ["GET /b"]\n', "rule[0].deny", ("both allow and deny",)),
    "no condition": ('[[rule]]\nname = "r"\nallow = ["GET /a"]\n', "rule[0]", ("authenticated = true",)),
    "empty list": (RULE.replace('["s"]', "[]"), "rule[0].scopes", ("an empty list", "Leave the key out")),
    "no list": (RULE.replace('["s"]', '"s"'), "rule[0].scopes", ("a string", "square brackets")),
    "wrong item": (RULE.replace('["s"]', "[1]"), "rule[0].scopes", ("a number in the list",)),
    "item twice": (RULE.replace('["s"]', '["s", "s"]'), "rule[0].scopes", ("'s' twice",)),
    "no route": (RULE.replace("GET /a", "GET"), "rule[0].allow", ("neither `METHOD /path`",)),
    "small method": (RULE.replace("GET /a", "get /a"), "rule[0].allow", ("capitals: GET",)),
    "unknown method": (RULE.replace("GET /a", "FETCH /a"), "rule[0].allow", ("'FETCH' is no method",)),
    "no slash": (RULE.replace("GET /a", "GET a"), "rule[0].allow", ("begin with a slash",)),
    "empty segment": (RULE.replace("GET /a", "GET /a//b"), "rule[0].allow", ("two slashes",)),
    "dot segment": (RULE.replace("GET /a", "GET /a/../b"), "rule[0].allow", ("dot segment",)),
    "half a variable": (RULE.replace("GET /a", "GET /a{b}"), "rule[0].allow", ("a whole segment",)),
    "unnamed variable": (RULE.replace("GET /a", "GET /{}"), "rule[0].allow", ("names no variable",)),
    "variable twice": (RULE.replace("GET /a", "GET /{b}/{b}"), "rule[0].allow", ("stands twice",)),
    "open end inside": (RULE.replace("GET /a", "GET /{b+}/c"), "rule[0].allow", ("must stand last",)),
    "wildcard in a route": (RULE.replace("GET /a", "GET /a/*"), "rule[0].allow", ("'*' cannot stand in a route",)),
    "encoded slash": (RULE.replace("GET /a", "GET /a%2Fb"), "rule[0].allow", ("encoded slash",)),
    "too long": (RULE.replace("GET /a", "GET /" + "a" * 400), "rule[0].allow", ("longer than 400",)),
    "too deep": (RULE.replace("GET /a", "GET " + "/a" * 41), "rule[0].allow", ("more than 40 segments",)),
    "WebSocket route": (RULE.replace("GET /a", "$default"), "rule[0].allow", ("only $connect",)),
    "channel without namespace": (RULE.replace("GET /a", "PUBLISH /"), "rule[0].allow", ("its namespace",)),
    "route twice": (
        RULE.replace('"GET /a"', '"GET /{a}", "GET /{b}"'),
        "rule[0].allow",
        ("the same route as 'GET /{a}'",),
    ),
    "tier without tiers": (RULE + 'tier = "high"\n', "rule[0].tier", ("the file has no [tiers]",)),
    "unknown tier": (TIERS + RULE + 'min_tier = "hihg"\n', "rule[0].min_tier", ("Did you mean 'high'?",)),
    "impossible tier": (
        TIERS + RULE + 'tier = "low"\nmin_tier = "high"\n',
        "rule[0].tier",
        ("no caller can have at once",),
    ),
    "tier of the wrong type": (TIERS + RULE + "min_tier = 1\n", "rule[0].min_tier", ("a number",)),
    "unknown issuer": (RULE + 'issuer = "mian"\n', "rule[0].issuer", ("Did you mean 'main'?",)),
    "authenticated = false": (RULE.replace('scopes = ["s"]', "authenticated = false"), "rule[0].authenticated", ("true",)),
    "authenticated beside more": (RULE + "authenticated = true\n", "rule[0].authenticated", ("true alone",)),
    "anonymous beside scopes": (RULE + "anonymous = true\n", "rule[0].anonymous", ("has nothing",)),
    "anonymous deny": (
        RULE + '[[rule]]\nname = "d"\ndeny = ["GET /b"]\nanonymous = true\n',
        "rule[1].anonymous",
        ("always reaches",),
    ),
    "bad network": (RULE + 'source_ip = ["10.0.0.0/33"]\n', "rule[0].source_ip", ("192.0.2.0/24",)),
    "host bits": (RULE + 'source_ip = ["10.0.0.1/8"]\n', "rule[0].source_ip", ("host bits must be zero",)),
    "certificate false": (RULE + "client_certificate = false\n", "rule[0].client_certificate", ("true, or a table",)),
    "certificate field": (
        RULE + 'client_certificate = { subjct = "CN=x" }\n',
        "rule[0].client_certificate",
        ("Did you mean 'subject'?",),
    ),
    "claims no table": (RULE + 'claims = "x"\n', "rule[0].claims", ("{ name = value }",)),
    "claims empty list": (RULE + "claims = { a = [] }\n", "rule[0].claims", ("an empty list for 'a'",)),
    "claims date": (RULE + "claims = { a = 2026-01-01 }\n", "rule[0].claims", ("a date or time for 'a'",)),
    "claims comparison": (RULE + "claims = { a = { over = 1 } }\n", "rule[0].claims", ("unknown comparison",)),
    "claims bound": (RULE + 'claims = { a = { min = "1" } }\n', "rule[0].claims", ("as a bound of 'a'",)),
    "claims range": (RULE + "claims = { a = { min = 2, max = 1 } }\n", "rule[0].claims", ("min above max",)),
    "claims entry without path": (RULE + "claims = [{ equals = 1 }]\n", "rule[0].claims", ("without path",)),
    "claims entry key": (
        RULE + 'claims = [{ path = ["a"], equal = 1 }]\n',
        "rule[0].claims",
        ("Did you mean 'equals'?",),
    ),
    "claims entry both": (
        RULE + 'claims = [{ path = ["a"], equals = 1, min = 2 }]\n',
        "rule[0].claims",
        ("equals beside min or max",),
    ),
    "present no list": (RULE + 'present = "a"\n', "rule[0].present", ("a list of claims",)),
    "present and absent": (RULE + 'present = ["a"]\nabsent = ["a"]\n', "rule[0].absent", ("both asked for and absent",)),
    "where without variable": (
        RULE.replace("/a", "/{customer}") + 'where = { custmer = "sub" }\n',
        "rule[0].where",
        ("Did you mean 'customer'?",),
    ),
    "where on a literal route": (RULE + 'where = { a = "sub" }\n', "rule[0].where", ("no variable of 'GET /a'",)),
    "where on an open end": (
        RULE.replace("/a", "/{rest+}") + 'where = { rest = "sub" }\n',
        "rule[0].where",
        ("variables of one segment",),
    ),
    "where no table": (RULE + 'where = "sub"\n', "rule[0].where", ("{ variable = claim }",)),
    "where number": (RULE.replace("/a", "/{a}") + "where = { a = 1 }\n", "rule[0].where", ("name of a claim",)),
    "unknown requirement": (
        '[requirement.staff]\ngroups = ["g"]\n' + RULE + 'requires = ["stuff"]\n',
        "rule[0].requires",
        ("Did you mean 'staff'?",),
    ),
    "unused requirement": ('[requirement.staff]\ngroups = ["g"]\n' + RULE, "requirement.staff", ("no rule names",)),
    "empty requirement": ("[requirement.staff]\n" + RULE, "requirement.staff", ("no condition",)),
    "narrow deny": (
        RULE + '[[rule]]\nname = "d"\ndeny = ["GET /b"]\ngroups = ["g"]\nnarrow = true\n',
        "rule[1].narrow",
        ("allow rules only",),
    ),
    "narrow of the wrong type": (RULE + "narrow = 1\n", "rule[0].narrow", ("true, false",)),
    "description of the wrong type": (RULE + "description = 1\n", "rule[0].description", ("a string",)),
    "tiers without order": ("[tiers]\n" + RULE, "tiers.order", ("low to high",)),
    "default no tier": (TIERS + 'default = "mid"\n' + RULE, "tiers.default", ("'mid'", "low, high")),
    "value no tier": (TIERS + 'values = { x = "mid" }\n' + RULE, "tiers.values", ("'x' = 'mid'",)),
    "values empty": (TIERS + "values = {}\n" + RULE, "tiers.values", ("an empty table",)),
    "usage key no tier": (TIERS + 'usage_keys = { mid = "ssm:/k" }\n' + RULE, "tiers.usage_keys", ("'mid'",)),
    "usage key in the file": (TIERS + 'usage_keys = { low = "k3y" }\n' + RULE, "tiers.usage_keys", ("names no store",)),
    "usage key wrong type": (TIERS + "usage_keys = { low = 1 }\n" + RULE, "tiers.usage_keys", ("a number for 'low'",)),
    "reserved context": (RULE + '[context]\nclaims = "a"\n', "context.claims", ("a reserved name",)),
    "context name": (RULE + '[context]\n"a-b" = "a"\n', "context.a-b", ("no digit first",)),
    "context type": (
        RULE + '[context]\na = { claim = "a", type = "text" }\n',
        "context.a.type",
        ("auto, string, number",),
    ),
    "context key": (RULE + '[context]\na = { clam = "a" }\n', "context.a", ("Did you mean 'claim'?",)),
    "context without claim": (RULE + "[context]\na = { }\n", "context.a", ("nothing",)),
    "rule closed by a deny": (
        RULE + '[[rule]]\nname = "d"\ndeny = ["ANY /{x+}"]\nauthenticated = true\n',
        "rule[0].allow",
        ("the deny rule 'd'", "Delete this rule"),
    ),
    "rule that gives nothing": (
        RULE + '[[rule]]\nname = "q"\nallow = ["GET /a"]\nscopes = ["s", "t"]\n',
        "rule[1].allow",
        ("the rule 'r' gives already",),
    ),
    "deny rules only": ('[[rule]]\nname = "d"\ndeny = ["GET /a"]\ngroups = ["g"]\n', "rule", ("deny rules only",)),
    "no TOML": (RULE + "= 1\n", "(whole file)", ("no TOML",)),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_the_way_out(mistake: str) -> None:
    """Every mistake stops the start, naming file, key, what was found and what is allowed."""
    text, key, words = MISTAKES[mistake]
    with pytest.raises(ConfigurationError) as caught:
        rules_of(text)
    assert caught.value.file == "rules.toml"
    assert caught.value.key == key
    for word in words:
        assert word in str(caught.value)


def test_the_line_of_the_mistake_is_named() -> None:
    """TOML keys are found in the text, so that an editor can jump there."""
    with pytest.raises(ConfigurationError) as caught:
        rules_of(RULE + RULE.replace('"r"', '"q"').replace('["s"]', "[]"))
    assert caught.value.line == HEAD.count("\n") + 4 + 4


def test_the_line_of_a_syntax_error_is_named() -> None:
    """The parser's own position is kept."""
    with pytest.raises(ConfigurationError) as caught:
        rules_of("= 1\n")
    assert caught.value.line == HEAD.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "key", "word"),
    [
        ("schema = 2\n", "schema", "found 2"),
        ("schema = true\n", "schema", "found True"),
        ('[[rule]]\nname = "x"\n', "schema", "Begin the file"),
        ("schema = 1\n", "issuer", "at least one [[issuer]]"),
        ("schema = 1\nissuer = 1\n", "issuer", "each beginning with [[issuer]]"),
        ("schema = 1\ncontxt = 1\n", "(top of the file)", "Did you mean 'context'?"),
        ("schema = 1\nscope_strategy = 'loose'\n" + HEAD[10:], "scope_strategy", "exact, hierarchical"),
        ("schema = 1\nresource_policy = 'yes'\n" + HEAD[10:], "resource_policy", "true, false"),
        ("schema = 1\ntiers = 1\n" + HEAD[10:], "tiers", "[tiers]"),
        ("schema = 1\ncontext = 1\n" + HEAD[10:], "context", "[context]"),
        ("schema = 1\nrequirement = 1\n" + HEAD[10:], "requirement", "[requirement.staff]"),
        ("schema = 1\nrequirement = { a = 1 }\n" + HEAD[10:], "requirement.a", "[requirement.a]"),
    ],
)
def test_the_frame_of_the_file_is_strict(text: str, key: str, word: str) -> None:
    """The top of the file is checked like everything else."""
    with pytest.raises(ConfigurationError) as caught:
        parse_rules(text, file="rules.toml", environment={})
    assert caught.value.key == key
    assert word in str(caught.value)


def test_json_of_the_same_shape_means_the_same() -> None:
    """A machine may write JSON instead of TOML."""
    document = {
        "schema": 1,
        "issuer": [{"name": "main", "url": "https://issuer.example", "audience": ["api"], "preset": "oidc"}],
        "rule": [{"name": "r", "allow": ["GET /a"], "scopes": ["s"]}],
    }
    rules = parse_rules(json.dumps(document), file="rules.json", environment={})
    assert [rule.name for rule in rules.rules] == ["r"]
    assert list(rules.routes) == list(rules_of(RULE).routes)


@pytest.mark.parametrize(
    ("text", "word"),
    [("{", "no JSON"), ("[]", "an object"), ('{"schema": 1, "schema": 1}', "the same key twice")],
)
def test_broken_json_is_a_mistake(text: str, word: str) -> None:
    """JSON is read strictly too; it has no lines to name."""
    with pytest.raises(ConfigurationError, match=word):
        parse_rules(text, file="rules.json", environment={})


def test_routes_of_the_api_are_read_strictly() -> None:
    """What is no route cannot be a route of the API."""
    with pytest.raises(ConfigurationError, match="routes of the API"):
        rules_of(RULE, api_routes=["FETCH /a"])


def test_a_rule_may_be_everything_at_once() -> None:
    """All conditions stand together in one rule."""
    rules = rules_of(
        TIERS + '[requirement.staff]\ngroups = ["g"]\n'
        '[[rule]]\nname = "all"\ndescription = "d"\nallow = ["GET /{a}/b"]\nscopes = ["s"]\nany_scopes = ["t", "u"]\n'
        'all_groups = ["h"]\nroles = ["r"]\nall_roles = ["q"]\ntier = ["low", "high"]\nmin_tier = "low"\n'
        'claims = { age = { min = 18 }, plan = ["a", "b"], ok = true }\npresent = ["email", ["a", "b"]]\n'
        'absent = ["banned"]\nwhere = { a = ["org", "id"] }\nissuer = "main"\nsource_ip = ["10.0.0.0/8"]\n'
        'client_certificate = { subject = "CN=x" }\nrequires = ["staff"]\nnarrow = true\n'
    )
    assert [kind for kind, _ in rules.rules[0].conditions] == [
        "scopes", "any_scopes", "all_groups", "roles", "all_roles", "tier", "min_tier", "claims", "present", "absent",
        "issuer", "source_ip", "client_certificate", "groups",
    ]  # fmt: skip
    assert rules.rules[0].narrow
    assert rules.reads_request == {"source_ip", "client_certificate"}
    assert rules.uses_where
