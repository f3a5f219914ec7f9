"""The scenario list: the simulator gives what AWS gives, and the emulator what is written down."""

import re

import pytest
from tests.e2e.built import ROOT
from tests.offline.config import FRONTS, serverless
from tests.offline.differences import DIFFERENCES, PAGE, in_page
from tests.offline.scenarios import SCENARIOS, Scenario
from tests.offline.simulated import ask

from lambda_authorizer.testing.gateway import BEHAVIOURS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_simulator_gives_what_aws_gives(scenario: Scenario) -> None:
    """Each scenario gets its status, and the backend its context, for the reason that the row names."""
    status, context = ask(scenario)
    assert status == scenario.aws
    assert context or not scenario.context
    assert scenario.behaviour in BEHAVIOURS


def test_each_difference_is_one_of_a_scenario_and_really_one() -> None:
    """No difference is left over from a scenario that is gone, and none says the same as AWS."""
    aws = {scenario.name: scenario.aws for scenario in SCENARIOS}
    assert len(aws) == len(SCENARIOS)
    assert all(found.status != aws[name] for name, found in DIFFERENCES.items())


def test_the_page_prints_the_differences() -> None:
    """docs/simulator.md is in step with the data."""
    text = PAGE.read_text(encoding="utf-8")
    assert in_page(text) == text


@pytest.mark.parametrize("front", FRONTS)
def test_the_emulators_project_follows_the_template(front: tuple[str, str]) -> None:
    """Identity source and validation expression are the template's own, and nothing is kept."""
    made = serverless(front, (1, 2, 3))
    events = made["functions"]["Backend"]["events"]
    rest = [event["http"]["authorizer"] for event in events if "http" in event]
    assert {one["identitySource"] for one in rest} == {"method.request.header.Authorization"}
    assert {one["resultTtlInSeconds"] for one in rest} == {0}
    assert made["provider"]["httpApi"]["authorizers"]["simple"]["enableSimpleResponses"] is True


def test_the_lock_names_no_registry() -> None:
    """What is installed is pinned by version and hash, wherever it is fetched from."""
    text = (ROOT / "tests/offline/package-lock.json").read_text(encoding="utf-8")
    assert '"integrity": "sha512-' in text
    assert not re.findall(r"https?://[^\"]*/-/", text)
    assert '"resolved"' not in text
