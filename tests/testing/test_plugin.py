"""The pytest plugin: fixtures that fit together, assertions that explain, nothing imported before it is needed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.testing.gateway import Clock
from lambda_authorizer.testing.issuer import FakeIssuer
from lambda_authorizer.testing.stage import Gateway

RULES = """
schema = 1

[[issuer]]
name = "main"
url = "${ISSUER}"
jwks = "${JWKS}"
audience = ["${AUDIENCE}"]

[tiers]
order = ["standard", "gold"]
usage_keys = { gold = "secretsmanager:gold" }

[issuer.claims]
tier = "tier"

[[rule]]
name = "members read their own orders"
allow = ["GET /members/{member}/orders"]
scopes = ["orders:read"]
where = { member = "sub" }

[[rule]]
name = "readers connect"
allow = ["$connect", "Query.orders", "CONNECT"]
scopes = ["orders:read"]
"""
ROUTES = ["GET /members/{member}/orders", "POST /members/{member}/orders"]
READER = {"sub": "m-1", "scope": "orders:read"}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A rules file."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8")
    return path


def test_a_function_with_your_rules_answers_behind_every_front_end(
    gateway: Any, fake_issuer: Any, rules: Path, assert_allows: Any, assert_denies: Any
) -> None:
    """One token, one rules file, six front ends."""
    token = fake_issuer.mint(READER)
    cached = gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="300")
    simple = gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="0", AUTHORIZER_RESPONSE="simple")
    own, other = "GET /members/m-1/orders", "GET /members/m-2/orders"
    for api in (
        gateway.rest(cached, ROUTES),
        gateway.rest(cached, ROUTES, kind="request"),
        gateway.http(cached, ROUTES, simple=False, ttl=300),
        gateway.http(cached, ROUTES, simple=False, payload="1.0", ttl=300),
        gateway.http(simple, ROUTES),
    ):
        assert_allows(api, own, token=token)
        assert_denies(api, other, token=token, status=403)
        assert_denies(api, "POST /members/m-1/orders", token=token, status=403)
        assert_denies(api, own, status=401)
    (rules.parent / "schema.graphql").write_text("Query.orders\nQuery.secrets\n", encoding="utf-8")
    uncached = gateway.authorizer(
        rules,
        AUTHORIZER_RESULT_TTL="0",
        AUTHORIZER_APPSYNC_SCHEMA="schema.graphql",
        AUTHORIZER_CREDENTIAL="appsync",
    )
    connected = gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="0")
    assert assert_allows(gateway.websocket(connected), token=token).status == 101
    answer = assert_allows(gateway.graphql(uncached), "{ orders secrets }", token=token)
    assert answer.denied_fields == ("Query.secrets",)
    assert_allows(gateway.events(uncached), token=token)


def test_time_passes_for_issuer_function_and_gateway_together(
    gateway: Any, fake_issuer: Any, rules: Path, assert_allows: Any, assert_denies: Any
) -> None:
    """A token expires when the gateway's clock says so."""
    api = gateway.rest(gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="0"), ROUTES, ttl=0)
    token = fake_issuer.mint(READER, lifetime=60)
    assert_allows(api, "GET /members/m-1/orders", token=token)
    gateway.clock.advance(60)
    assert_denies(api, "GET /members/m-1/orders", token=token, status=401, reason="expired")


def test_a_function_can_name_usage_keys_and_ask_a_check_of_your_own(
    gateway: Any, fake_issuer: Any, rules: Path
) -> None:
    """Both as `Authorizer.from_environment` takes them."""
    keyed = gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="300", usage_keys={"gold": "k" * 20})
    token = fake_issuer.mint(READER | {"tier": "gold"})
    answer = gateway.rest(keyed, ROUTES).call("GET /members/m-1/orders", token=token)
    assert answer.output["usageIdentifierKey"] == "k" * 20
    closed = gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="300", check=lambda _principal, _request: False)
    assert gateway.rest(closed, ROUTES).call("GET /members/m-1/orders", token=token).status == 403
    assert closed.records[-1]["reason"] == "hook_refused"


def test_a_function_that_would_not_start_does_not_start_here_either(gateway: Any, rules: Path) -> None:
    """Contradictions are found by the test, with the message of the operator."""
    with pytest.raises(ConfigurationError, match="where"):
        gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="300", AUTHORIZER_RESPONSE="simple")


def test_a_failing_assertion_tells_the_way_and_the_reason_and_no_token(
    gateway: Any, fake_issuer: Any, rules: Path, assert_allows: Any, assert_denies: Any
) -> None:
    """Whoever reads the failure sees what decided, and how that is known."""
    api = gateway.rest(gateway.authorizer(rules, AUTHORIZER_RESULT_TTL="0"), ROUTES, ttl=0)
    token = fake_issuer.mint(READER)
    with pytest.raises(AssertionError) as refused:
        assert_allows(api, "GET /members/m-2/orders", token=token)
    text = str(refused.value)
    assert text.startswith("GET /members/m-2/orders: expected to be allowed\nrefused with 403\n")
    assert "[documented: policy.order]" in text
    assert text.endswith(
        "the function recorded: decision=deny, reason=no_rule_allows\n"
        "rule 'members read their own orders' (line 17) allows GET /members/{member}/orders; not met: where"
    )
    assert token not in text
    with pytest.raises(AssertionError, match=r"expected to be refused\nallowed with 200"):
        assert_denies(api, "GET /members/m-1/orders", token=token)
    with pytest.raises(AssertionError, match="expected to be refused with 401"):
        assert_denies(api, "GET /members/m-2/orders", token=token, status=401)
    with pytest.raises(AssertionError, match="expected the reason expired, found no_rule_allows"):
        assert_denies(api, "GET /members/m-2/orders", token=token, reason="expired")
    with pytest.raises(AssertionError, match="found None"):
        assert_denies(api, "GET /members/m-2/orders", reason="missing_token")


def test_any_handler_can_stand_behind_a_front_end(gateway: Any, assert_allows: Any, assert_denies: Any) -> None:
    """A function of somebody else has no records, and the assertion does without."""
    api = gateway.rest(lambda _event, _context: None, ["GET /a"])
    assert_denies(api, "GET /a", token="t", status=500)
    with pytest.raises(AssertionError, match="the call: expected to be allowed") as caught:
        assert_allows(gateway.websocket(api.handler), token="t")
    assert "recorded" not in str(caught.value)


def test_the_event_builders_are_at_hand(authorizer_events: Any) -> None:
    """As a fixture and as a module."""
    assert authorizer_events.token_event("Bearer t", "GET", "/a")["type"] == "TOKEN"


def test_a_stage_can_be_made_without_pytest() -> None:
    """Clock and issuer can be the caller's own."""
    clock = Clock(5)
    issuer = FakeIssuer(clock=clock)
    stage = Gateway(clock, issuer)
    assert (stage.clock, stage.issuer) == (clock, issuer)


def test_pytest_finds_the_fixtures_and_imports_nothing_for_those_who_do_not_ask(tmp_path: Path) -> None:
    """With the distribution installed, a test names a fixture and has it; another test pays for nothing."""
    (tmp_path / "test_mine.py").write_text(
        "import sys\n"
        "def test_pays_for_nothing():\n"
        "    assert not {'jwt', 'cryptography', 'lambda_authorizer.testing.gateway'} & set(sys.modules)\n"
        "def test_has_it(gateway, fake_issuer, assert_denies):\n"
        "    assert_denies(gateway.rest(lambda e, c: None, ['GET /a']), 'GET /a', status=401)\n",
        encoding="utf-8",
    )
    plugin = ["-p", "lambda_authorizer.testing.plugin"]
    package = str(Path(__file__).parents[2] / "layers/authorizer")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(tmp_path)],
        cwd=tmp_path,
        env={
            "PYTHONPATH": package,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout
