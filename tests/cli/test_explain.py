"""`lambda-authorizer explain`: one decision, step by step."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import RULES, Result, Run

from lambda_authorizer.testing.events import Call, appsync_event, bearer, http_2_event, token_event
from lambda_authorizer.testing.issuer import FakeIssuer

DENY = """
[[rule]]
name = "the suspended call nothing"
deny = ["ANY /loyalty/{rest+}"]
groups = ["suspended"]
"""
MEMBER = '{"sub": "c-1", "scope": "loyalty:read"}'


@pytest.fixture
def issuer(folder: Path) -> FakeIssuer:
    """An issuer whose key set the rules file names."""
    made = FakeIssuer()
    (folder / "jwks.json").write_text(json.dumps(made.jwks), encoding="utf-8")
    return made


def _env(issuer: FakeIssuer) -> tuple[str, ...]:
    return ("--env", f"ISSUER={issuer.url}", "--env", f"AUDIENCE={issuer.audience}", "--jwks", "jwks.json")


def _lines(result: Result) -> list[str]:
    return result.out.splitlines()


def test_an_allowed_call_shows_rule_conditions_and_policy_line(lambda_authorizer: Run) -> None:
    """Caller, route, each condition met, the decision, and the Allow line that stands for it."""
    result = lambda_authorizer("explain", "--claims", MEMBER, "--route", "GET /loyalty/c-1")
    assert result.code == 0
    assert _lines(result) == [
        "caller    c-1 of issuer main; scopes loyalty:read; tier standard",
        "request   GET /loyalty/c-1",
        "route     GET /loyalty/{customerId}",
        "allow     members read their own points (line 16)",
        "            yes: scope loyalty:read",
        "            yes: customerId = sub ('c-1' against 'c-1')",
        "decision  allowed, reason allowed, by the rule 'members read their own points'",
        "policy    Allow arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/live/GET/loyalty/c-1",
        'backend   gets {"principal": "c-1", "scopes": "loyalty:read", "tier": "standard"}',
    ]
    assert "nothing is verified" in result.err


def test_a_refused_call_shows_what_is_missing(lambda_authorizer: Run) -> None:
    """Each unmet condition says what the caller has instead; the exit code is 1."""
    claims = '{"sub": "p", "scope": "loyalty:read", "groups": ["guests"]}'
    result = lambda_authorizer("explain", "--claims", claims, "--route", "POST /loyalty/x/points")
    assert result.code == 1
    assert "            no: scope loyalty:write (the caller has loyalty:read)" in _lines(result)
    assert "            no: group partners (the caller has guests)" in _lines(result)
    assert "            no: tier gold (the caller has standard)" in _lines(result)
    assert "decision  denied, reason no_rule_allows" in _lines(result)


def test_a_deny_rule_and_its_policy_line_are_named(lambda_authorizer: Run, folder: Path) -> None:
    """A deny rule beats the allow rules, and the Deny line that says so is shown."""
    (folder / "rules.toml").write_text(RULES + DENY, encoding="utf-8")
    claims = '{"sub": "c-1", "scope": "loyalty:read", "groups": ["suspended"]}'
    result = lambda_authorizer("explain", "--claims", claims, "--route", "GET /loyalty/c-1")
    assert "deny      the suspended call nothing" in result.out
    assert "decision  denied, reason denied_by_rule, by the rule 'the suspended call nothing'" in _lines(result)


def test_an_odd_path_belongs_to_no_route(lambda_authorizer: Run) -> None:
    """An encoded slash is refused before any rule is asked."""
    result = lambda_authorizer("explain", "--claims", MEMBER, "--route", "GET /loyalty/c-1%2Fhistory")
    assert "route     none: such a request is always denied" in _lines(result)
    assert "decision  denied, reason path_refused" in _lines(result)
    assert _lines(result)[-1] == "policy    no line covers it, so it is denied"


def test_nobody_without_a_credential(lambda_authorizer: Run) -> None:
    """A caller without a credential meets no condition."""
    result = lambda_authorizer("explain", "--anonymous", "--route", "GET /loyalty/c-1")
    assert result.code == 1
    assert _lines(result)[0] == "caller    nobody in particular (no credential)"
    assert "            no: scope loyalty:read" in _lines(result)


def test_a_token_is_verified(lambda_authorizer: Run, folder: Path, issuer: FakeIssuer) -> None:
    """A good token is explained, a bad one ends with its reason, and the token itself is never shown."""
    good = issuer.mint({"sub": "c-1", "scope": "loyalty:read"})
    result = lambda_authorizer("explain", good, "--route", "GET /loyalty/c-1", *_env(issuer))
    assert result.code == 0
    bad = issuer.bad("bad-signature", {"sub": "c-1"})
    (folder / "bad.txt").write_text(bad, encoding="utf-8")
    refused = lambda_authorizer("explain", "file:bad.txt", "--route", "GET /loyalty/c-1", *_env(issuer))
    assert refused.code == 1
    assert _lines(refused)[-1] == "decision  unauthorized, reason invalid_signature"
    for shown in (result, refused):
        assert good not in shown.out + shown.err
        assert bad.split(".")[2] not in shown.out + shown.err


def test_unverified_says_so(lambda_authorizer: Run, issuer: FakeIssuer) -> None:
    """`--unverified` explains a token whose keys are not at hand, and says that it proves nothing."""
    expired = issuer.bad("expired", {"sub": "c-1", "scope": "loyalty:read"})
    given = _env(issuer)[:-2]
    result = lambda_authorizer("explain", expired, "--route", "GET /loyalty/c-1", "--unverified", *given)
    assert (result.code, "NOT verified" in result.err) == (0, True)


def test_the_moment_can_be_chosen(lambda_authorizer: Run, issuer: FakeIssuer) -> None:
    """`--at` judges the token's times at another moment."""
    token = issuer.mint({"sub": "c-1", "scope": "loyalty:read"})
    result = lambda_authorizer(
        "explain", token, "--route", "GET /loyalty/c-1", "--at", "4000000000", *_env(issuer)
    )
    assert _lines(result)[-1] == "decision  unauthorized, reason expired"


def test_events_bring_route_arn_and_credential(lambda_authorizer: Run, folder: Path, issuer: FakeIssuer) -> None:
    """An event of the gateway needs nothing else; its own ARN stands in the policy line."""
    token = issuer.mint({"sub": "c-1", "scope": "loyalty:read"})
    call = Call("GET", "/loyalty/c-1", headers=tuple(bearer(token).items()))
    for event in (token_event(f"Bearer {token}", "GET", "/loyalty/c-1"), http_2_event(call)):
        (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
        result = lambda_authorizer("explain", "event.json", *_env(issuer))
        assert result.code == 0, result.out + result.err
        assert "policy    Allow arn:aws:execute-api:" in result.out


def test_an_event_without_a_token_is_unauthorized(
    lambda_authorizer: Run, folder: Path, issuer: FakeIssuer
) -> None:
    """A missing credential is the caller's fault and ends with its reason."""
    event = http_2_event(Call("GET", "/loyalty/c-1"))
    (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
    result = lambda_authorizer("explain", "event.json", *_env(issuer))
    assert (result.code, _lines(result)[-1]) == (1, "decision  unauthorized, reason missing_token")


def test_bad_input_is_said(lambda_authorizer: Run, folder: Path, issuer: FakeIssuer) -> None:
    """No subject, no route, broken events: a sentence and exit code 2."""
    (folder / "event.json").write_text("{", encoding="utf-8")
    (folder / "other.json").write_text("{}", encoding="utf-8")
    (folder / "appsync.json").write_text(json.dumps(appsync_event("t", "query { a }")), encoding="utf-8")
    for arguments in (
        (),
        ("--claims", MEMBER),
        ("--claims", MEMBER, "--anonymous", "--route", "GET /a"),
        ("event.json",),
        ("other.json",),
        ("appsync.json",),
        ("nowhere.json",),
        ("--claims", "{", "--route", "GET /a"),
        ("--claims", MEMBER, "--route", "a"),
        ("file:nowhere", "--route", "GET /a"),
    ):
        result = lambda_authorizer("explain", *arguments, *_env(issuer))
        assert (result.code, result.out) == (2, ""), arguments
        assert result.err.startswith(("error: ", "note: ")), arguments


def test_a_resource_policy_shows_the_line_that_closes(lambda_authorizer: Run, folder: Path) -> None:
    """With `resource_policy = true` a refusal is the Deny of everything that no Allow line names."""
    text = RULES.replace("schema = 1", "schema = 1\nresource_policy = true")
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    result = lambda_authorizer("explain", "--claims", MEMBER, "--route", "GET /loyalty/c-2")
    assert _lines(result)[-1] == "policy    Deny everything that no Allow line names (NotResource)"


def test_conditions_on_the_request_are_explained_with_its_address(lambda_authorizer: Run, folder: Path) -> None:
    """A rule that reads the address is judged with `--source-ip`; without one it is not known."""
    rule = '[[rule]]\nname = "office"\nallow = ["GET /office"]\nsource_ip = ["192.0.2.0/24"]\n'
    (folder / "rules.toml").write_text(RULES + rule, encoding="utf-8")
    given = ("--claims", '{"sub": "a"}', "--route", "GET /office")
    inside = lambda_authorizer("explain", *given, "--source-ip", "192.0.2.9")
    assert inside.code == 0, inside.out
    assert "            yes: address in 192.0.2.0/24" in _lines(inside)
    assert "/live/GET/office" in inside.out
    assert "made for it alone, at TTL 0" in inside.out
    assert lambda_authorizer("explain", *given, "--source-ip", "203.0.113.9").code == 1
    unknown = lambda_authorizer("explain", *given)
    assert "            not known: address in 192.0.2.0/24" in _lines(unknown)


def test_callers_with_roles_and_unknown_groups_are_shown(lambda_authorizer: Run, folder: Path) -> None:
    """Groups that the token does not tell are unknown, not empty."""
    preset = RULES.replace('audience = ["${AUDIENCE}"]', 'audience = ["${AUDIENCE}"]\npreset = "keycloak"')
    (folder / "rules.toml").write_text(preset, encoding="utf-8")
    claims = '{"sub": "a", "realm_access": {"roles": ["admin"]}, "groups": 7}'
    result = lambda_authorizer("explain", "--claims", claims, "--route", "POST /loyalty/a/points")
    assert "groups unknown" in _lines(result)[0]
    assert "roles admin" in _lines(result)[0]
    assert "            not known: group partners" in _lines(result)


def test_graphql_and_channels_have_no_policy(lambda_authorizer: Run, folder: Path) -> None:
    """AppSync gets a yes or no: there is no policy line to show."""
    rules = (
        '[[rule]]\nname = "query"\nallow = ["Query.orders"]\nscopes = ["s"]\n'
        '[[rule]]\nname = "listen"\nallow = ["SUBSCRIBE /orders/{id}", "CONNECT"]\nissuer = "main"\n'
    )
    (folder / "rules.toml").write_text(RULES + rules, encoding="utf-8")
    for route in ("Query.orders", "SUBSCRIBE /orders/1", "CONNECT"):
        result = lambda_authorizer("explain", "--claims", '{"sub": "a", "scope": "s"}', "--route", route)
        assert result.code == 0, result.out
        assert "policy " not in result.out
