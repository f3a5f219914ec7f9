"""The key source fetches when the machine says so, once, in time, and after a fork as before it."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fetch.fakes import (
    AT_ADDRESS,
    DISCOVERED,
    ISSUER,
    JWKS,
    WELL_KNOWN,
    FakeClock,
    FakeFetcher,
    Token,
    issuer_of,
    key_set,
    public_jwk,
)

from lambda_authorizer.errors import ConfigurationError, KeysUnavailableError, UnknownKeyError
from lambda_authorizer.fetch import FetchError, SystemClock
from lambda_authorizer.fetch.source import KeySource, _renew_after_fork
from lambda_authorizer.keys import Limits
from lambda_authorizer.tokens import Issuer, KeySourceConfig

LIMITS = Limits()


class Setup:
    """A source with fake clock and fetcher."""

    def __init__(self, issuer: Issuer = AT_ADDRESS, pages: dict[str, bytes | str] | None = None) -> None:
        self.clock = FakeClock()
        self.fetcher = FakeFetcher({JWKS: key_set("a"), **(pages or {})})
        self.issuer = issuer
        self.source = KeySource([issuer], fetcher=self.fetcher, clock=self.clock, jitter=lambda: 0)

    @property
    def deadline(self) -> int:
        """Three seconds from now."""
        return self.clock.monotonic + 3_000

    def find(self, kid: str | None = "a") -> str | None:
        """Return the kid of the key found."""
        return self.source.find(Token(kid), self.issuer, self.deadline).kid

    def how(self, kid: str = "a") -> str:
        """Return how the key was come by."""
        return self.source.look_up(Token(kid), self.issuer, self.deadline).cache


class TestFinding:
    """What callers see."""

    def test_the_first_caller_fetches_the_others_do_not(self) -> None:
        """The key is fetched once, then fresh from the cache, with its age."""
        setup = Setup()
        assert setup.how() == "fetched"
        setup.clock.pass_time(1_000)
        found = setup.source.look_up(Token(), AT_ADDRESS, setup.deadline)
        assert (found.key.kid, found.cache, found.age_ms) == ("a", "fresh", 1_000)
        assert setup.fetcher.asked == [JWKS]

    def test_stale_keys_say_so(self) -> None:
        """An outage shows as `stale` with its slug in the health record."""
        setup = Setup()
        setup.find()
        setup.fetcher.pages[JWKS] = "timeout"
        setup.clock.pass_time(LIMITS.soft_default)
        assert setup.how() == "stale"
        (health,) = setup.source.health()
        assert (health.issuer, health.state, health.last_error, health.failures) == ("main", "stale", "timeout", 1)

    def test_an_unknown_kid_is_the_callers_fault(self) -> None:
        """The issuer was asked and has no such key."""
        setup = Setup()
        with pytest.raises(UnknownKeyError) as caught:
            setup.find("forged-kid")
        assert "forged-kid" not in str(caught.value)

    def test_an_outage_is_not(self) -> None:
        """No keys and no answer is the issuer's trouble; the message names alias and slug only."""
        setup = Setup(pages={JWKS: "http_503"})
        with pytest.raises(KeysUnavailableError, match="main: http_503"):
            setup.find("some-kid")

    def test_no_time_is_an_outage_without_a_fetch(self) -> None:
        """An invocation that is about to end begins no fetch."""
        setup = Setup()
        with pytest.raises(KeysUnavailableError, match="not asked in time"):
            setup.source.find(Token(), AT_ADDRESS, setup.clock.monotonic + LIMITS.least - 1)
        assert setup.fetcher.asked == []

    def test_an_issuer_without_a_key_source_has_no_keys(self) -> None:
        """An issuer that introspects is never asked for keys."""
        setup = Setup(issuer_of(None))
        with pytest.raises(KeysUnavailableError):
            setup.find()
        assert setup.fetcher.asked == []
        assert setup.source.generation("main") == 0

    def test_the_fetch_ends_with_the_callers_time_or_the_budget(self) -> None:
        """The earlier of both is the fetch's deadline."""
        setup = Setup(pages={JWKS: "timeout"})
        start = setup.clock.monotonic
        for deadline in (start + 1_000, start + 60_000 + 30_000):
            with pytest.raises(KeysUnavailableError):
                setup.source.find(Token(), AT_ADDRESS, deadline)
            setup.clock.pass_time(30_000)
        assert setup.fetcher.deadlines == [start + 1_000, start + 30_000 + LIMITS.budget]

    def test_max_age_reaches_the_machine(self) -> None:
        """Cache-Control of the key set decides how long it is fresh."""
        setup = Setup()
        setup.fetcher.max_age = LIMITS.soft_ceiling
        setup.find()
        setup.clock.pass_time(LIMITS.soft_ceiling // 2)
        assert setup.how() == "fresh"

    def test_keys_are_bound_to_their_issuer(self) -> None:
        """Two issuers with the same kid have each their own key, and their own outage."""
        other = issuer_of(KeySourceConfig("https", "https://other.example/keys", ISSUER), "other")
        setup = Setup()
        source = KeySource([AT_ADDRESS, other], fetcher=setup.fetcher, clock=setup.clock)
        setup.fetcher.pages["https://other.example/keys"] = json.dumps(
            {"keys": [{**public_jwk("b"), "kid": "a"}]}
        ).encode()
        first = source.find(Token(), AT_ADDRESS, setup.deadline)
        second = source.find(Token(), other, setup.deadline)
        assert first.kid == second.kid
        assert first.public.public_numbers() != second.public.public_numbers()

    def test_the_loopback_switch_reaches_the_fetcher(self) -> None:
        """Plain http is a decision of the issuer's own configuration."""
        issuer = issuer_of(KeySourceConfig("https", JWKS, ISSUER, http_loopback=True))
        setup = Setup(issuer)
        setup.find()
        assert setup.fetcher.loopback == [True]


class TestRefresh:
    """What a new key set does, and what a bad one does not do."""

    @pytest.mark.parametrize(
        ("page", "error"),
        [
            (b"no json", "invalid_key_set"),
            (b"[]", "invalid_key_set"),
            (b'{"keys": {}}', "invalid_key_set"),
            (b'{"keys": []}', "empty_key_set"),
            (b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', "empty_key_set"),
            (json.dumps({"keys": [{}] * 101}).encode(), "invalid_key_set"),
            ("redirect_refused", "redirect_refused"),
            ("timeout", "timeout"),
        ],
    )
    def test_a_failed_or_empty_refresh_never_empties_the_cache(self, page: bytes | str, error: str) -> None:
        """Whatever the issuer answers instead of keys, the keys in hand go on being served."""
        setup = Setup()
        setup.find()
        generation = setup.source.generation("main")
        setup.fetcher.pages[JWKS] = page
        setup.clock.pass_time(LIMITS.soft_default)
        assert setup.how() == "stale"
        (health,) = setup.source.health()
        assert (health.last_error, health.keys) == (error, 1)
        assert setup.source.generation("main") == generation

    def test_a_rotation_is_followed_and_the_withdrawn_key_is_gone(self) -> None:
        """The new key is found 2 s after the last look, and then the old one is gone."""
        setup = Setup()
        setup.find()
        setup.fetcher.pages[JWKS] = key_set("b")
        setup.clock.pass_time(LIMITS.unknown_gap)
        assert setup.how("b") == "fetched"
        assert setup.source.generation("main") == 2
        with pytest.raises(UnknownKeyError):
            setup.find("a")

    def test_the_same_kid_with_new_material_takes_effect(self) -> None:
        """A kid is a name; the key behind it is the one last published."""
        setup = Setup()
        before = setup.source.find(Token(), AT_ADDRESS, setup.deadline).public.public_numbers()
        setup.fetcher.pages[JWKS] = json.dumps({"keys": [{**public_jwk("b"), "kid": "a"}]}).encode()
        setup.clock.pass_time(LIMITS.soft_default)
        after = setup.source.find(Token(), AT_ADDRESS, setup.deadline).public.public_numbers()
        assert before != after
        assert setup.source.generation("main") == 2

    def test_private_and_symmetric_keys_are_left_out_and_reported(self) -> None:
        """A key set that gives away secrets still serves its public keys, and says what is wrong."""
        keys = [public_jwk("a"), {**public_jwk("b"), "d": "AAAA"}, {"kty": "oct", "kid": "c", "k": "AAAA"}]
        setup = Setup(pages={JWKS: json.dumps({"keys": keys}).encode()})
        assert setup.find() == "a"
        assert setup.source.health()[0].skipped == ("private", "symmetric")
        with pytest.raises(UnknownKeyError):
            setup.find("b")

    def test_two_keys_of_one_kid_are_ambiguous(self) -> None:
        """Where kid and alg do not name one key, no key is chosen."""
        keys = [public_jwk("a"), {**public_jwk("b"), "kid": "a"}]
        setup = Setup(pages={JWKS: json.dumps({"keys": keys}).encode()})
        with pytest.raises(UnknownKeyError):
            setup.find("a")


class TestDiscovery:
    """Keys by way of the issuer's metadata."""

    PAGES = {WELL_KNOWN: json.dumps({"issuer": ISSUER, "jwks_uri": JWKS}).encode()}  # noqa: RUF012 - read only

    def test_the_address_is_discovered_once(self) -> None:
        """Metadata is fetched with the first keys and kept, so that a refresh is one request."""
        setup = Setup(DISCOVERED, self.PAGES)
        setup.find()
        setup.clock.pass_time(LIMITS.soft_default)
        setup.find()
        assert setup.fetcher.asked == [WELL_KNOWN, JWKS, JWKS]
        assert len(set(setup.fetcher.deadlines[:2])) == 1

    def test_the_address_is_discovered_again_after_a_failure(self) -> None:
        """An issuer that moved its keys is followed at the next attempt."""
        setup = Setup(DISCOVERED, self.PAGES)
        setup.find()
        setup.fetcher.pages[JWKS] = "http_404"
        setup.fetcher.pages["https://id.example/new"] = key_set("a")
        setup.fetcher.pages[WELL_KNOWN] = json.dumps(
            {"issuer": ISSUER, "jwks_uri": "https://id.example/new"}
        ).encode()
        setup.clock.pass_time(LIMITS.soft_default)
        assert setup.how() == "stale"
        setup.clock.pass_time(LIMITS.backoff_first)
        assert setup.how() == "fetched"

    def test_the_address_is_discovered_again_after_the_hard_age(self) -> None:
        """Metadata is believed no longer than keys could be."""
        setup = Setup(DISCOVERED, self.PAGES)
        setup.find()
        for _ in range(LIMITS.hard // LIMITS.soft_default):
            setup.clock.pass_time(LIMITS.soft_default)
            setup.find()
        assert setup.fetcher.asked.count(WELL_KNOWN) == 2

    def test_metadata_of_another_issuer_gives_no_keys(self) -> None:
        """Not even those at the address it names."""
        setup = Setup(DISCOVERED, {WELL_KNOWN: json.dumps({"issuer": "https://evil", "jwks_uri": JWKS}).encode()})
        with pytest.raises(KeysUnavailableError, match="issuer_mismatch"):
            setup.find()
        assert setup.fetcher.asked == [WELL_KNOWN]


class TestFiles:
    """Keys that need no network."""

    def test_a_file_is_read_at_start_relative_to_the_directory(self, tmp_path: Path) -> None:
        """`file:` needs no request, ever."""
        (tmp_path / "keys.json").write_bytes(key_set("a"))
        fetcher = FakeFetcher({})
        issuer = issuer_of(KeySourceConfig("file", "keys.json", ISSUER))
        source = KeySource([issuer], fetcher=fetcher, clock=FakeClock(), directory=str(tmp_path))
        assert source.look_up(Token(), issuer, 0).cache == "fresh"
        with pytest.raises(UnknownKeyError):
            source.find(Token("b"), issuer, 0)
        source.prefetch(10_000)
        source.before_snapshot()
        source.after_restore()
        assert source.look_up(Token(), issuer, 10_000).cache == "fresh"
        assert fetcher.asked == []

    def test_inline_keys(self) -> None:
        """Keys in the rules file itself."""
        issuer = issuer_of(KeySourceConfig("inline", key_set("a").decode(), ISSUER))
        assert KeySource([issuer]).find(Token(), issuer, 0).kid == "a"

    @pytest.mark.parametrize(
        ("config", "found"),
        [
            (KeySourceConfig("file", "missing.json", ISSUER), "FileNotFoundError"),
            (KeySourceConfig("file", "big.json", ISSUER), "a larger file"),
            (KeySourceConfig("file", "text.json", ISSUER), "no JWK set"),
            (KeySourceConfig("inline", '{"keys": []}', ISSUER), "it holds none"),
            (KeySourceConfig("inline", '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', ISSUER), "symmetric"),
        ],
    )
    def test_unusable_files_stop_the_start(self, tmp_path: Path, config: KeySourceConfig, found: str) -> None:
        """The message names file and key and never shows what is inside."""
        (tmp_path / "big.json").write_bytes(b" " * (512 * 1024 + 1))
        (tmp_path / "text.json").write_text("c2VjcmV0")
        with pytest.raises(ConfigurationError, match=found) as caught:
            KeySource([issuer_of(config)], directory=str(tmp_path))
        assert "issuer main: jwks" in str(caught.value)
        assert "c2VjcmV0" not in str(caught.value)

    def test_bundled_keys_import_no_socket(self) -> None:
        """A function with its keys in a file never pays for `ssl` and `socket`."""
        code = (
            "import sys; before = set(sys.modules)\n"
            "import lambda_authorizer.fetch.source\n"
            "print(sorted((set(sys.modules) - before) & {'ssl', 'socket', 'http', 'requests', 'urllib.parse',"
            " 'dataclasses', 'pathlib', 'asyncio', 'inspect'}))"
        )
        assert run_python(code) == "[]\n"


class TestPrefetch:
    """Before anybody asks."""

    def test_prefetch_fetches_what_is_due_and_nothing_else(self) -> None:
        """The first caller after a prefetch finds fresh keys."""
        setup = Setup()
        setup.source.prefetch(setup.deadline)
        setup.source.prefetch(setup.deadline)
        assert setup.how() == "fresh"
        assert setup.fetcher.asked == [JWKS]

    def test_what_was_prefetched_is_ready_to_verify(self) -> None:
        """Keys are built at start, not by the first caller; equal keys are not built again."""
        setup = Setup()
        setup.source.prefetch()
        key = setup.source.find(Token(), AT_ADDRESS, setup.deadline)
        assert set(key._checks) == {"ES256"}
        setup.clock.pass_time(LIMITS.soft_default)
        setup.source.prefetch()
        assert setup.source.find(Token(), AT_ADDRESS, setup.deadline) is key

    def test_a_failed_prefetch_is_no_error(self) -> None:
        """The function starts without its issuer; the health record says so."""
        setup = Setup(pages={JWKS: "timeout"})
        setup.source.prefetch()
        assert setup.source.health()[0].last_error == "timeout"
        assert setup.fetcher.deadlines == [setup.clock.monotonic + LIMITS.budget]

    def test_a_snapshot_carries_keys_and_a_restore_asks_again(self) -> None:
        """Keys withdrawn since the snapshot are gone after the restore."""
        setup = Setup()
        setup.source.before_snapshot()
        setup.fetcher.pages[JWKS] = key_set("b")
        setup.source.after_restore()
        assert setup.how("b") == "fresh"
        with pytest.raises(UnknownKeyError):
            setup.find("a")

    def test_a_restore_without_the_issuer_falls_back_on_the_snapshot(self) -> None:
        """By their age: days after the snapshot they are refused, whatever the monotonic clock says."""
        setup = Setup()
        setup.source.before_snapshot()
        setup.fetcher.pages[JWKS] = "timeout"
        setup.source.after_restore()
        assert setup.how() == "stale"
        setup.clock.wall += LIMITS.hard
        with pytest.raises(KeysUnavailableError):
            setup.find()


class Gate:
    """A document that is served only when the test opens the gate."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> bytes:
        """Serve the document once the gate is open."""
        self.entered.set()
        assert self.open.wait(10)
        return self.body


def in_threads(count: int, action: Callable[[], str]) -> tuple[list[threading.Thread], list[str]]:
    """Start the action in several threads; return them and the list that their results go into."""
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(action())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


class TestParallel:
    """Threads of one process share one fetch."""

    def test_concurrent_misses_cause_one_fetch(self) -> None:
        """Twenty callers without keys: one request, twenty keys."""
        gate = Gate(key_set("a"))
        fetcher = FakeFetcher({JWKS: gate})
        source = KeySource([AT_ADDRESS], fetcher=fetcher)
        deadline = SystemClock().monotonic_ms() + 10_000
        threads, results = in_threads(20, lambda: source.look_up(Token(), AT_ADDRESS, deadline).cache)
        assert gate.entered.wait(10)
        gate.open.set()
        for thread in threads:
            thread.join(10)
        assert len(results) == 20
        assert set(results) <= {"fetched", "fresh"}
        assert fetcher.asked == [JWKS]

    def test_concurrent_misses_of_one_new_kid_cause_one_fetch(self) -> None:
        """After a rotation the first miss fetches, the others wait for its result."""
        clock = FakeClock()
        fetcher = FakeFetcher({JWKS: key_set("a")})
        source = KeySource([AT_ADDRESS], fetcher=fetcher, clock=clock)
        source.find(Token(), AT_ADDRESS, clock.monotonic + 5_000)
        clock.pass_time(60_000)
        gate = Gate(key_set("b"))
        fetcher.pages[JWKS] = gate
        deadline = clock.monotonic + 5_000
        threads, results = in_threads(8, lambda: source.find(Token("b"), AT_ADDRESS, deadline).kid or "")
        assert gate.entered.wait(10)
        gate.open.set()
        for thread in threads:
            thread.join(10)
        assert results == ["b"] * 8
        assert len(fetcher.asked) == 2

    def test_good_keys_are_served_while_another_refreshes_ahead(self) -> None:
        """Nobody waits for a refresh that is not yet needed; an unknown kid does."""
        clock = FakeClock()
        fetcher = FakeFetcher({JWKS: key_set("a")})
        source = KeySource([AT_ADDRESS], fetcher=fetcher, clock=clock, jitter=lambda: 0)
        source.find(Token(), AT_ADDRESS, clock.monotonic + 5_000)
        clock.pass_time(LIMITS.soft_default - 1)
        gate = Gate(key_set("a", "b"))
        fetcher.pages[JWKS] = gate
        deadline = clock.monotonic + 5_000
        threads, refreshed = in_threads(1, lambda: source.look_up(Token(), AT_ADDRESS, deadline).cache)
        assert gate.entered.wait(10)
        assert source.look_up(Token(), AT_ADDRESS, deadline).cache == "fresh"
        source.prefetch()
        more, found = in_threads(1, lambda: source.find(Token("b"), AT_ADDRESS, deadline).kid or "")
        gate.open.set()
        for thread in [*threads, *more]:
            thread.join(10)
        assert (refreshed, found) == (["fetched"], ["b"])
        assert len(fetcher.asked) == 2

    def test_nobody_waits_past_their_own_deadline(self) -> None:
        """A caller with less time than the fetch takes gets stale keys, or an outage where there are none."""
        gate = Gate(key_set("a"))
        fetcher = FakeFetcher({JWKS: gate})
        source = KeySource([AT_ADDRESS], fetcher=fetcher)
        clock = SystemClock()
        threads, _ = in_threads(1, lambda: str(source.find(Token(), AT_ADDRESS, clock.monotonic_ms() + 10_000)))
        assert gate.entered.wait(10)
        with pytest.raises(KeysUnavailableError):
            source.find(Token(), AT_ADDRESS, clock.monotonic_ms() + LIMITS.least + 50)
        gate.open.set()
        threads[0].join(10)
        assert fetcher.asked == [JWKS]

    def test_a_defect_in_the_fetcher_leaves_nobody_waiting(self) -> None:
        """An unforeseen exception ends the flight like a failure does, and is not swallowed."""

        def broken() -> bytes:
            raise RuntimeError("a defect")

        clock = FakeClock()
        fetcher = FakeFetcher({JWKS: broken})
        source = KeySource([AT_ADDRESS], fetcher=fetcher, clock=clock)
        with pytest.raises(RuntimeError):
            source.find(Token(), AT_ADDRESS, clock.monotonic + 3_000)
        assert source.health()[0].last_error == "interrupted"
        clock.pass_time(LIMITS.backoff_first)
        fetcher.pages[JWKS] = key_set("a")
        assert source.find(Token(), AT_ADDRESS, clock.monotonic + 3_000).kid == "a"


FORK = """
import os, sys, threading
sys.path[:0] = {paths!r}
from lambda_authorizer.fetch import Fetched, SystemClock
from lambda_authorizer.fetch.source import KeySource
from tests.fetch.fakes import AT_ADDRESS, Token, key_set

entered, release = threading.Event(), threading.Event()
parent = os.getpid()
body = key_set("a")

def fetch(url, deadline, *, http_loopback=False):
    if os.getpid() == parent:
        entered.set()
        release.wait(10)
    return Fetched(body, None)

source = KeySource([AT_ADDRESS], fetcher=fetch)
later = SystemClock().monotonic_ms() + 10_000
thread = threading.Thread(target=lambda: source.find(Token(), AT_ADDRESS, later))
thread.start()
entered.wait(10)                       # a fetch is under way in the parent …
child = os.fork()
if child == 0:                         # … and nobody in the child will ever end it
    os.write(1, source.look_up(Token(), AT_ADDRESS, later).cache.encode())
    os._exit(0)
os.waitpid(child, 0)
release.set()
thread.join(10)
"""


def run_python(code: str) -> str:
    """Run code in a Python of its own and return what it prints."""
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": f"{root / 'layers/authorizer'}:{root}", "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert result.stderr == ""
    return result.stdout


def test_a_fork_in_the_middle_of_a_fetch_does_not_hang_the_child() -> None:
    """Managed instances fork: the child makes its own fetch and waits for nobody who is not there."""
    assert run_python(FORK.format(paths=[])) == "fetched"


def test_every_source_gets_new_locks_after_a_fork() -> None:
    """What the child's hook does, seen from inside: no flight and no lock of the parent is left."""
    source = KeySource([AT_ADDRESS], fetcher=FakeFetcher({JWKS: key_set("a")}))
    entry = source._entries["main"]
    entry.condition.acquire()
    entry.flying = True
    _renew_after_fork()
    assert source.find(Token(), AT_ADDRESS, SystemClock().monotonic_ms() + 3_000).kid == "a"


def test_chance_comes_from_the_kernel() -> None:
    """Two sources with nothing given spread their refreshes by chance that snapshots do not share."""
    source = KeySource([AT_ADDRESS], fetcher=FakeFetcher({}))
    drawn = {source._jitter() for _ in range(200)}
    assert len(drawn) > 100
    assert drawn <= set(range(1_000))


def test_the_default_fetcher_speaks_https_only() -> None:
    """Without a fetcher of the test's the real one is made, at the first fetch, and refuses http."""
    issuer = issuer_of(KeySourceConfig("https", "http://127.0.0.1:9/keys", ISSUER))
    source = KeySource([issuer])
    with pytest.raises(KeysUnavailableError, match="scheme_refused"):
        source.find(Token(), issuer, SystemClock().monotonic_ms() + 3_000)


def test_the_system_clock_goes_on() -> None:
    """Both clocks are milliseconds, and the slug of an error is its text."""
    clock = SystemClock()
    assert clock.wall_ms() > 1_700_000_000_000
    assert clock.monotonic_ms() <= clock.monotonic_ms()
    assert str(FetchError("timeout")) == "timeout"
