"""The guard says "worse" when, and only when, a call takes more instructions."""

from benchmarks import guard

KEPT = {"raw RS256": 1000, "verify RS256": 1500, "handler, new token": 3000}


def test_more_instructions_than_allowed_are_worse() -> None:
    """A tenth more is worse, a hundredth is not, less never is."""
    lines = guard.compare({"raw RS256": 1100, "verify RS256": 1515, "handler, new token": 2000}, KEPT)
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["worse", "ok", "ok"]


def test_elsewhere_the_raw_checks_of_the_run_are_the_measure() -> None:
    """Another interpreter compares each case with the raw check of its own algorithm."""
    found = {"raw RS256": 1000, "raw ES256": 1000, "verify RS256": 2000, "verify ES256": 1700}
    lines = guard.compare(found, None)
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["ok", "worse"]
    assert lines[0].startswith("verify RS256: 2.00 x the raw RS256 check")
