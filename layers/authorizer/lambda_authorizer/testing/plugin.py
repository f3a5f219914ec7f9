"""Pytest fixtures, found by themselves once the toolkit is installed.

    def test_a_member_reads_own_points(gateway, fake_issuer, assert_allows):
        api = gateway.rest(gateway.authorizer("rules.toml"), ["GET /loyalty/{customerId}"])
        assert_allows(api, "GET /loyalty/c-1", token=fake_issuer.mint({"sub": "c-1", "scope": "loyalty:read"}))

Nothing of the toolkit is imported before a test asks for a fixture.
"""

from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_authorizer.testing.gateway import Answer
    from lambda_authorizer.testing.issuer import FakeIssuer
    from lambda_authorizer.testing.stage import Gateway


@pytest.fixture
def gateway() -> "Gateway":
    """Makers of simulated front ends that share one clock, and of the function behind them."""
    from lambda_authorizer.testing.stage import Gateway

    return Gateway()


@pytest.fixture
def fake_issuer(gateway: "Gateway") -> "FakeIssuer":
    """The issuer that the gateway's functions trust, on the gateway's clock."""
    return gateway.issuer


@pytest.fixture
def authorizer_events() -> ModuleType:
    """The builders of events: `authorizer_events.request_event(…)` and its siblings."""
    from lambda_authorizer.testing import events

    return events


@pytest.fixture(name="assert_allows")
def assert_allows_() -> "Callable[..., Answer]":
    """Assert that a call reaches the backend; the failure explains why it does not."""
    from lambda_authorizer.testing.asserts import assert_allows

    return assert_allows


@pytest.fixture(name="assert_denies")
def assert_denies_() -> "Callable[..., Answer]":
    """Assert that a call is refused, with which status and for which reason."""
    from lambda_authorizer.testing.asserts import assert_denies

    return assert_denies
