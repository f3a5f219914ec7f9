"""Rules outside the package may change while the function runs: the last good ones win."""

import json
from typing import Any

import pytest
from tests.authorizer_parts import RULES, FakeClock, FakeTelemetry

from lambda_authorizer.authorizer import Authorizer, Unauthorized
from lambda_authorizer.authorizer.renewal import Renewal
from lambda_authorizer.authorizer.start import _Builder
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.settings import Settings
from lambda_authorizer.testing import events, iam
from lambda_authorizer.testing.issuer import FakeIssuer

MINUTES = 60_000


class Remote:
    """A function whose rules lie in Parameter Store, with a place that a test writes to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.issuer = FakeIssuer(clock=lambda: self.clock.wall / 1000)
        self.text: str | None = RULES
        self.fetched = 0
        settings = Settings.from_environment(
            self.issuer.settings | {"AUTHORIZER_RULES": "ssm:/rules", "AUTHORIZER_RESULT_TTL": "300"}
        )
        builder: Any = _Builder(settings, self.clock, usage_keys=False)  # type: ignore[arg-type] # a fake clock will do
        self.renewal = Renewal(settings, self.clock, builder.build, fetch=self.fetch)
        self.telemetry = FakeTelemetry()
        self.authorizer = Authorizer(
            settings, telemetry=self.telemetry, clock=self.clock, renew=self.renewal, **self.renewal.made
        )

    def fetch(self, place: str) -> bytes:
        """Return what is written there."""
        assert place == "ssm:/rules"
        self.fetched += 1
        if self.text is None:
            raise ConfigurationError("environment", "AUTHORIZER_RULES", "nothing", "rules")
        return self.text.encode()

    def may_read(self) -> bool:
        """Say whether a reader may read orders now."""
        token = self.issuer.mint({"scope": "orders:read"})
        event = events.token_event(f"Bearer {token}", "GET", "/orders")
        reply = self.authorizer.handle(event)
        return iam.evaluate(reply["policyDocument"], event["methodArn"]).allowed


CLOSED = RULES.replace('"GET /orders", ', "")


def test_changed_rules_are_taken_after_the_interval():
    """Not at every call: a place is looked at once in five minutes."""
    remote = Remote()
    assert remote.may_read()
    remote.text = CLOSED
    remote.clock.pass_ms(4 * MINUTES)
    assert remote.may_read()
    assert remote.fetched == 1
    remote.clock.pass_ms(2 * MINUTES)
    assert not remote.may_read()
    assert remote.fetched == 2
    assert not remote.may_read()


def test_a_remembered_caller_gets_the_new_rules():
    """Nothing worked out under earlier rules is used again."""
    remote = Remote()
    token = remote.issuer.mint({"scope": "orders:read"}, lifetime=3_600)
    event = events.token_event(f"Bearer {token}", "GET", "/orders")
    assert iam.evaluate(remote.authorizer.handle(event)["policyDocument"], event["methodArn"]).allowed
    remote.text = CLOSED
    remote.clock.pass_ms(6 * MINUTES)
    assert not iam.evaluate(remote.authorizer.handle(event)["policyDocument"], event["methodArn"]).allowed


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "schema = 2",
        RULES + '[[rule]]\nname = "r"\nallow = ["GET /a"]\nsource_ip = ["10.0.0.0/8"]\nscopes = ["s"]\n',
    ],
)
def test_rules_that_are_no_good_change_nothing(text):
    """Gone, empty, mistaken, or in contradiction to the settings: the record says so, the decision stands."""
    remote = Remote()
    remote.text = text
    remote.clock.pass_ms(6 * MINUTES)
    assert remote.may_read()
    assert remote.telemetry.last["decision"] == "allow"
    assert remote.telemetry.last["error"] == "ConfigurationError"
    assert remote.may_read()
    assert "error" not in remote.telemetry.last
    remote.text = CLOSED
    remote.clock.pass_ms(6 * MINUTES)
    assert not remote.may_read()


def test_unchanged_text_is_not_parsed_again():
    """The parts stay the very same."""
    remote = Remote()
    made = remote.renewal.made
    remote.clock.pass_ms(6 * MINUTES)
    assert remote.may_read()
    assert remote.renewal.made is made


def test_keys_stay_while_the_issuers_do():
    """Another rule is no reason to fetch keys; another issuer is."""
    remote = Remote()
    keys = remote.renewal.made["keys"]
    remote.text = CLOSED
    remote.clock.pass_ms(6 * MINUTES)
    remote.may_read()
    assert remote.renewal.made["keys"] is keys
    remote.text = RULES.replace("${AUDIENCE}", "https://another.example")
    remote.clock.pass_ms(6 * MINUTES)
    with pytest.raises(Unauthorized):
        remote.may_read()
    assert remote.renewal.made["keys"] is not keys
    assert remote.telemetry.last["reason"] == "invalid_audience"


def test_without_good_rules_there_is_no_start():
    """The first version has nothing to fall back on."""
    issuer = FakeIssuer()
    settings = Settings.from_environment(issuer.settings | {"AUTHORIZER_RULES": "ssm:/rules"})
    builder: Any = _Builder(settings, FakeClock(), usage_keys=False)  # type: ignore[arg-type] # a fake clock will do
    with pytest.raises(ConfigurationError):
        Renewal(settings, FakeClock(), builder.build, fetch=lambda _place: json.dumps({"schema": 1}).encode())
