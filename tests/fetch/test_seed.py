"""A seed bridges a start without the issuer, by its age and no longer."""

import json
from pathlib import Path

import pytest
from tests.fetch.fakes import ISSUER, JWKS, FakeClock, FakeFetcher, Token, issuer_of, key_set

from lambda_authorizer.errors import ConfigurationError, KeysUnavailableError, UnknownKeyError
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.keys import Limits
from lambda_authorizer.tokens import Issuer, KeySourceConfig

LIMITS = Limits()
DAY = 86_400


class Setup:
    """A source with a seed that was retrieved some seconds ago."""

    def __init__(self, folder: Path, *, age: int, max_age: int = DAY) -> None:
        self.clock = FakeClock()
        self.write(folder, retrieved_at=self.clock.wall // 1_000 - age)
        self.fetcher = FakeFetcher({JWKS: key_set("b")})
        self.issuer = seeded(max_age)
        self.source = KeySource(
            [self.issuer], fetcher=self.fetcher, clock=self.clock, jitter=lambda: 0, directory=str(folder)
        )

    @staticmethod
    def write(folder: Path, **members: object) -> None:
        """Write a seed that holds the key "a"."""
        (folder / "seed.json").write_bytes(key_set("a", **{"issuer": ISSUER, **members}))

    def how(self, kid: str) -> str:
        """Return how the key was come by."""
        return self.source.look_up(Token(kid), self.issuer, self.clock.monotonic + 3_000).cache


def seeded(max_age: int = DAY) -> Issuer:
    """Return an issuer with a seed."""
    return issuer_of(KeySourceConfig("https", JWKS, ISSUER, seed="seed.json", seed_max_age=max_age))


def test_a_young_seed_saves_the_first_fetch(tmp_path: Path) -> None:
    """Keys retrieved less than the soft age ago are fresh, and refreshed when they are due."""
    setup = Setup(tmp_path, age=60)
    assert setup.how("a") == "fresh"
    assert setup.fetcher.asked == []
    setup.clock.pass_time(LIMITS.soft_default - 60_000)
    assert setup.how("b") == "fetched"
    with pytest.raises(UnknownKeyError):
        setup.how("a")


def test_an_old_seed_bridges_an_outage_at_start(tmp_path: Path) -> None:
    """The issuer is asked first; where it fails, the seed is served stale."""
    setup = Setup(tmp_path, age=3_600)
    setup.fetcher.pages[JWKS] = "timeout"
    assert setup.how("a") == "stale"
    assert setup.fetcher.asked == [JWKS]


def test_a_seed_past_its_age_is_refused(tmp_path: Path) -> None:
    """However long the outage: a key of a seed may have been withdrawn long ago."""
    setup = Setup(tmp_path, age=DAY - 1)
    setup.fetcher.pages[JWKS] = "timeout"
    assert setup.how("a") == "stale"
    setup.clock.pass_time(1_000)
    with pytest.raises(KeysUnavailableError):
        setup.how("a")


def test_keys_fetched_replace_the_seed_and_its_age_limit(tmp_path: Path) -> None:
    """After the first refresh the hard age of fetched keys counts."""
    setup = Setup(tmp_path, age=3_600)
    assert setup.how("b") == "fetched"
    setup.fetcher.pages[JWKS] = "timeout"
    setup.clock.pass_time(LIMITS.hard)
    with pytest.raises(KeysUnavailableError):
        setup.how("b")


def test_a_seed_of_the_future_is_not_used(tmp_path: Path) -> None:
    """A date that cannot be says nothing about the age; a clock that is five minutes off is forgiven."""
    assert Setup(tmp_path, age=-300).how("a") == "fresh"
    setup = Setup(tmp_path, age=-301)
    setup.fetcher.pages[JWKS] = "timeout"
    with pytest.raises(KeysUnavailableError):
        setup.how("a")


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({}, "no retrieved_at"),
        ({"retrieved_at": "today"}, "no retrieved_at"),
        ({"retrieved_at": True}, "no retrieved_at"),
        ({"retrieved_at": 1_800_000_000.5}, "no retrieved_at"),
        ({"retrieved_at": 1_800_000_000, "issuer": "https://evil.example"}, "another issuer"),
        ({"retrieved_at": 1_800_000_000, "issuer": None}, "another issuer"),
    ],
)
def test_a_seed_without_date_or_of_another_issuer_stops_the_start(
    tmp_path: Path, members: dict[str, object], found: str
) -> None:
    """The message names file and key."""
    Setup.write(tmp_path, **members)
    with pytest.raises(ConfigurationError, match=found) as caught:
        KeySource([seeded()], directory=str(tmp_path))
    assert "seed.json" in str(caught.value)
    assert "issuer main: jwks_seed" in str(caught.value)


def test_a_seed_with_a_broken_key_is_read(tmp_path: Path) -> None:
    """One key that names a member twice is left out, as it is from a fetched set."""
    text = key_set("a", issuer=ISSUER, retrieved_at=1_800_000_000).decode()
    broken = text.replace('{"keys": [', '{"keys": [{"kty": "EC", "kty": "EC"}, ')
    assert json.loads(broken)
    (tmp_path / "seed.json").write_text(broken)
    source = KeySource([seeded()], fetcher=FakeFetcher({}), clock=FakeClock(), directory=str(tmp_path))
    (health,) = source.health()
    assert (health.keys, health.state, len(health.skipped)) == (1, "fresh", 1)
