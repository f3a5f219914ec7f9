"""A day of 10,000 sandboxes against one issuer, in virtual time: our key cache beside three published policies.

    python -m benchmarks.fleet [--sandboxes 10000] [--seed 1] [--svg docs/fleet.svg] [--processes N]

The cache is the real one (`lambda_authorizer.keys.KeyCache`), driven as `fetch/source.py` drives it; only the
clock and the issuer are made up. Sandboxes do not meet, so each is played by itself, all four policies on the same
calls.

The day: a rotation with a grace hour at 06:00, an outage from 12:00 to 12:30, a flood of random kids from 20:00 to
20:30, and in the middle of it, at 20:10, an emergency rotation whose old key is withdrawn at once.
"""

import argparse
import math
import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lambda_authorizer.keys import PURPOSES, KeyCache, Limits

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BIN = 10 * MINUTE

FIRST_ROTATION = 6 * HOUR
GRACE_ENDS = 7 * HOUR
OUTAGE = (12 * HOUR, 12 * HOUR + 30 * MINUTE)
FLOOD = (20 * HOUR, 20 * HOUR + 30 * MINUTE)
SECOND_ROTATION = 20 * HOUR + 10 * MINUTE
TOKEN_LIFE = HOUR

# The bounds that docs/keys.md states for our cache; every policy is judged by them.
SEEN_WITHIN = 2 * SECOND  # a published key, when nobody floods
SEEN_AFTER_OUTAGE = 30 * SECOND
SEEN_IN_FLOOD = 60 * SECOND
GONE_WITHIN = 10 * MINUTE  # a withdrawn key


class Kids(frozenset[str]):
    """A key set in which each key is its own kid."""

    __slots__ = ()

    def find(self, kid: str | None, alg: str) -> Any:  # noqa: ARG002 - the seam of a key set
        """Return the kid itself as the key."""
        return kid if kid in self else None


K0, K1, K2 = "k0", "k1", "k2"
SETS = (Kids({K0}), Kids({K0, K1}), Kids({K1}), Kids({K2}))
PUBLISHED = {K0: 0, K1: FIRST_ROTATION, K2: SECOND_ROTATION}
WITHDRAWN = {K0: GRACE_ENDS, K1: SECOND_ROTATION, K2: DAY}


def reachable(now: int) -> bool:
    """Say whether the issuer answers."""
    return not OUTAGE[0] <= now < OUTAGE[1]


def published(now: int) -> Kids:
    """Return the key set that the issuer serves."""
    if now < FIRST_ROTATION:
        return SETS[0]
    if now < GRACE_ENDS:
        return SETS[1]
    return SETS[2] if now < SECOND_ROTATION else SETS[3]


class Policy(Protocol):
    """How one library decides; `fetches` is where it notes each request to the issuer."""

    fetches: list[int]

    def ask(self, now: int, kid: str) -> bool:
        """Say whether a token with this kid finds its key."""


class Ours:
    """The real state machine, with the chance of a refresh ahead of time drawn for each sandbox."""

    name = "lambda_authorizer"

    def __init__(self, chance: random.Random) -> None:
        self.cache = KeyCache(Limits())
        self.chance = chance
        self.fetches: list[int] = []

    def ask(self, now: int, kid: str) -> bool:
        """Go the way of `KeySource.look_up`."""
        instant = (now, now)
        verdict, key = self.cache.decide(instant, kid, "RS256", 3_000)
        purpose = PURPOSES.get(verdict)
        if purpose is None:
            return key is not None
        self.cache.begin(instant, purpose)
        self.fetches.append(now)
        jitter = self.chance.randrange(1_000)
        if reachable(now):
            keys = published(now)
            self.cache.renew(instant, keys, count=len(keys), jitter=jitter, purpose=purpose, asked=(kid, "RS256"))
        else:
            self.cache.fail(instant, "timeout", jitter=jitter, purpose=purpose)
        return self.cache.settle(instant, kid, "RS256")[1] is not None


class PyJwkClient:
    """PyJWT 2.15: a set lives 300 s; an unknown kid refetches, but not within 30 s of a success."""

    name = "PyJWKClient"

    def __init__(self, _chance: random.Random) -> None:
        self.keys: Kids | None = None
        self.at = 0
        self.fetches: list[int] = []

    def fetch(self, now: int) -> bool:
        """Ask the issuer; a failure keeps nothing and starts no wait."""
        self.fetches.append(now)
        if not reachable(now):
            return False
        self.keys, self.at = published(now), now
        return True

    def ask(self, now: int, kid: str) -> bool:
        """Decide."""
        if (self.keys is None or now - self.at >= 300 * SECOND) and not self.fetch(now):
            return False
        if self.keys is not None and kid in self.keys:
            return True
        if now - self.at < 30 * SECOND:
            return False
        return self.fetch(now) and self.keys is not None and kid in self.keys


class AwsJwtVerify:
    """aws-jwt-verify 5: a set lives for ever; a kid that was not found shuts the address for 10 s; one retry."""

    name = "aws-jwt-verify"

    def __init__(self, _chance: random.Random) -> None:
        self.keys: Kids | None = None
        self.shut = 0
        self.fetches: list[int] = []

    def ask(self, now: int, kid: str) -> bool:
        """Decide."""
        if self.keys is not None and kid in self.keys:
            return True
        if now < self.shut:
            return False
        self.fetches.append(now)
        if not reachable(now):
            self.fetches.append(now)  # the immediate retry
            return False
        self.keys = published(now)
        if kid in self.keys:
            return True
        self.shut = now + 10 * SECOND
        return False


class Nimbus:
    """Nimbus JWKSourceBuilder's defaults: 5 minutes, ahead by 30 s, two fetches in 30 s for every purpose."""

    name = "Nimbus"

    def __init__(self, _chance: random.Random) -> None:
        self.keys: Kids | None = None
        self.at = 0
        self.window = -DAY
        self.left = 0
        self.fetches: list[int] = []

    def fetch(self, now: int) -> bool:
        """Ask the issuer, if the limiter lets it through; a failure counts like a success."""
        if now - self.window >= 30 * SECOND:
            self.window, self.left = now, 2
        if not self.left:
            return False
        self.left -= 1
        self.fetches.append(now)
        if not reachable(now):
            return False
        self.keys, self.at = published(now), now
        return True

    def ask(self, now: int, kid: str) -> bool:
        """Decide."""
        age = now - self.at
        if self.keys is None or age >= 5 * MINUTE:
            if not self.fetch(now):
                return False
        elif age >= 5 * MINUTE - 30 * SECOND:
            self.fetch(now)
        if self.keys is not None and kid in self.keys:
            return True
        return self.fetch(now) and self.keys is not None and kid in self.keys


POLICIES: tuple[Any, ...] = (Ours, PyJwkClient, AwsJwtVerify, Nimbus)


class Call(NamedTuple):
    """One call of a sandbox."""

    at: int
    kid: str
    honest: bool  # False: a random kid of the flood, or a stolen token of a withdrawn key


class Tally:
    """What happened to one policy."""

    def __init__(self) -> None:
        self.bins = [0] * (DAY // BIN)
        self.minutes = [0] * (DAY // MINUTE)
        self.refused_wrongly = 0
        self.accepted_wrongly = 0
        self.refused_in_outage = 0
        self.last_refusal = {K1: 0, K2: 0}  # of the new key, after its publication
        self.calls = 0

    def add(self, other: "Tally") -> None:
        """Add another part of the fleet."""
        self.bins = [ours + theirs for ours, theirs in zip(self.bins, other.bins, strict=True)]
        self.minutes = [ours + theirs for ours, theirs in zip(self.minutes, other.minutes, strict=True)]
        self.refused_wrongly += other.refused_wrongly
        self.accepted_wrongly += other.accepted_wrongly
        self.refused_in_outage += other.refused_in_outage
        self.calls += other.calls
        for kid, delay in other.last_refusal.items():
            self.last_refusal[kid] = max(self.last_refusal[kid], delay)

    def judge(self, call: Call, *, accepted: bool) -> None:
        """Judge one answer by the stated bounds."""
        self.calls += 1
        published_at, withdrawn_at = PUBLISHED.get(call.kid, DAY), WITHDRAWN.get(call.kid, 0)
        if accepted:
            if call.at >= withdrawn_at + GONE_WITHIN:
                self.accepted_wrongly += 1
            return
        if not call.honest or call.at >= withdrawn_at:
            return
        if not reachable(call.at):
            self.refused_in_outage += 1
            return
        if call.kid in self.last_refusal and call.at < published_at + HOUR:
            self.last_refusal[call.kid] = max(self.last_refusal[call.kid], call.at - published_at)
        flooded = FLOOD[0] <= call.at < FLOOD[1] + SEEN_IN_FLOOD
        waited = call.at - published_at
        since_outage = call.at - OUTAGE[1] if call.at >= OUTAGE[1] else DAY
        bound = SEEN_IN_FLOOD if flooded else SEEN_WITHIN
        if waited > bound and since_outage > SEEN_AFTER_OUTAGE:
            self.refused_wrongly += 1


def signed_with(issued: int) -> str:
    """Return the key that the issuer signed with at this time."""
    return K0 if issued < FIRST_ROTATION else K1 if issued < SECOND_ROTATION else K2


def calls_of(chance: random.Random) -> Iterator[Call]:
    """Return a day of calls of one sandbox, in order.

    Busy and idle sandboxes differ by orders of magnitude (a router fills the warm ones first), the day has a peak
    and a trough, and tokens are up to an hour old.
    """
    gap = min(max(chance.lognormvariate(math.log(240), 1.1), 2.0), 1_800.0) * SECOND
    at = chance.random() * gap
    while at < DAY:
        now = int(at)
        # Half of the callers keep a token for its hour, half fetch one for each call.
        token_age = chance.random() * (TOKEN_LIFE if chance.random() < 0.5 else 2 * SECOND)
        yield Call(now, signed_with(max(0, now - int(token_age))), honest=True)
        if now > GRACE_ENDS and chance.random() < 0.05:
            # Forged by somebody who has an old key: withdrawing it must end this.
            yield Call(now, K0 if now < SECOND_ROTATION else chance.choice((K0, K1)), honest=False)
        load = 1 - 0.6 * math.cos(2 * math.pi * (at / DAY - 3 / 24))  # trough at 03:00
        step = chance.expovariate(1.0) * gap / load
        if FLOOD[0] - step < at < FLOOD[1]:
            yield from flood_of(chance, max(at, FLOOD[0]), min(at + step, FLOOD[1]))
        at += step


def flood_of(chance: random.Random, begin: float, end: float) -> Iterator[Call]:
    """Return the random kids that reach one sandbox between two of its honest calls: one every 5 s."""
    at = begin + chance.expovariate(1.0) * 5 * SECOND
    while at < end:
        yield Call(int(at), f"random-{chance.getrandbits(48)}", honest=False)
        at += chance.expovariate(1.0) * 5 * SECOND


def play(part: tuple[int, int, int]) -> list[Tally]:
    """Play some sandboxes; each is replaced by a cold one every one to four hours, as Lambda does."""
    seed, begin, end = part
    tallies = [Tally() for _ in POLICIES]
    for number in range(begin, end):
        chance = random.Random(f"{seed}/{number}")
        running: list[Policy] = []
        replaced = 0.0
        for call in calls_of(chance):
            if call.at >= replaced:
                count(tallies, running)
                running = [policy(chance) for policy in POLICIES]
                replaced = call.at + chance.uniform(1, 4) * HOUR
            for policy, tally in zip(running, tallies, strict=True):
                tally.judge(call, accepted=policy.ask(call.at, call.kid))
        count(tallies, running)
    return tallies


def count(tallies: list[Tally], running: list[Policy]) -> None:
    """Note the fetches of sandboxes that end."""
    for tally, policy in zip(tallies, running, strict=False):
        for at in policy.fetches:
            tally.bins[at // BIN] += 1
            tally.minutes[at // MINUTE] += 1


def simulate(sandboxes: int, seed: int, processes: int) -> list[Tally]:
    """Return the tally of each policy over the whole fleet."""
    size = max(1, sandboxes // (processes * 8))
    parts = [(seed, begin, min(begin + size, sandboxes)) for begin in range(0, sandboxes, size)]
    totals = [Tally() for _ in POLICIES]
    if processes == 1:
        results: Any = map(play, parts)
    else:
        with ProcessPoolExecutor(processes) as pool:
            results = list(pool.map(play, parts))
    for result in results:
        for total, tally in zip(totals, result, strict=True):
            total.add(tally)
    return totals


def table(totals: list[Tally]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        (
            "| policy | fetches a day | peak hour | peak minute, quiet / flood | wrong refusals "
            "| wrong acceptances | refused in the outage | new key seen by all, quiet / flood |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for policy, tally in zip(POLICIES, totals, strict=True):
        hours = [sum(tally.bins[at : at + HOUR // BIN]) for at in range(0, len(tally.bins), HOUR // BIN)]
        seen = " / ".join(f"{tally.last_refusal[kid] / SECOND:,.0f} s" for kid in (K1, K2))
        flooded = tally.minutes[FLOOD[0] // MINUTE : FLOOD[1] // MINUTE + 1]
        quiet = [*tally.minutes[: FLOOD[0] // MINUTE], *tally.minutes[FLOOD[1] // MINUTE + 1 :]]
        lines.append(
            f"| {policy.name} | {sum(tally.bins):,} | {max(hours):,} | {max(quiet):,} / {max(flooded):,} "
            f"| {tally.refused_wrongly:,} | {tally.accepted_wrongly:,} | {tally.refused_in_outage:,} | {seen} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Play the day, print the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandboxes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--svg", type=Path, default=Path("docs/fleet.svg"))
    arguments = parser.parse_args()
    totals = simulate(arguments.sandboxes, arguments.seed, arguments.processes)
    print(f"{arguments.sandboxes:,} sandboxes, 24 hours, {totals[0].calls:,} calls, seed {arguments.seed}\n")
    print(table(totals))
    from benchmarks.fleet_plot import draw

    arguments.svg.write_text(draw([policy.name for policy in POLICIES], [tally.bins for tally in totals]))
    print(f"\nplot: {arguments.svg}")


if __name__ == "__main__":
    main()
