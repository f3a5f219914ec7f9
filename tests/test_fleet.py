"""The fleet simulation judges our cache by its stated bounds, and can tell when they are missed."""

from xml.etree import ElementTree as ET

import pytest
from benchmarks.fleet import (
    FIRST_ROTATION,
    FLOOD,
    GONE_WITHIN,
    GRACE_ENDS,
    HOUR,
    K0,
    K1,
    K2,
    MINUTE,
    OUTAGE,
    POLICIES,
    SECOND,
    SECOND_ROTATION,
    Call,
    Tally,
    simulate,
    table,
)
from benchmarks.fleet_plot import draw


@pytest.fixture(scope="module")
def totals() -> list[Tally]:
    """Return a day of a small fleet."""
    return simulate(60, 7, 1)


def test_our_cache_keeps_its_bounds_and_the_others_are_beaten_where_it_counts(totals: list[Tally]) -> None:
    """No wrong refusal and no wrong acceptance; fewer fetches than the policies whose keys expire as well."""
    ours, pyjwk, aws, nimbus = totals
    assert ours.calls > 10_000
    assert (ours.refused_wrongly, ours.accepted_wrongly) == (0, 0)
    assert aws.accepted_wrongly > 0  # its keys never expire
    assert sum(ours.bins) < min(sum(pyjwk.bins), sum(nimbus.bins))
    assert ours.refused_in_outage < min(pyjwk.refused_in_outage, nimbus.refused_in_outage)


def test_the_table_and_the_plot_name_every_policy(totals: list[Tally]) -> None:
    """Four rows, four lines, and an SVG that is XML."""
    names = [policy.name for policy in POLICIES]
    text = table(totals)
    root = ET.fromstring(draw(names, [tally.bins for tally in totals]))
    drawn = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 4
    for name in names:
        assert f"| {name} |" in text
        assert name in drawn


@pytest.mark.parametrize(
    ("call", "accepted", "field"),
    [
        (Call(FIRST_ROTATION + 3 * SECOND, K1, honest=True), False, "refused_wrongly"),
        (Call(FIRST_ROTATION + 1 * SECOND, K1, honest=True), False, None),
        (Call(SECOND_ROTATION + 61 * SECOND, K2, honest=True), False, "refused_wrongly"),
        (Call(SECOND_ROTATION + 59 * SECOND, K2, honest=True), False, None),
        (Call(FLOOD[1] + 2 * MINUTE, K2, honest=True), False, "refused_wrongly"),
        (Call(OUTAGE[0] + MINUTE, K1, honest=True), False, "refused_in_outage"),
        (Call(OUTAGE[1] + 29 * SECOND, K1, honest=True), False, None),
        (Call(OUTAGE[1] + 31 * SECOND, K1, honest=True), False, "refused_wrongly"),
        (Call(GRACE_ENDS + GONE_WITHIN, K0, honest=False), True, "accepted_wrongly"),
        (Call(GRACE_ENDS + GONE_WITHIN - 1, K0, honest=False), True, None),
        (Call(SECOND_ROTATION + HOUR, K1, honest=True), False, None),
        (Call(FLOOD[0] + MINUTE, "random-1", honest=False), False, None),
        (Call(FLOOD[0] + MINUTE, "random-1", honest=False), True, "accepted_wrongly"),
        (Call(HOUR, K0, honest=True), True, None),
    ],
)
def test_each_answer_is_judged_by_the_stated_bounds(call: Call, accepted: bool, field: str | None) -> None:  # noqa: FBT001
    """One step on either side of each bound."""
    tally = Tally()
    tally.judge(call, accepted=accepted)
    found = {name for name in ("refused_wrongly", "accepted_wrongly", "refused_in_outage") if getattr(tally, name)}
    assert found == ({field} if field else set())
