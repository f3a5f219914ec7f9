"""When to fetch, keep and refuse the keys of one issuer: a state machine that never fetches by itself.

Laws of this file:

1. It knows no clock, no socket and no chance. Time comes in as an `Instant`, chance as a number, keys as a set.
2. The time that has passed is what the clock says that says more; where both ran backwards, everything is old. So
   a frozen sandbox, a restored snapshot and a turned clock make keys older and never younger.
3. Three budgets that cannot starve each other: age (expiry), unknown `kid`, failures. A known key never waits for
   an unknown one.
4. A failed refresh changes nothing but the failure budget. Keys leave when a newer set comes or the hard age does.

The driver, `fetch/source.py`, asks `decide`; on one of `PURPOSES` it calls `begin`, fetches, reports with
`renew` or `fail`, and takes the answer from `settle`. Numbers with their reasons and tests: docs/keys.md.
"""

from __future__ import annotations  # evaluating them costs more start time than the rest of this module

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal, Protocol

    from lambda_authorizer.jwk import Key

    Instant = tuple[int, int]
    """Wall clock and monotonic clock, in milliseconds, read together."""

    Purpose = Literal["first", "expired", "ahead", "unknown_kid"]
    Verdict = Literal[
        "fresh", "stale", "unknown_key", "keys_unavailable", "first", "expired", "ahead", "unknown_kid"
    ]
    State = Literal["empty", "fresh", "stale", "expired"]

    class Keys(Protocol):
        """What the machine needs of a key set: `jwk.KeySet` is one."""

        def find(self, kid: str | None, alg: str) -> Key | None:
            """Return the one key that fits, or None."""


PURPOSES: Final[Mapping[str, Purpose]] = {
    "first": "first",
    "expired": "expired",
    "ahead": "ahead",
    "unknown_kid": "unknown_kid",
}
"""The verdicts that ask for a fetch."""

FOREVER: Final = 1 << 62
_PERMILLE: Final = 1000


class Limits:
    """Every number of the key source, in milliseconds unless its name says otherwise."""

    __slots__ = (
        "ahead_least",
        "backoff_first",
        "backoff_most",
        "budget",
        "hard",
        "least",
        "negative_entries",
        "soft_ceiling",
        "soft_default",
        "soft_floor",
        "unknown_credits",
        "unknown_gap",
        "unknown_refill",
    )

    def __init__(  # noqa: PLR0913 - one number each, and every one has its default
        self,
        *,
        soft_default: int = 600_000,  # 10 min: fresh for this long where the issuer says nothing
        soft_floor: int = 300_000,  # 5 min: a shorter max-age (Auth0: 15 s) would only cost fetches
        soft_ceiling: int = 3_600_000,  # 1 h: a longer max-age (Cognito: 1 day) would keep withdrawn keys
        hard: int = 14_400_000,  # 4 h: stale keys are served on error until here
        least: int = 200,  # a fetch with less time left than this is not begun
        ahead_least: int = 1_500,  # a refresh ahead of time wants this much, so that it takes no answer with it
        budget: int = 3_000,  # one fetch, discovery included
        unknown_gap: int = 2_000,  # two looks for unknown kids are at least this far apart
        unknown_refill: int = 60_000,  # one more look a minute …
        unknown_credits: int = 3,  # … and this many at once
        negative_entries: int = 1_024,  # kids remembered as absent
        backoff_first: int = 1_000,
        backoff_most: int = 30_000,
    ) -> None:
        self.soft_default = soft_default
        self.soft_floor = soft_floor
        self.soft_ceiling = soft_ceiling
        self.hard = hard
        self.least = least
        self.ahead_least = ahead_least
        self.budget = budget
        self.unknown_gap = unknown_gap
        self.unknown_refill = unknown_refill
        self.unknown_credits = unknown_credits
        self.negative_entries = negative_entries
        self.backoff_first = backoff_first
        self.backoff_most = backoff_most

    def problem(self) -> str | None:
        """Say which two numbers contradict each other, if any do."""
        if not 0 < self.soft_floor <= self.soft_default <= self.soft_ceiling < self.hard:
            return "soft_floor <= soft_default <= soft_ceiling < hard does not hold"
        if not 0 < self.least <= self.ahead_least <= self.budget:
            return "least <= ahead_least <= budget does not hold"
        if not 0 < self.unknown_gap <= self.unknown_refill or min(self.unknown_credits, self.negative_entries) < 1:
            return "the budget for unknown kids is empty or refills faster than its gap"
        if not 0 < self.backoff_first <= self.backoff_most:
            return "backoff_first <= backoff_most does not hold"
        return None


class KeyHealth:
    """The key source of one issuer as data, for logs, metrics and `keys doctor`."""

    __slots__ = (
        "age_ms",
        "barren",
        "failures",
        "fetches",
        "generation",
        "issuer",
        "keys",
        "last_error",
        "skipped",
        "state",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a record
        self,
        issuer: str,
        state: State,
        age_ms: int | None,
        keys: int,
        skipped: tuple[str, ...],
        generation: int,
        last_error: str | None,
        fetches: int,
        failures: int,
        barren: int,
    ) -> None:
        self.issuer = issuer
        self.state = state
        self.age_ms = age_ms  # None: there are no keys
        self.keys = keys
        self.skipped = skipped
        self.generation = generation
        self.last_error = last_error  # slug of the latest failure since the latest success
        self.fetches = fetches
        self.failures = failures
        self.barren = barren  # looks for an unknown kid that found nothing

    def as_dict(self) -> dict[str, object]:
        """Return the record for a log line."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        return f"KeyHealth({self.as_dict()})"


def elapsed(since: Instant, now: Instant) -> int:
    """Return the milliseconds passed, by the clock that says more; `FOREVER` where both ran backwards."""
    wall = now[0] - since[0]
    monotonic = now[1] - since[1]
    longer = max(monotonic, wall)
    return longer if longer >= 0 else FOREVER


class _Held:
    """One key set with its ages; replaced whole, so that a reader without a lock never sees halves."""

    __slots__ = ("ahead", "count", "fetched", "hard", "keys", "skipped", "soft")

    def __init__(
        self, keys: Keys, fetched: Instant, ages: tuple[int, int, int], count: int, skipped: tuple[str, ...]
    ) -> None:
        self.keys = keys
        self.fetched = fetched
        self.ahead, self.soft, self.hard = ages
        self.count = count
        self.skipped = skipped


class KeyCache:
    """The keys of one issuer and the three budgets around them."""

    __slots__ = (
        "_absent",
        "_barren",
        "_failed",
        "_failures",
        "_fetches",
        "_held",
        "_in_a_row",
        "_limits",
        "_looked",
        "_looking",
        "_spent",
        "_static",
        "generation",
        "last_error",
    )

    def __init__(self, limits: Limits | None = None, *, static: bool = False) -> None:
        self._limits = limits or Limits()
        problem = self._limits.problem()
        if problem:
            raise ValueError(problem)
        self._static = static  # keys from a file or inline: they have no age, and nobody can be asked again
        self._held: _Held | None = None
        self.generation = 0
        self._looked: Instant | None = None  # the latest look for an unknown kid
        self._looking = False  # it is still under way
        self._spent = 0  # a bucket that drains by one per millisecond; each look pours unknown_refill into it
        self._absent: dict[int, tuple[Instant, int]] = {}  # hash of (kid, alg) → since when, for how long
        self._failed: tuple[Instant, int] | None = None  # the latest failure and its back-off, until a success
        self._in_a_row = 0
        self.last_error: str | None = None
        self._fetches = 0
        self._failures = 0
        self._barren = 0

    # Asking

    def decide(self, now: Instant, kid: str | None, alg: str, remaining: int) -> tuple[Verdict, Key | None]:
        """Say what to do for a token with this `kid` and `alg` whose caller has `remaining` milliseconds left.

        `fresh` and `stale` come with the key. One of `PURPOSES` asks for a fetch. The others are refusals:
        `unknown_key` where the issuer was asked lately enough, `keys_unavailable` where it could not be asked.
        """
        held = self._held
        age = 0 if self._static else FOREVER if held is None else elapsed(held.fetched, now)
        if held is None or age >= held.hard:
            if remaining < self._limits.least or self._backing_off(now):
                return "keys_unavailable", None
            return ("first" if held is None else "expired"), None
        if age >= held.ahead:
            late = age >= held.soft
            least = self._limits.least if late else self._limits.ahead_least
            if remaining >= least and not self._backing_off(now):
                return ("expired" if late else "ahead"), None
        key = held.keys.find(kid, alg)
        if key is not None:
            return ("fresh" if age < held.soft else "stale"), key
        return self._decide_unknown(held, now, kid, alg, remaining), None

    def _decide_unknown(self, held: _Held, now: Instant, kid: str | None, alg: str, remaining: int) -> Verdict:
        limits = self._limits
        if self._static:
            return "unknown_key"
        absent = self._absent.get(hash((kid, alg)))
        if absent is not None and elapsed(absent[0], now) < absent[1]:
            return "unknown_key"
        if self._backing_off(now) or remaining < limits.least:
            # The token may be signed with a key published since. Nobody could ask: that is not the caller's fault.
            return "keys_unavailable"
        if self._looking:
            return "unknown_kid"  # its result is waited for: several callers may bring a new kid at once
        if elapsed(held.fetched, now) < limits.unknown_gap:
            return "unknown_key"
        if self._looked is not None:
            since = elapsed(self._looked, now)
            full = limits.unknown_refill * (limits.unknown_credits - 1)
            if since < limits.unknown_gap or self._spent - since > full:
                return "unknown_key"
        return "unknown_kid"

    def settle(self, now: Instant, kid: str | None, alg: str) -> tuple[Verdict, Key | None]:
        """Say what holds without another fetch: a key, or one of the two refusals."""
        verdict, key = self.decide(now, kid, alg, -1)
        if verdict == "keys_unavailable" and self._failed is None and self._usable(now):
            return "unknown_key", None
        return verdict, key

    # Reporting

    def begin(self, now: Instant, purpose: Purpose) -> None:
        """Note that a fetch starts; a look for an unknown kid is paid for here."""
        self._fetches += 1
        if purpose == "unknown_kid":
            drained = elapsed(self._looked, now) if self._looked is not None else FOREVER
            self._spent = max(0, self._spent - drained) + self._limits.unknown_refill
            self._looked = now
            self._looking = True

    def renew(  # noqa: PLR0913 - a fetch reports all of this at once, so that no half of it is ever held
        self,
        started: Instant,
        keys: Keys,
        *,
        count: int,
        skipped: tuple[str, ...] = (),
        max_age: int | None = None,
        hard: int | None = None,
        jitter: int = 0,
        purpose: Purpose = "first",
        asked: tuple[str | None, str] | None = None,
    ) -> None:
        """Take a new key set.

        Args:
            started: when the fetch began: the keys are at least as old as that.
            keys: the usable keys, at least one; an equal set keeps the key objects already built.
            count: how many keys.
            skipped: reason words for the keys of the set that are not used.
            max_age: milliseconds the issuer calls the set fresh, None if it says nothing.
            hard: another hard age, for a seed from a file.
            jitter: 0 to 999, chosen by chance: spreads the refreshes of a fleet.
            purpose: why it was fetched.
            asked: `kid` and `alg` that were looked for.
        """
        limits = self._limits
        wanted = limits.soft_default if max_age is None else max_age
        soft = min(max(wanted, limits.soft_floor), limits.soft_ceiling)
        ahead = soft - soft * (100 + jitter // 5) // _PERMILLE  # 10 to 30 per cent before the soft age
        if self._held is not None and self._held.keys == keys:
            keys = self._held.keys
        else:
            self.generation += 1
        self._held = _Held(keys, started, (ahead, soft, limits.hard if hard is None else hard), count, skipped)
        self._failed = None
        self._in_a_row = 0
        self._looking = False
        self.last_error = None
        if purpose == "unknown_kid" and asked is not None:
            if keys.find(*asked) is None:
                self._note_absent(started, *asked)
            else:
                self._give_back()

    def fail(self, now: Instant, error: str, *, jitter: int = 0, purpose: Purpose = "first") -> None:
        """Note a failed fetch; the keys in hand stay as they are."""
        limits = self._limits
        self._failures += 1
        self._in_a_row += 1
        self._looking = False
        length = min(limits.backoff_first << min(self._in_a_row - 1, 20), limits.backoff_most)
        self._failed = (now, length * (_PERMILLE + jitter) // (2 * _PERMILLE))  # half to whole
        self.last_error = error
        if purpose == "unknown_kid":
            self._give_back()  # the back-off limits failures; they must not eat the looks as well

    def restored(self) -> None:
        """Trust nothing that a snapshot may have carried over: keys are due for refresh, waits are over."""
        held = self._held
        if held is not None and not self._static:
            self._held = _Held(held.keys, held.fetched, (0, 0, held.hard), held.count, held.skipped)
        self._failed = None
        self._in_a_row = 0
        self._looked = None
        self._looking = False
        self._spent = 0
        self._absent.clear()

    # Looking

    def age(self, now: Instant) -> int | None:
        """Return the age of the keys in milliseconds; None where there are none, 0 where they have no age."""
        if self._held is None:
            return None
        return 0 if self._static else elapsed(self._held.fetched, now)

    def due(self, now: Instant) -> Purpose | None:
        """Say why a prefetch would fetch now, or None."""
        held = self._held
        age = self.age(now)
        if held is None or age is None:
            return "first"
        return "expired" if age >= held.soft else "ahead" if age >= held.ahead else None

    def health(self, issuer: str, now: Instant) -> KeyHealth:
        """Return the state as data."""
        held = self._held
        age = self.age(now)
        if held is None or age is None:
            state: State = "empty"
        else:
            state = "fresh" if age < held.soft else "stale" if age < held.hard else "expired"
        return KeyHealth(
            issuer=issuer,
            state=state,
            age_ms=age,
            keys=0 if held is None else held.count,
            skipped=() if held is None else held.skipped,
            generation=self.generation,
            last_error=self.last_error,
            fetches=self._fetches,
            failures=self._failures,
            barren=self._barren,
        )

    # Inside

    def _usable(self, now: Instant) -> bool:
        held = self._held
        return held is not None and (self._static or elapsed(held.fetched, now) < held.hard)

    def _backing_off(self, now: Instant) -> bool:
        return self._failed is not None and elapsed(self._failed[0], now) < self._failed[1]

    def _give_back(self) -> None:
        self._spent = max(0, self._spent - self._limits.unknown_refill)

    def _note_absent(self, now: Instant, kid: str | None, alg: str) -> None:
        """Remember an absent kid: 2 s at first, doubling to 60 s while it is asked for again."""
        limits = self._limits
        self._barren += 1
        name = hash((kid, alg))  # a caller chooses the kid's length, so the kid itself is not kept
        before = self._absent.pop(name, None)
        length = limits.unknown_gap if before is None else min(before[1] * 2, limits.unknown_refill)
        if len(self._absent) >= limits.negative_entries:
            del self._absent[next(iter(self._absent))]
        self._absent[name] = (now, length)
