"""Paired, interleaved rounds, and ratios that are printed only when enough rounds stand behind them.

In each round every case has its turn several times, each time all of them in an order drawn anew, and its fastest
turn counts: what else the machine does falls on all of them alike, and seldom on every turn of one. A ratio is one
median over another of the same rounds; its interval comes from drawing whole rounds anew (bootstrap), which keeps
the pairs. A ratio from too few rounds, or one whose interval is too wide to say anything, is refused.
"""

import random
import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

LEAST = 15  # rounds; below it an interval of a median says nothing
WIDEST = 0.10  # half width of the interval, as a part of the ratio
DRAWS = 1000
TURNS = 3  # of each case in a round
CONFIDENCE = 0.95


class TooFewRoundsError(Exception):
    """A ratio was asked for that the rounds do not carry."""


class Ratio(NamedTuple):
    """A ratio of medians with its interval."""

    value: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}, {self.rounds} rounds)"


class Rounds:
    """The measurements of all cases, round by round."""

    def __init__(self, seed: int = 1) -> None:
        self.measured: list[dict[str, float]] = []
        self._random = random.Random(seed)

    def run(self, cases: Mapping[str, Callable[[], float]], *, turns: int = TURNS) -> None:
        """Run one round."""
        names = list(cases)
        fastest: dict[str, float] = {}
        for _ in range(turns):
            self._random.shuffle(names)
            for name in names:
                fastest[name] = min(cases[name](), fastest.get(name, float("inf")))
        self.measured.append(fastest)

    def values(self, name: str) -> list[float]:
        """Return every measurement of one case."""
        return [one[name] for one in self.measured]

    def median(self, name: str) -> float:
        """Return the median of one case."""
        return statistics.median(self.values(name))

    def spread(self, name: str) -> tuple[float, float]:
        """Return the tenth and the ninetieth percentile of one case."""
        ordered = sorted(self.values(name))
        return ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]

    def ratio(self, over: str, under: str) -> Ratio:
        """Return median(over) / median(under) of the same rounds.

        Raises:
            TooFewRoundsError: there are fewer rounds than `LEAST`, or the interval is wider than `WIDEST`.
        """
        count = len(self.measured)
        if count < LEAST:
            raise TooFewRoundsError(f"{count} rounds, {LEAST} needed")
        value = self.median(over) / self.median(under)
        pairs = [(one[over], one[under]) for one in self.measured]
        draws = []
        for _ in range(DRAWS):
            drawn = self._random.choices(pairs, k=count)
            draws.append(
                statistics.median(one for one, _ in drawn) / statistics.median(other for _, other in drawn)
            )
        draws.sort()
        edge = int(DRAWS * (1 - CONFIDENCE) / 2)
        low, high = draws[edge], draws[-1 - edge]
        if (high - low) / 2 > WIDEST * value:
            raise TooFewRoundsError(
                f"{count} rounds leave {low:.2f} to {high:.2f}; more rounds or a quieter machine"
            )
        return Ratio(value, low, high, count)


def until_sure(
    rounds: Rounds,
    cases: Mapping[str, Callable[[], float]],
    ratios: list[tuple[str, str]],
    *,
    most: int,
    say: Callable[[str], None],
) -> None:
    """Run rounds until every ratio can be given, or `most` rounds are run."""
    while len(rounds.measured) < most:
        rounds.run(cases)
        count = len(rounds.measured)
        if count >= LEAST and count % 5 == 0:
            missing = []
            for over, under in ratios:
                try:
                    rounds.ratio(over, under)
                except TooFewRoundsError:
                    missing.append(f"{over} / {under}")
            if not missing:
                return
            say(f"{count} rounds; not sure yet of {', '.join(missing)}")
