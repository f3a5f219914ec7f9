"""The key cache decides by numbers alone: every test turns its own clock."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.keys import FOREVER, PURPOSES, KeyCache, Limits, elapsed

LIMITS = Limits()
MINUTE = 60_000
HOUR = 3_600_000
ALG = "RS256"


Instant = tuple[int, int]


class Kids(frozenset[str]):
    """A key set in which each key is its own kid; `None` finds the only key."""

    __slots__ = ()

    def find(self, kid: str | None, alg: str) -> Any:
        """Return the kid itself as the key."""
        assert alg == ALG
        if kid is None:
            return next(iter(self)) if len(self) == 1 else None
        return kid if kid in self else None


class World:
    """One issuer, one cache, both clocks; every call goes the way the driver goes."""

    def __init__(self, *, limits: Limits = LIMITS, start: int = 1_800_000_000_000) -> None:
        self.cache = KeyCache(limits)
        self.wall = start
        self.monotonic = 5_000
        self.published = Kids({"a"})
        self.max_age: int | None = None
        self.up = True
        self.jitter = 0
        self.fetched_at: list[int] = []
        self.purposes: list[str] = []

    @property
    def now(self) -> Instant:
        """Both clocks."""
        return self.wall, self.monotonic

    def pass_time(self, milliseconds: int) -> None:
        """Let both clocks go on."""
        self.wall += milliseconds
        self.monotonic += milliseconds

    def ask(self, kid: str | None = "a", remaining: int = 3_000) -> str:
        """Return the final verdict for a token with this kid."""
        verdict, key = self.cache.decide(self.now, kid, ALG, remaining)
        purpose = PURPOSES.get(verdict)
        if purpose is None:
            assert (key is not None) == (verdict in {"fresh", "stale"})
            return verdict
        assert key is None
        started = self.now
        self.cache.begin(started, purpose)
        self.fetched_at.append(self.monotonic)
        self.purposes.append(purpose)
        if self.up:
            self.cache.renew(
                started,
                self.published,
                count=len(self.published),
                max_age=self.max_age,
                jitter=self.jitter,
                purpose=purpose,
                asked=(kid, ALG),
            )
        else:
            self.cache.fail(self.now, "http_503", jitter=self.jitter, purpose=purpose)
        return self.cache.settle(self.now, kid, ALG)[0]


@pytest.fixture
def world() -> World:
    """Return an issuer that publishes the key "a"."""
    return World()


class TestAge:
    """Fresh, ahead, stale, refused."""

    def test_the_first_caller_fetches_and_the_next_ones_do_not(self, world: World) -> None:
        """One fetch serves every caller until the keys are due."""
        assert [world.ask() for _ in range(100)] == ["fresh"] * 100
        assert world.purposes == ["first"]

    @pytest.mark.parametrize(
        ("max_age", "soft"),
        [
            (None, LIMITS.soft_default),
            (0, LIMITS.soft_floor),
            (15_000, LIMITS.soft_floor),
            (20 * MINUTE, 20 * MINUTE),
            (24 * HOUR, LIMITS.soft_ceiling),
        ],
        ids=["silent", "no-cache", "below the floor", "between", "above the ceiling"],
    )
    def test_max_age_is_honoured_between_floor_and_ceiling(
        self, world: World, max_age: int | None, soft: int
    ) -> None:
        """An issuer's max-age is the soft age, but never below 5 minutes or above one hour."""
        world.max_age = max_age
        world.ask()
        world.pass_time(soft - 1)
        assert world.ask(remaining=LIMITS.ahead_least - 1) == "fresh"
        assert world.purposes == ["first"]
        world.pass_time(1)
        assert world.ask(remaining=LIMITS.least) == "fresh"
        assert world.purposes == ["first", "expired"]

    @pytest.mark.parametrize(("jitter", "share"), [(0, 10), (999, 29)])
    def test_refresh_ahead_begins_before_the_soft_age(self, world: World, jitter: int, share: int) -> None:
        """Keys are refreshed 10 to 30 per cent before their soft age, by chance, so that a fleet spreads out."""
        world.jitter = jitter
        world.ask()
        world.pass_time(LIMITS.soft_default * (100 - share - 1) // 100)
        world.ask()
        assert world.purposes == ["first"]
        world.pass_time(LIMITS.soft_default * 2 // 100)
        assert world.ask() == "fresh"
        assert world.purposes == ["first", "ahead"]

    def test_refresh_ahead_waits_for_an_invocation_with_time(self, world: World) -> None:
        """An invocation with little time left serves the good keys and leaves the refresh to another."""
        world.ask()
        world.pass_time(LIMITS.soft_default - 1)
        assert world.ask(remaining=LIMITS.ahead_least - 1) == "fresh"
        assert world.purposes == ["first"]
        assert world.ask(remaining=LIMITS.ahead_least) == "fresh"
        assert world.purposes == ["first", "ahead"]

    def test_an_outage_is_bridged_until_the_hard_age_and_not_longer(self, world: World) -> None:
        """Keys are served stale while the issuer fails, refused from the hard age on, then back at once."""
        world.ask()
        world.up = False
        world.pass_time(LIMITS.soft_default)
        assert world.ask() == "stale"
        world.pass_time(LIMITS.hard - LIMITS.soft_default - 1)
        assert world.ask() == "stale"
        world.pass_time(1)
        assert world.ask() == "keys_unavailable"
        world.pass_time(LIMITS.backoff_most)
        world.up = True
        assert world.ask() == "fresh"

    def test_too_little_time_is_no_reason_to_refuse_keys_in_hand(self, world: World) -> None:
        """With too little time for a fetch, stale keys are served and missing keys are an outage."""
        assert world.ask(remaining=LIMITS.least - 1) == "keys_unavailable"
        world.ask()
        world.pass_time(LIMITS.soft_default)
        assert world.ask(remaining=LIMITS.least - 1) == "stale"
        world.pass_time(LIMITS.hard)
        assert world.ask(remaining=LIMITS.least - 1) == "keys_unavailable"
        assert world.purposes == ["first"]

    def test_a_withdrawn_key_is_gone_at_the_next_refresh(self, world: World) -> None:
        """A key that the issuer no longer publishes is refused once the soft age has passed."""
        world.ask()
        world.published = Kids({"b"})
        assert world.ask("a") == "fresh"
        world.pass_time(LIMITS.soft_default)
        assert world.ask("a") == "unknown_key"
        assert world.ask("b") == "fresh"

    def test_a_failed_refresh_changes_nothing(self, world: World) -> None:
        """A failure leaves keys, generation and count as they were."""
        world.ask()
        before = world.cache.health("main", world.now)
        world.up = False
        world.pass_time(LIMITS.soft_default)
        world.ask()
        after = world.cache.health("main", world.now)
        assert (after.keys, after.generation) == (before.keys, before.generation)
        assert (after.state, after.last_error, after.failures) == ("stale", "http_503", 1)

    def test_the_generation_changes_with_the_keys_only(self, world: World) -> None:
        """A refresh that brings the same keys keeps the generation, other keys raise it."""
        assert world.cache.generation == 0
        world.ask()
        world.pass_time(LIMITS.soft_default)
        world.ask()
        assert (len(world.purposes), world.cache.generation) == (2, 1)
        world.published = Kids({"a", "b"})
        world.pass_time(LIMITS.soft_default)
        world.ask()
        assert world.cache.generation == 2

    def test_an_equal_set_keeps_the_key_objects_already_built(self) -> None:
        """Key objects are expensive: an equal set does not replace them."""
        cache = KeyCache()
        first = Kids({"a"})
        cache.renew((0, 0), first, count=1)
        cache.renew((1, 1), Kids({"a"}), count=1)
        held = cache._held
        assert held is not None
        assert held.keys is first


class TestClocks:
    """Freezes, restored snapshots and turned clocks make keys older, never younger."""

    def test_elapsed_believes_the_clock_that_says_more(self) -> None:
        """The larger of both differences counts, and two that ran backwards mean for ever."""
        assert elapsed((100, 100), (150, 400)) == 300
        assert elapsed((100, 100), (400, 150)) == 300
        assert elapsed((100, 100), (50, 101)) == 1
        assert elapsed((100, 100), (99, 99)) == FOREVER

    @pytest.mark.parametrize("clock", ["wall", "monotonic"])
    def test_one_clock_suffices_to_age_keys(self, world: World, clock: str) -> None:
        """A sandbox frozen for a day, by either clock, does not serve the keys it went to sleep with."""
        world.ask()
        world.up = False
        setattr(world, clock, getattr(world, clock) + LIMITS.hard)
        assert world.ask() == "keys_unavailable"

    @pytest.mark.parametrize("clock", ["wall", "monotonic"])
    def test_a_clock_turned_back_does_not_make_keys_younger(self, world: World, clock: str) -> None:
        """The other clock still says how old the keys are."""
        world.ask()
        world.up = False
        world.pass_time(LIMITS.hard)
        setattr(world, clock, 0)
        assert world.ask() == "keys_unavailable"

    def test_keys_of_an_unknowable_age_are_refused(self, world: World) -> None:
        """Where both clocks ran backwards nobody knows the age, and the keys are fetched or refused."""
        world.ask()
        world.up = False
        world.wall -= 1
        world.monotonic -= 1
        assert world.ask() == "keys_unavailable"

    def test_no_wait_outlasts_a_turned_clock(self, world: World) -> None:
        """A cooldown or back-off that lies in the future of a turned clock is over."""
        world.up = False
        assert world.ask() == "keys_unavailable"
        world.wall -= HOUR
        world.monotonic -= 1
        world.up = True
        assert world.ask() == "fresh"

    def test_restored_keys_are_asked_for_again_and_bridge_an_outage(self, world: World) -> None:
        """After a restore the keys are due at once; they are served stale while the issuer fails, by their age."""
        world.ask()
        world.ask("nobody")
        world.cache.restored()
        world.up = False
        assert world.cache.health("main", world.now).state == "stale"
        assert world.ask() == "stale"
        assert world.purposes == ["first", "expired"]
        world.pass_time(LIMITS.hard)
        assert world.ask() == "keys_unavailable"

    def test_restoring_an_empty_cache_leaves_it_empty(self, world: World) -> None:
        """A snapshot without keys restores as one without keys, and without a wait."""
        world.up = False
        world.ask()
        world.cache.restored()
        world.up = True
        assert world.ask() == "fresh"


class TestUnknownKid:
    """Rotations are seen soon, floods cost a stated number of fetches, known keys never suffer."""

    def test_a_rotation_is_seen_within_two_seconds(self, world: World) -> None:
        """A key published since the last fetch is found by the first caller 2 seconds after that fetch."""
        world.ask()
        world.published = Kids({"a", "b"})
        world.pass_time(LIMITS.unknown_gap - 1)
        assert world.ask("b") == "unknown_key"
        world.pass_time(1)
        assert world.ask("b") == "fresh"
        assert world.ask("a") == "fresh"
        assert world.purposes == ["first", "unknown_kid"]

    def test_a_kid_published_late_is_seen_within_two_seconds(self, world: World) -> None:
        """A kid that was asked for before its key was published is asked for again after 2 seconds."""
        world.ask()
        world.pass_time(MINUTE)
        assert world.ask("b") == "unknown_key"
        world.published = Kids({"a", "b"})
        world.pass_time(LIMITS.unknown_gap - 1)
        assert world.ask("b") == "unknown_key"
        world.pass_time(1)
        assert world.ask("b") == "fresh"

    def test_a_million_random_kids_cost_a_stated_number_of_fetches(self, world: World) -> None:
        """1,000,000 random kids in 1,000 seconds: 3 looks, 2 s apart, then one a minute: 19."""
        world.ask()
        world.pass_time(MINUTE)
        for number in range(1_000_000):
            assert world.ask(f"random-{number}") == "unknown_key"
            world.pass_time(1)
        looks = [at for at, why in zip(world.fetched_at, world.purposes, strict=True) if why == "unknown_kid"]
        assert len(looks) == 3 + 1_000_000 // MINUTE == 19
        gaps = [after - before for before, after in pairwise(looks)]
        assert min(gaps) >= LIMITS.unknown_gap
        assert min(gaps[3:]) >= LIMITS.unknown_refill
        # Every look renews the keys as well, so the flood saves the refreshes by age.
        assert len(world.fetched_at) == 1 + len(looks)
        assert world.cache.health("main", world.now).barren == len(looks)

    def test_an_hour_of_flood_costs_at_most_three_and_sixty_looks(self, world: World) -> None:
        """Ten random kids a second for an hour: 3 + 60 looks at most."""
        world.ask()
        world.pass_time(MINUTE)
        for number in range(36_000):
            world.ask(f"random-{number}")
            world.pass_time(100)
        assert world.purposes.count("unknown_kid") <= 3 + 60

    def test_a_rotation_in_a_flood_is_seen_within_a_minute(self, world: World) -> None:
        """Random kids cannot keep a new key out for longer than 60 seconds."""
        world.ask()
        world.pass_time(MINUTE)
        for number in range(30_000):
            world.ask(f"random-{number}")
            world.pass_time(10)
        world.published = Kids({"a", "b"})
        since = world.monotonic
        while world.ask("b") != "fresh":
            world.ask(f"random-at-{world.monotonic}")
            world.pass_time(10)
        assert world.monotonic - since <= 60_000

    def test_a_look_under_way_is_waited_for(self, world: World) -> None:
        """Callers who bring the new kid at the same moment share the look, none is refused."""
        world.ask()
        world.pass_time(MINUTE)
        world.cache.begin(world.now, "unknown_kid")
        assert world.cache.decide(world.now, "b", ALG, 3_000)[0] == "unknown_kid"
        assert world.cache.decide(world.now, "a", ALG, 3_000)[0] == "fresh"
        world.cache.renew(world.now, Kids({"b"}), count=1, purpose="unknown_kid", asked=("b", ALG))
        assert world.cache.decide(world.now, "b", ALG, 3_000)[0] == "fresh"
        assert world.cache.decide(world.now, "c", ALG, 3_000)[0] == "unknown_key"

    def test_known_keys_never_wait_for_unknown_ones(self, world: World) -> None:
        """In a flood, and in a flood while the issuer fails, a known key is served at each call."""
        world.ask()
        for number in range(5_000):
            world.up = number < 2_500
            world.ask(f"random-{number}")
            assert world.ask("a") in {"fresh", "stale"}
            world.pass_time(100)

    def test_a_kid_asked_for_again_and_again_does_not_drain_the_budget(self, world: World) -> None:
        """A client with a token of a withdrawn key costs a look a minute; a rotation is still seen within 2 s."""
        world.ask()
        world.pass_time(MINUTE)
        for _ in range(3_600):
            world.ask("withdrawn")
            world.pass_time(1_000)
        looks = world.purposes.count("unknown_kid")
        assert looks <= 63
        world.pass_time(LIMITS.unknown_gap)
        world.published = Kids({"a", "b"})
        assert world.ask("b") == "fresh"

    def test_kids_remembered_as_absent_are_bounded(self) -> None:
        """However many kids are asked for, no more than the stated number is remembered, the oldest forgotten."""
        world = World(limits=Limits(negative_entries=3))
        world.ask()
        for number in range(10):
            world.pass_time(MINUTE)
            world.ask(f"random-{number}")
        assert len(world.cache._absent) == 3

    def test_a_failed_look_is_an_outage_and_costs_no_credit(self, world: World) -> None:
        """Where the issuer could not be asked about a kid, the answer is no statement about the token."""
        world.ask()
        world.up = False
        for _ in range(20):
            world.pass_time(LIMITS.backoff_most)
            assert world.ask("b", remaining=LIMITS.ahead_least - 1) == "keys_unavailable"
            assert world.ask("b") == "keys_unavailable"
        assert world.cache._spent == 0
        world.up = True
        world.pass_time(LIMITS.backoff_most)
        world.published = Kids({"a", "b"})
        assert world.ask("b") == "fresh"

    def test_too_little_time_to_ask_about_a_kid_is_no_statement_about_it(self, world: World) -> None:
        """Without time for a look the answer is an outage, not "unknown"."""
        world.ask()
        world.pass_time(LIMITS.unknown_gap)
        assert world.ask("b", remaining=LIMITS.least - 1) == "keys_unavailable"

    def test_a_found_kid_gives_its_credit_back(self, world: World) -> None:
        """Rotations, however many, never use up the budget for unknown kids."""
        world.ask()
        for number in range(50):
            world.pass_time(LIMITS.unknown_gap)
            world.published = Kids({f"k{number}"})
            assert world.ask(f"k{number}") == "fresh"

    def test_a_kid_found_absent_is_known_absent_in_an_outage(self, world: World) -> None:
        """What the issuer said seconds ago still holds when it fails now."""
        world.ask()
        world.pass_time(MINUTE)
        assert world.ask("b") == "unknown_key"
        world.up = False
        world.cache.fail(world.now, "timeout")
        assert world.ask("b") == "unknown_key"
        assert world.ask("c") == "keys_unavailable"

    def test_a_token_without_kid_takes_the_only_key(self, world: World) -> None:
        """No kid and one key is a match; no kid and two keys is not."""
        assert world.ask(None) == "fresh"
        world.published = Kids({"a", "b"})
        world.pass_time(LIMITS.soft_default)
        assert world.ask(None) == "unknown_key"


class TestBackoff:
    """The third budget: failures."""

    def test_failures_back_off_from_one_to_thirty_seconds(self, world: World) -> None:
        """A caller every 10 ms for 5 minutes of outage makes 14 fetches."""
        world.up = False
        world.jitter = 999
        for _ in range(30_000):
            assert world.ask() == "keys_unavailable"
            world.pass_time(10)
        gaps = [round((after - before) / 1000) for before, after in pairwise(world.fetched_at)]
        assert gaps == [1, 2, 4, 8, 16, *[30] * (len(gaps) - 5)]
        assert len(world.fetched_at) == 14

    def test_jitter_halves_the_wait_at_most(self, world: World) -> None:
        """The wait is between half and the whole of its step."""
        world.up = False
        world.ask()
        world.pass_time(LIMITS.backoff_first // 2 - 1)
        world.ask()
        assert len(world.fetched_at) == 1
        world.pass_time(1)
        world.ask()
        assert len(world.fetched_at) == 2

    def test_a_success_ends_the_back_off(self, world: World) -> None:
        """After a success the next failure waits one second again."""
        world.up = False
        for _ in range(5):
            world.ask()
            world.pass_time(LIMITS.backoff_most)
        world.up = True
        assert world.ask() == "fresh"
        assert world.cache.last_error is None
        world.up = False
        world.pass_time(LIMITS.soft_default)
        world.ask()
        world.pass_time(LIMITS.backoff_first)
        before = len(world.fetched_at)
        world.ask()
        assert len(world.fetched_at) == before + 1

    def test_settling_without_an_attempt_says_unknown_only_about_usable_keys(self) -> None:
        """An empty cache knows nothing about a kid."""
        cache = KeyCache()
        assert cache.settle((0, 0), "a", ALG) == ("keys_unavailable", None)
        cache.renew((0, 0), Kids({"a"}), count=1)
        assert cache.settle((1, 1), "b", ALG) == ("unknown_key", None)
        assert cache.settle((LIMITS.hard, 0), "b", ALG) == ("keys_unavailable", None)


class TestStatic:
    """Keys from a file or inline."""

    def test_static_keys_have_no_age_and_nobody_is_asked(self) -> None:
        """They are fresh for ever, and an unknown kid is refused at once."""
        cache = KeyCache(static=True)
        cache.renew((0, 0), Kids({"a"}), count=1)
        for now in [(0, 0), (10**15, 5), (-1, -1)]:
            assert cache.decide(now, "a", ALG, 3_000)[0] == "fresh"
            assert cache.decide(now, "b", ALG, 3_000)[0] == "unknown_key"
            assert cache.settle(now, "b", ALG)[0] == "unknown_key"
            assert cache.due(now) is None
            assert cache.health("main", now).age_ms == 0

    def test_static_keys_survive_a_restore_unchanged(self) -> None:
        """A snapshot carries them as they are: there is nobody to ask anew."""
        cache = KeyCache(static=True)
        cache.renew((0, 0), Kids({"a"}), count=1)
        cache.restored()
        assert cache.decide((5, 5), "a", ALG, 3_000)[0] == "fresh"
        assert cache.due((5, 5)) is None


class TestHealth:
    """The state as data."""

    def test_each_state_has_its_name(self, world: World) -> None:
        """Empty, fresh, stale, expired; with the age, and why a prefetch would fetch."""

        def state() -> tuple[str, int | None, str | None]:
            health = world.cache.health("main", world.now)
            return health.state, health.age_ms, world.cache.due(world.now)

        assert state() == ("empty", None, "first")
        world.ask()
        assert state() == ("fresh", 0, None)
        world.pass_time(LIMITS.soft_default - 1)
        assert state() == ("fresh", LIMITS.soft_default - 1, "ahead")
        world.pass_time(1)
        assert state() == ("stale", LIMITS.soft_default, "expired")
        world.pass_time(LIMITS.hard)
        assert state() == ("expired", LIMITS.soft_default + LIMITS.hard, "expired")

    def test_skipped_keys_are_reported(self) -> None:
        """Reason words of keys that are not used reach the health record."""
        cache = KeyCache()
        cache.renew((0, 0), Kids({"a"}), count=1, skipped=("private",))
        health = cache.health("main", (0, 0))
        assert (health.issuer, health.keys, health.skipped) == ("main", 1, ("private",))
        assert health.as_dict()["skipped"] == ("private",)
        assert "'state': 'fresh'" in repr(health)


class TestLimits:
    """Numbers that contradict each other are refused."""

    @pytest.mark.parametrize(
        "limits",
        [
            Limits(soft_floor=0),
            Limits(soft_ceiling=LIMITS.hard),
            Limits(least=LIMITS.budget + 1, ahead_least=LIMITS.budget + 1),
            Limits(unknown_gap=LIMITS.unknown_refill + 1),
            Limits(unknown_credits=0),
            Limits(negative_entries=0),
            Limits(backoff_most=1),
        ],
    )
    def test_contradictions_stop_the_start(self, limits: Limits) -> None:
        """A limit above the one that bounds it is a mistake, not a preference."""
        with pytest.raises(ValueError, match=r".+"):
            KeyCache(limits)

    def test_the_defaults_fit_together(self) -> None:
        """The shipped numbers contradict nothing."""
        assert Limits().problem() is None


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "x1", "x2", "x3"]),
        st.sampled_from([0, 1, 500, 2_000, 60_000, 600_000, 3_600_000, 14_400_000]),
        st.sampled_from([0, 0, 0, -3_600_000, 86_400_000]),
        st.booleans(),
        st.integers(0, 999),
        st.sampled_from([0, 100, 1_000, 3_000]),
    ),
    max_size=60,
)


@given(steps)
def test_no_history_serves_keys_past_their_limit_or_fetches_faster_than_allowed(
    history: list[tuple[str, int, int, bool, int, int]],
) -> None:
    """Whatever clocks and issuer do, no key is served past the hard age, and no fetch begins in a back-off."""
    world = World()
    fetched: Instant | None = None
    held: Kids = Kids()
    failed: tuple[Instant, int] | None = None
    for kid, passed, turned, up, jitter, remaining in history:
        world.pass_time(passed)
        world.wall += turned
        world.up, world.jitter = up, jitter
        world.published = Kids({"a", "b"} if (world.monotonic // HOUR) % 2 else {"a", "c"})
        before = len(world.fetched_at)
        verdict = world.ask(kid, remaining)
        if len(world.fetched_at) > before:
            assert remaining >= LIMITS.least
            assert failed is None or elapsed(failed[0], world.now) >= LIMITS.backoff_first // 2
            if up:
                fetched, held, failed = world.now, world.published, None
            else:
                failed = (world.now, 0)
        if verdict in {"fresh", "stale"}:
            assert fetched is not None
            assert kid in held
            assert elapsed(fetched, world.now) < LIMITS.hard
        elif verdict == "unknown_key":
            assert kid not in held


def test_the_machine_is_pure() -> None:
    """keys.py reads no clock, opens no socket and asks nobody for chance."""
    import lambda_authorizer.keys as module

    forbidden = {"time", "socket", "ssl", "os", "random", "threading", "logging", "datetime"}
    assert forbidden.isdisjoint(vars(module))
