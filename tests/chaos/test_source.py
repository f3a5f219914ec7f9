"""The whole key source against a real server in another process that rotates, fails and heals."""

import threading
from collections.abc import Iterator

import pytest
from tests.chaos.conftest import Chaos
from tests.fetch.fakes import ISSUER, Token, issuer_of, key_set

from lambda_authorizer.errors import KeysUnavailableError, UnknownKeyError
from lambda_authorizer.fetch import SystemClock
from lambda_authorizer.fetch.http import HttpFetcher
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.keys import Limits
from lambda_authorizer.tokens import Issuer, KeySourceConfig

LIMITS = Limits(budget=500, ahead_least=400)
MISBEHAVIOUR = [
    "500",
    "302",
    "stall",
    "drip-head",
    "drip-body",
    "endless-body",
    "html",
    "gzip",
    "garbage",
    "silence",
    "long-length",
    "404",
]


class OffsetClock(SystemClock):
    """The machine's clocks, with time added by the test instead of slept."""

    __slots__ = ("offset",)

    def __init__(self) -> None:
        self.offset = 0

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return super().wall_ms() + self.offset

    def monotonic_ms(self) -> int:
        """Return the monotonic clock."""
        return super().monotonic_ms() + self.offset


class World:
    """A key source of the misbehaving issuer."""

    def __init__(self, chaos: Chaos, listener: str) -> None:
        self.chaos = chaos
        self.clock = OffsetClock()
        config = KeySourceConfig("https", chaos.url("keys", listener), ISSUER, http_loopback=True)
        self.issuer: Issuer = issuer_of(config)
        real = HttpFetcher(ca_directory=chaos.ca_directory)
        self.source = KeySource(
            [self.issuer],
            fetcher=lambda url, deadline, *, http_loopback=False: real(
                url, deadline - self.clock.offset, http_loopback=http_loopback
            ),
            clock=self.clock,
            limits=LIMITS,
            jitter=lambda: 0,
        )

    def how(self, kid: str) -> str:
        """Return how the key was come by."""
        return self.source.look_up(Token(kid), self.issuer, self.clock.monotonic_ms() + 3_000).cache


@pytest.fixture(params=["http", "https"])
def world(chaos: Chaos, request: pytest.FixtureRequest) -> Iterator[World]:
    """Return a source of an issuer that behaves, over http and over https."""
    chaos.tell("mode", b"ok")
    chaos.tell("set", key_set("a"))
    yield World(chaos, request.param)
    chaos.tell("mode", b"ok")


def test_a_rotation_is_followed_over_the_wire(world: World) -> None:
    """The new key is found, the withdrawn one is gone, in three requests."""
    before = world.chaos.requests()
    assert world.how("a") == "fetched"
    world.chaos.tell("set", key_set("a", "b"))
    world.clock.offset += LIMITS.unknown_gap
    assert world.how("b") == "fetched"
    world.chaos.tell("set", key_set("b"))
    assert world.how("a") == "fresh"
    world.clock.offset += LIMITS.soft_default
    assert world.how("b") == "fetched"
    with pytest.raises(UnknownKeyError):
        world.how("a")
    assert world.chaos.requests() - before == 3


def test_no_misbehaviour_takes_the_keys_away(world: World) -> None:
    """Whatever the issuer does instead of answering, known keys are served stale, inside the budget."""
    assert world.how("a") == "fetched"
    for behaviour in MISBEHAVIOUR:
        world.chaos.tell("mode", behaviour.encode())
        world.clock.offset += LIMITS.soft_default
        begin = SystemClock().monotonic_ms()
        assert world.how("a") == "stale"
        assert SystemClock().monotonic_ms() - begin < LIMITS.budget + 500
        assert world.how("a") == "stale"
    assert world.source.health()[0].failures == len(MISBEHAVIOUR)
    world.chaos.tell("mode", b"ok")
    world.clock.offset += LIMITS.backoff_most
    assert world.how("a") == "fetched"


def test_a_start_in_an_outage_fails_soon_and_recovers(world: World) -> None:
    """Without keys each misbehaviour is an outage, a caller in the back-off is answered at once."""
    world.chaos.tell("mode", b"stall")
    with pytest.raises(KeysUnavailableError, match="timeout"):
        world.how("a")
    begin = SystemClock().monotonic_ms()
    with pytest.raises(KeysUnavailableError, match="timeout"):
        world.how("a")
    assert SystemClock().monotonic_ms() - begin < 100
    world.chaos.tell("mode", b"ok")
    world.clock.offset += LIMITS.backoff_first
    assert world.how("a") == "fetched"


def test_a_flood_from_many_threads_is_a_handful_of_requests(world: World) -> None:
    """Eight threads with 250 random kids each, and a known key in between: one request, or two."""
    before = world.chaos.requests()
    world.how("a")
    wrong: list[str] = []

    def flood(name: int) -> None:
        for number in range(250):
            try:
                world.how(f"random-{name}-{number}")
            except UnknownKeyError:
                pass
            else:
                wrong.append("allowed")
            if world.how("a") not in {"fresh", "fetched"}:
                wrong.append("suffered")

    threads = [threading.Thread(target=flood, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert world.chaos.requests() - before <= 2
