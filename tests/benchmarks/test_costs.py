"""The cost model counts what the gateway would ask, and the page shows what the model computes."""

import pytest
from benchmarks.costs import Function, Prices, Traffic, dollars, invocations

from benchmarks import costs

STEADY = Traffic("steady", calls=60, spacing=10, routes=3)


def test_without_a_cache_every_call_asks() -> None:
    """TTL 0 is one invocation a call, whatever the policy covers."""
    assert invocations(STEADY, 0, whole_api=True) == invocations(STEADY, 0, whole_api=False) == 1


def test_a_policy_of_the_whole_api_is_asked_once_in_its_lifetime() -> None:
    """Ten minutes of calls under five minutes of lifetime: two invocations for sixty calls."""
    assert invocations(STEADY, 300, whole_api=True) == 2 / 60


def test_a_policy_of_one_route_is_asked_once_a_route() -> None:
    """Three routes, each its own answer: three times as many invocations."""
    assert invocations(STEADY, 300, whole_api=False) == 6 / 60


@pytest.mark.parametrize("traffic", costs.TRAFFICS)
@pytest.mark.parametrize("ttl", [0, 1, 60, 300, 3600])
def test_caching_never_costs_more_and_never_nothing(traffic: Traffic, ttl: float) -> None:
    """Each session asks at least once, and at most once a call; the whole API is never dearer than a route."""
    whole, route = (invocations(traffic, ttl, whole_api=both) for both in (True, False))
    assert 1 / traffic.calls <= whole <= route <= 1


def test_the_price_of_a_million_is_its_parts() -> None:
    """Requests, compute and logs add up, by the stated inputs."""
    function = Function(memory_gb=1, warm_ms=1.2, cold_ms=100, cold_share=0.5, log_bytes=1000)
    prices = Prices(request=1e-6, gigabyte_second=1e-3, log_gigabyte=2)
    compute = 1e6 * (0.5 * 2 + 0.5 * 100) / 1000 * 1e-3  # 1.2 ms is billed as 2
    assert dollars(1.0, function, prices) == pytest.approx(1 + compute + 2)
    assert dollars(0.5, function, prices) == pytest.approx((1 + compute + 2) / 2)


def test_the_page_shows_what_the_model_computes() -> None:
    """docs/costs.md is the model's own output."""
    assert costs.computed() in costs.PAGE.read_text(encoding="utf-8")
