"""The behaviour table is complete, shown by tests, and printed in the docs."""

from pathlib import Path

import pytest
from tests.testing import test_gateway_appsync, test_gateway_http, test_gateway_rest, test_gateway_websocket
from tests.testing.shows import SHOWN

from lambda_authorizer.testing.gateway import BEHAVIOURS, Clock, Step
from lambda_authorizer.testing.gateway.model import Trace
from lambda_authorizer.testing.gateway.table import END, START, in_page, main

PAGE = Path(__file__).parent.parent.parent / "docs/simulator.md"
SUITES = (test_gateway_rest, test_gateway_http, test_gateway_websocket, test_gateway_appsync)


def test_every_behaviour_is_shown_by_a_test_and_no_test_shows_another() -> None:
    """A claim without a test, or a test of no claim, is a mistake here."""
    assert all(suite.__doc__ for suite in SUITES)
    assert set(BEHAVIOURS) == SHOWN


def test_every_behaviour_says_how_it_is_known() -> None:
    """What is documented or observed names its source; what is assumed has none."""
    for row in BEHAVIOURS.values():
        assert bool(row.source) is (row.basis != "assumed"), row.id


def test_a_step_cannot_cite_a_behaviour_that_is_not_written_down() -> None:
    """An explanation never names an unknown row."""
    with pytest.raises(KeyError):
        Trace().note("something", "rest.nothing")
    assert str(Step("open to all", "open")) == "open to all  [documented: open]"


def test_the_page_prints_the_table() -> None:
    """docs/simulator.md is in step with the data; the module `testing.gateway.table` rewrites it."""
    text = PAGE.read_text(encoding="utf-8")
    assert in_page(text) == text


def test_the_page_is_rewritten_between_its_marks(tmp_path: Path) -> None:
    """Everything else of the page stays."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nyesterday\n{END}\nafter\n", encoding="utf-8")
    main([str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "yesterday" not in text
    assert all(f"`{name}`" in text for name in BEHAVIOURS)


def test_a_page_without_the_marks_is_left_alone() -> None:
    """A table is never put where nobody asked for it."""
    with pytest.raises(ValueError, match="no place"):
        in_page(f"text {START} text")


def test_time_does_not_go_back() -> None:
    """The gateway's clock only advances."""
    clock = Clock(5)
    clock.advance(1.5)
    assert (clock(), clock.wall_ms(), clock.monotonic_ms()) == (6.5, 6500, 6500)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
