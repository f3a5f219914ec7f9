"""The keys of every issuer, fetched when `keys.KeyCache` says so.

Laws of this file:

1. It decides nothing: it reads the clocks, asks the machine, fetches, and reports. Only `look_up` fetches for a
   caller, and never for an issuer that nobody configured.
2. One fetch at a time and issuer; who comes meanwhile waits for it, no longer than to its own deadline.
3. The usual call takes no lock and makes no system call but the two clock readings.
4. Nothing survives a fork or a restored snapshot but the keys: locks, waits and chance are made anew.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os
from functools import cache
from typing import TYPE_CHECKING

from lambda_authorizer.errors import KeysUnavailableError, UnknownKeyError
from lambda_authorizer.fetch import FetchError, SystemClock
from lambda_authorizer.jwk import InvalidKeySetError, parse_key_set
from lambda_authorizer.keys import PURPOSES, KeyCache, Limits, elapsed

if TYPE_CHECKING:
    import threading
    import weakref
    from collections.abc import Callable, Sequence
    from typing import Final, Literal, Protocol

    from lambda_authorizer.fetch import Clock, Fetcher
    from lambda_authorizer.fetch.http import HttpFetcher
    from lambda_authorizer.jwk import Key, KeySet
    from lambda_authorizer.keys import Instant, KeyHealth, Purpose, Verdict
    from lambda_authorizer.tokens import Issuer, KeySourceConfig

    How = Literal["fresh", "stale", "fetched"]

    class Header(Protocol):
        """What of a token the key source looks at; `UnverifiedToken` is one."""

        @property
        def algorithm(self) -> str:
            """`alg` of the header, one of the issuer's algorithms."""

        @property
        def key_id(self) -> str | None:
            """`kid` of the header."""


_CLOCK_SLACK: Final = 300_000  # a seed dated further in the future than this is not used


class Found:
    """A key, and how it was come by, for the log."""

    __slots__ = ("age_ms", "cache", "key")

    def __init__(self, key: Key, cache: How, age_ms: int) -> None:
        self.key = key
        self.cache = cache
        self.age_ms = age_ms


class KeySource:
    """Finds the key for a token among the keys of its issuer."""

    def __init__(  # noqa: PLR0913 - each is a seam of its own, and all but the first have a default
        self,
        issuers: Sequence[Issuer],
        *,
        fetcher: Fetcher | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
        jitter: Callable[[], int] | None = None,
        directory: str = ".",
        ca_directory: str | None = None,
    ) -> None:
        """Read files and inline keys; nothing is fetched.

        Args:
            issuers: those with a `key_source` get an entry.
            fetcher: default: `HttpFetcher`, made by the first fetch.
            clock: default: the machine's.
            limits: default: the numbers of `keys.Limits`.
            jitter: returns 0 to 999 by chance; default: the kernel's, because snapshots share what Python holds.
            directory: what paths of key files are relative to.
            ca_directory: hashed directory of root certificates; default: the system's trust.

        Raises:
            ConfigurationError: a key file or inline key set cannot be used.
        """
        self._fetcher = fetcher
        self._http: HttpFetcher | None = None
        self._ca_directory = ca_directory
        self._clock: Clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._jitter = jitter or _kernel_jitter
        self._caches: dict[str, KeyCache] = {}
        self._entries: dict[str, _Entry] = {}  # of those caches that are filled by fetching
        now = self._now()
        for issuer in issuers:
            config = issuer.key_source
            if config is None:
                continue
            if config.kind in {"file", "inline"}:
                from lambda_authorizer.fetch.seed import static_cache

                self._caches[issuer.name] = static_cache(issuer, config, self._limits, now, directory)
                continue
            found = _fetched(issuer, config, self._limits, now, directory)
            self._caches[issuer.name] = found
            self._entries[issuer.name] = _Entry(config, issuer.algorithms, found, now)
        if self._entries:
            _forked().add(self)

    # Asking

    def find(self, token: Header, issuer: Issuer, deadline: int) -> Key:
        """Return the key for this token.

        Raises:
            UnknownKeyError: the issuer has no such key, as of at most a cooldown ago.
            KeysUnavailableError: there are no keys, and none could be had by `deadline` (monotonic milliseconds).
        """
        return self.look_up(token, issuer, deadline).key

    def look_up(self, token: Header, issuer: Issuer, deadline: int) -> Found:
        """Do what `find` does, and say where the key came from.

        Raises:
            UnknownKeyError: as `find`.
            KeysUnavailableError: as `find`.
        """
        keys = self._caches.get(issuer.name)
        if keys is None:
            raise KeysUnavailableError("the issuer has no key source")
        kid, alg = token.key_id, token.algorithm
        now = self._now()
        verdict, key = keys.decide(now, kid, alg, deadline - now[1])
        fetched = False
        if verdict in PURPOSES:  # never of keys that are not fetched
            verdict, key, fetched = self._settle(self._entries[issuer.name], (kid, alg), deadline)
            now = self._now()
        if key is not None:
            how: How = "fetched" if fetched else "stale" if verdict == "stale" else "fresh"
            return Found(key, how, keys.age(now) or 0)
        if verdict == "unknown_key":
            raise UnknownKeyError("the issuer has no key that fits the token's kid and alg")
        why = keys.last_error or "not asked in time"
        raise KeysUnavailableError(f"no keys of issuer {issuer.name}: {why}")

    def generation(self, issuer_name: str) -> int:
        """Return a number that changes whenever the issuer's key set does; 0 before there is one."""
        keys = self._caches.get(issuer_name)
        return 0 if keys is None else keys.generation

    def health(self) -> tuple[KeyHealth, ...]:
        """Return the state of each issuer's keys as data."""
        now = self._now()
        return tuple(keys.health(name, now) for name, keys in self._caches.items())

    # Before anybody asks

    def prefetch(self, deadline: int | None = None) -> None:
        """Fetch what is due, for use at start; failures are in `health`, the first caller will try again."""
        for entry in self._entries.values():
            now = self._now()
            with entry.condition:
                purpose = None if entry.flying else entry.cache.due(now)
                if purpose is None:
                    continue
                entry.flying = True
                entry.cache.begin(now, purpose)
            end = now[1] + self._limits.budget if deadline is None else deadline
            before = entry.cache.generation
            keys = self._fly(entry, purpose, None, end)
            if keys is not None and entry.cache.generation != before:
                keys.prepare(entry.algorithms)  # the first caller finds them ready to verify

    def before_snapshot(self) -> None:
        """Take keys into the snapshot, so that a restored sandbox has something to fall back on."""
        self.prefetch()

    def after_restore(self) -> None:
        """Ask again: keys may have been withdrawn since, and no clock is trusted to say how long ago."""
        self.renew_locks()
        for entry in self._entries.values():
            entry.cache.restored()
        self.prefetch()

    def renew_locks(self) -> None:
        """Forget locks and flights of another process or another time."""
        for entry in self._entries.values():
            entry.condition = _condition()
            entry.flying = False

    # Fetching

    def _settle(
        self, entry: _Entry, asked: tuple[str | None, str], deadline: int
    ) -> tuple[Verdict, Key | None, bool]:
        """Fetch, or wait for the fetch that is under way; return the answer and whether a fetch brought it."""
        waited = False
        with entry.condition:
            while True:
                now = self._now()
                left = deadline - now[1]
                verdict, key = entry.cache.decide(now, *asked, left)
                purpose = PURPOSES.get(verdict)
                if purpose is None:
                    return verdict, key, waited and verdict == "fresh"
                if not entry.flying:
                    entry.flying = True
                    entry.cache.begin(now, purpose)
                    break
                if purpose == "ahead":
                    verdict, key = entry.cache.settle(now, *asked)
                    if key is not None:
                        return verdict, key, False  # good keys are served while somebody else refreshes them
                if not entry.condition.wait(left / 1000):
                    # No time left to wait; and about an unknown kid nobody has been asked.
                    verdict, key = entry.cache.settle(self._now(), *asked)
                    return ("keys_unavailable" if key is None else verdict), key, False
                waited = True
        fetched = self._fly(entry, purpose, asked, deadline)
        verdict, key = entry.cache.settle(self._now(), *asked)
        return verdict, key, fetched is not None

    def _fly(
        self, entry: _Entry, purpose: Purpose, asked: tuple[str | None, str] | None, deadline: int
    ) -> KeySet | None:
        """Fetch once, report to the machine, wake who waits; return what was fetched, if it succeeded."""
        started = self._now()
        keys: KeySet | None = None
        max_age: int | None = None
        error = "interrupted"
        try:
            keys, max_age = self._fetch(entry, min(deadline, started[1] + self._limits.budget))
        except FetchError as failure:
            error = failure.slug
        finally:
            # Also where a defect shows or the process is torn down: nobody may wait for ever.
            with entry.condition:
                if keys is None:
                    entry.jwks_uri = None
                    entry.cache.fail(self._now(), error, jitter=self._jitter(), purpose=purpose)
                else:
                    entry.cache.renew(
                        started,
                        keys,
                        count=len(keys.keys),
                        skipped=keys.skipped,
                        max_age=max_age,
                        jitter=self._jitter(),
                        purpose=purpose,
                        asked=asked,
                    )
                entry.flying = False
                entry.condition.notify_all()
        return keys

    def _fetch(self, entry: _Entry, deadline: int) -> tuple[KeySet, int | None]:
        """Return the issuer's usable keys and the max-age of their document."""
        if self._fetcher is not None:
            return self._read(entry, self._fetcher, deadline)
        if self._http is None:
            from lambda_authorizer.fetch.http import HttpFetcher  # bundled keys need no socket

            self._http = HttpFetcher(ca_directory=self._ca_directory)
        if entry.config.kind != "discover":
            return self._read(entry, self._http, deadline)
        with self._http.conversation() as fetch:
            return self._read(entry, fetch, deadline)

    def _read(self, entry: _Entry, fetch: Fetcher, deadline: int) -> tuple[KeySet, int | None]:
        config = entry.config
        if config.kind == "discover":
            now = self._now()
            if entry.jwks_uri is None or elapsed(entry.discovered, now) >= self._limits.hard:
                from lambda_authorizer.fetch.discovery import discover

                entry.jwks_uri = discover(
                    fetch,
                    config.value,
                    config.issuer,
                    "jwks_uri",
                    deadline,
                    http_loopback=config.http_loopback,
                )
                entry.discovered = now
            address = entry.jwks_uri
        else:
            address = config.value
        fetched = fetch(address, deadline, http_loopback=config.http_loopback)
        try:
            keys = parse_key_set(fetched.body)
        except InvalidKeySetError:
            raise FetchError("invalid_key_set") from None
        if not keys.keys:
            raise FetchError("empty_key_set")
        return keys, fetched.max_age

    def _now(self) -> Instant:
        return self._clock.wall_ms(), self._clock.monotonic_ms()


class _Entry:
    """One issuer whose keys are fetched: its machine, and what the driver needs around it."""

    __slots__ = ("algorithms", "cache", "condition", "config", "discovered", "flying", "jwks_uri")

    def __init__(
        self, config: KeySourceConfig, algorithms: tuple[str, ...], cache: KeyCache, now: Instant
    ) -> None:
        self.config = config
        self.algorithms = algorithms
        self.cache = cache
        self.condition = _condition()
        self.flying = False
        self.jwks_uri: str | None = None
        self.discovered = now


def _condition() -> threading.Condition:
    """Return a condition of its own lock; a process whose keys lie in files has no use for `threading`."""
    import threading

    return threading.Condition(threading.Lock())


def _fetched(issuer: Issuer, config: KeySourceConfig, limits: Limits, now: Instant, directory: str) -> KeyCache:
    """Return the keys of an issuer before the first fetch: none, or those of its seed."""
    held = KeyCache(limits)
    if config.seed is not None:
        from lambda_authorizer.fetch.seed import read_seed

        key = f"issuer {issuer.name}: jwks_seed"
        keys, retrieved = read_seed(config.seed, directory=directory, key=key, issuer=config.issuer)
        if retrieved <= now[0] + _CLOCK_SLACK:
            # Its age counts from the day it was retrieved, by the wall clock; from here on by both.
            held.renew(
                (retrieved, now[1]),
                keys,
                count=len(keys.keys),
                skipped=keys.skipped,
                hard=config.seed_max_age * 1_000,
            )
            keys.prepare(issuer.algorithms)
    return held


def _kernel_jitter() -> int:
    """Return 0 to 999 from the kernel's source, which sandboxes restored from one snapshot do not share."""
    return int.from_bytes(os.urandom(4), "big") % 1_000


@cache
def _forked() -> weakref.WeakSet[KeySource]:
    """Return the sources that fetch, which the child of a fork makes ready."""
    import weakref

    os.register_at_fork(after_in_child=_renew_after_fork)
    return weakref.WeakSet()


def _renew_after_fork() -> None:
    """Let no lock and no flight of the parent live on: no other thread is alive that could ever end it."""
    for source in tuple(_forked()):
        source.renew_locks()
