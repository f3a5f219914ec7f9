"""Ratios are printed only when enough rounds stand behind them."""

import random

import pytest
from benchmarks.rounds import LEAST, Rounds, TooFewRoundsError, until_sure


def rounds(count: int, *, noise: float) -> Rounds:
    """Return rounds in which `slow` takes twice as long as `fast`."""
    drawn = random.Random(7)
    out = Rounds()
    for _ in range(count):
        shared = 1 + drawn.random()  # what the machine does falls on both
        fast, slow = (shared * (1 + noise * drawn.random()) for _ in range(2))
        out.measured.append({"fast": fast, "slow": 2 * slow})
    return out


def test_a_ratio_of_enough_quiet_rounds_is_given_with_its_interval() -> None:
    """The value lies inside its interval, and the rounds are counted."""
    found = rounds(40, noise=0.02).ratio("slow", "fast")
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(2, rel=0.1)
    assert found.rounds == 40


def test_too_few_rounds_give_no_ratio() -> None:
    """One round less than needed is refused, and the message says how many are."""
    with pytest.raises(TooFewRoundsError, match=f"{LEAST - 1} rounds, {LEAST} needed"):
        rounds(LEAST - 1, noise=0).ratio("slow", "fast")


def test_rounds_that_say_nothing_give_no_ratio() -> None:
    """An interval wider than a tenth of the ratio is refused."""
    with pytest.raises(TooFewRoundsError, match="more rounds or a quieter machine"):
        rounds(16, noise=9).ratio("slow", "fast")


def test_rounds_go_on_until_the_ratio_is_sure_and_no_longer() -> None:
    """A quiet machine needs the least number of rounds; a loud one stops at the most."""
    quiet, loud, drawn = Rounds(), Rounds(), random.Random(3)
    until_sure(quiet, {"a": lambda: 2.0, "b": lambda: 1.0}, [("a", "b")], most=99, say=pytest.fail)
    said: list[str] = []
    until_sure(loud, {"a": lambda: drawn.expovariate(1), "b": lambda: 1.0}, [("a", "b")], most=30, say=said.append)
    assert len(quiet.measured) == LEAST
    assert len(loud.measured) == 30
    assert "not sure yet of a / b" in said[-1]


def test_the_fastest_turn_of_a_round_counts() -> None:
    """A round disturbed once is as good as an undisturbed one."""
    times = iter([9.0, 1.0, 9.0])
    out = Rounds()
    out.run({"only": lambda: next(times)})
    assert out.values("only") == [1.0]
