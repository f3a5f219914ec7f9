"""`lambda-authorizer test`: cases, differences, exit codes, JUnit."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.cli.conftest import RULES, Run

from lambda_authorizer.testing.issuer import FakeIssuer

GOOD = """
[[case]]
name = "a member reads own points"
claims = { sub = "c-1", scope = "loyalty:read", "custom:tenant" = "t-1" }
request = "GET /loyalty/c-1"
expect = "allow"
reason = "allowed"
rule = "members read their own points"
context = { tier = "standard", tenant = "t-1", principal = "c-1" }

[[case]]
name = "and nobody else's"
claims = { sub = "c-1", scope = "loyalty:read" }
request = "GET /loyalty/c-2"
expect = "deny"
reason = "no_rule_allows"

[[case]]
name = "nobody without a subject"
claims = { scope = "loyalty:read" }
request = "GET /loyalty/c-2"
expect = "unauthorized"
reason = "invalid_claim"

[[case]]
name = "nobody without a credential"
anonymous = true
request = "GET /loyalty/c-2"
expect = "deny"

[[case]]
name = "gold partners add points"
claims = { sub = "p", scope = "loyalty:write", groups = ["partners"], "https://airline.example/tier" = "gold" }
request = "POST /loyalty/c-2/points"
expect = "allow"
"""


def _cases(folder: Path, text: str) -> None:
    (folder / "rules_test.toml").write_text(text, encoding="utf-8")


def test_cases_that_hold_exit_with_zero(lambda_authorizer: Run, folder: Path) -> None:
    """Every case is named, and the count says how many hold."""
    _cases(folder, GOOD)
    result = lambda_authorizer("test")
    assert result.code == 0
    assert result.out.splitlines()[0] == "ok   a member reads own points"
    assert result.out.splitlines()[-1] == "5 of 5 cases hold (rules.toml)"
    quiet = lambda_authorizer("test", "--quiet")
    assert quiet.out == "5 of 5 cases hold (rules.toml)\n"


def test_a_failure_says_who_asked_what_and_what_differs(lambda_authorizer: Run, folder: Path) -> None:
    """A failing case shows caller, request, expectation, finding and the rule that decided."""
    _cases(
        folder,
        '[[case]]\nname = "too much"\nclaims = { sub = "c-1", scope = "loyalty:read" }\n'
        'request = "GET /loyalty/c-1"\nexpect = "deny"\nreason = "denied_by_rule"\ncontext = { tier = "gold" }\n',
    )
    result = lambda_authorizer("test")
    assert result.code == 1
    assert result.out == (
        "FAIL too much  (rules_test.toml:1)\n"
        '     a caller with {"scope": "loyalty:read", "sub": "c-1"} asks for GET /loyalty/c-1\n'
        "     answer: expected deny, found allow\n"
        "     reason: expected denied_by_rule, found allowed\n"
        '     context.tier: expected "gold", found "standard"\n'
        "     decided by the rule 'members read their own points'\n"
        "0 of 1 cases hold (rules.toml)\n"
    )
    assert "no case is decided by the rule gold partners add points" in result.err


def test_token_cases_are_verified(lambda_authorizer: Run, folder: Path) -> None:
    """A token case proves its signature and its times at the moment it names."""
    issuer = FakeIssuer(clock=lambda: 1_700_000_000)
    (folder / "token.txt").write_text(
        issuer.mint({"sub": "c-1", "scope": "loyalty:read"}) + "\n", encoding="utf-8"
    )
    (folder / "jwks.json").write_text(json.dumps(issuer.jwks), encoding="utf-8")
    other = FakeIssuer(clock=lambda: 1_700_000_000).mint({"sub": "c-1"})
    _cases(
        folder,
        '[[case]]\nname = "in time"\ntoken = "file:token.txt"\nat = 2023-11-14T22:13:21Z\n'
        'request = "GET /loyalty/c-1"\nexpect = "allow"\n'
        '[[case]]\nname = "too late"\ntoken = "file:token.txt"\nat = 2023-11-15T22:13:20Z\n'
        'request = "GET /loyalty/c-1"\nexpect = "unauthorized"\nreason = "expired"\n'
        f'[[case]]\nname = "forged"\ntoken = "{other}"\nat = 2023-11-14T22:13:21Z\n'
        'request = "GET /loyalty/c-1"\nexpect = "unauthorized"\nreason = "invalid_signature"\n',
    )
    env = ("--env", f"ISSUER={issuer.url}", "--env", f"AUDIENCE={issuer.audience}")
    result = lambda_authorizer("test", "--jwks", "jwks.json", *env)
    assert (result.code, result.out.splitlines()[-1]) == (0, "3 of 3 cases hold (rules.toml)")
    inline = lambda_authorizer("test", *env, "--env", f"JWKS={json.dumps(issuer.jwks)}")
    assert inline.code == 0
    nowhere = lambda_authorizer("test", *env)
    assert nowhere.code == 2
    assert "found:   keys on the network" in nowhere.err
    empty = lambda_authorizer("test", "--jwks", "rules.toml", *env)
    assert (empty.code, "a JSON Web Key Set" in empty.err) == (2, True)


def test_junit_xml_is_well_formed_and_counts(lambda_authorizer: Run, folder: Path) -> None:
    """A CI reads names, counts and failures; control characters cannot break the file."""
    _cases(
        folder,
        GOOD + '[[case]]\nname = "odd <&> \\u0007 \\" name"\nclaims = { sub = "<&>" }\n'
        'request = "GET /loyalty/c"\nexpect = "allow"\n',
    )
    assert lambda_authorizer("test", "--junit", "report.xml").code == 1
    suite = ET.parse(folder / "report.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("6", "1")
    assert [case.get("name") for case in suite][-1] == 'odd <&> � " name'
    failure = suite[-1][0]
    assert failure.get("message", "").startswith('a caller with {"sub": "<&>"}')
    assert "answer: expected allow, found deny" in (failure.text or "")
    assert lambda_authorizer("test", "--junit", "nowhere/report.xml").code == 2


NAMED = '[[case]]\nname = "a"\n'
ASKED = 'request = "GET /"\nexpect = "allow"\n'


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("", "case: found nothing"),
        ('[[cases]]\nname = "a"', "unknown key 'cases'"),
        (NAMED + ASKED, "case[1]: found nothing; allowed: one of claims, token, anonymous = true"),
        ("[[case]]\nclaims = {}\n" + ASKED, "case[1].name: found nothing"),
        (NAMED + 'claims = {}\nrequest = "GET /"\nexpect = "yes"', "case[1].expect: found 'yes'"),
        (NAMED + "claim = {}\n" + ASKED, "Did you mean 'claims'?"),
        (NAMED + 'claims = "x"\n' + ASKED, "case[1].claims: found str 'x'"),
        ('[[case]]\nname = ""\nclaims = {}\n' + ASKED, "case[1].name: found empty text"),
        (NAMED + 'claims = {}\ntoken = "x"\n' + ASKED, "found claims and token"),
        (NAMED + "anonymous = false\n" + ASKED, "found anonymous"),
        (NAMED + "claims = {}\nat = 2020-01-01T00:00:00\n" + ASKED, "a date and time with offset"),
        ((NAMED + "claims = {}\n" + ASKED) * 2, "rules_test.toml:6: case[2].name: found 'a' again"),
        ("[[", "found "),
        ("case = [1]", "case[1]: found int; allowed: a table"),
    ],
)
def test_every_mistake_in_a_case_has_its_message(case: str, expected: str) -> None:
    """File, line, key, found and allowed; the nearest known name as a hint."""
    from lambda_authorizer.cli.cases import parse_cases
    from lambda_authorizer.errors import ConfigurationError

    with pytest.raises(ConfigurationError) as caught:
        parse_cases(case, file="rules_test.toml")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "request_text", ["ANY /a", "GET a", "get /a", "GET /a?b=c", "/a", "$disconnect", ".field"]
)
def test_what_is_no_request_is_said(lambda_authorizer: Run, folder: Path, request_text: str) -> None:
    """A case asks for one concrete request."""
    _cases(folder, f'[[case]]\nname = "a"\nclaims = {{}}\nrequest = "{request_text}"\nexpect = "deny"')
    result = lambda_authorizer("test")
    assert result.code == 2
    assert f"found:   {request_text!r}" in result.err


def test_cases_without_a_file_and_with_an_unknown_issuer(lambda_authorizer: Run, folder: Path) -> None:
    """A missing file of cases and an unknown issuer are wrong input, not failures."""
    assert lambda_authorizer("test").code == 2
    _cases(folder, '[[case]]\nname = "a"\nclaims = {}\nissuer = "other"\nrequest = "GET /a"\nexpect = "deny"')
    result = lambda_authorizer("test")
    assert (result.code, "found:   'other'\n  allowed: main" in result.err) == (2, True)


def test_a_case_is_asked_of_the_issuer_of_its_claims(lambda_authorizer: Run, folder: Path) -> None:
    """With several issuers, the claims' own `iss` or the alias chooses."""
    second = (
        '[[issuer]]\nname = "second"\nurl = "https://second.example"\naudience = ["a"]\n'
        '[[rule]]\nname = "second only"\nallow = ["GET /second"]\nissuer = "second"\n'
    )
    (folder / "rules.toml").write_text(RULES.replace("[tiers]", second + "[tiers]"), encoding="utf-8")
    head = '[[case]]\nname = "{}"\nrequest = "GET /second"\n'
    _cases(
        folder,
        head.format("by iss")
        + 'claims = { sub = "a", iss = "https://second.example" }\nexpect = "allow"\n'
        + head.format("by alias")
        + 'issuer = "second"\nclaims = { sub = "a" }\nexpect = "allow"\n'
        + head.format("the first")
        + 'claims = { sub = "a" }\nexpect = "deny"\n',
    )
    assert lambda_authorizer("test", "--env", "ISSUER=https://first.example").code == 0


def test_a_context_is_named_with_types_or_as_rest_carries_it(lambda_authorizer: Run, folder: Path) -> None:
    """A list of scopes is a list for HTTP API 2.0 and one text for REST: a case may say either."""
    head = 'claims = { sub = "c-1", scope = "loyalty:read loyalty:write" }\nrequest = "GET /loyalty/c-1"\n'
    _cases(
        folder,
        f'[[case]]\nname = "list"\n{head}expect = "allow"\n'
        'context = { scopes = ["loyalty:read", "loyalty:write"] }\n'
        f'[[case]]\nname = "text"\n{head}expect = "allow"\n'
        'context = { scopes = "loyalty:read loyalty:write" }\n',
    )
    assert lambda_authorizer("test").code == 0
