"""Opaque tokens: the issuer is asked what they mean (RFC 7662), and believed for a stated time.

Laws of this file:

1. Only an answer with the boolean `active: true` leads to claims, and those are checked like a token's, each time.
2. An outage is never a statement about the token: `IntrospectionUnavailableError`, not 401.
3. A token is a key of nothing and text of nothing: answers are kept under its SHA-256, and it travels in a form.
4. Memory is bounded: 1,024 answers of at most 8 KiB; the oldest leave first, a larger one is asked for each time.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from lambda_authorizer.encoding import decode_json
from lambda_authorizer.errors import InactiveTokenError, IntrospectionUnavailableError
from lambda_authorizer.fetch import FetchError, SystemClock
from lambda_authorizer.fetch.client_auth import ClientAuth, check_secret, secret_reader
from lambda_authorizer.keys import elapsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final, Protocol

    from lambda_authorizer.fetch import Clock, Fetcher
    from lambda_authorizer.fetch.client_auth import ReadSecret
    from lambda_authorizer.keys import Instant
    from lambda_authorizer.tokens import IntrospectionConfig, Issuer
    from lambda_authorizer.tokens.verify import Claims

    class Poster(Protocol):
        """One POST of a form."""

        def __call__(
            self,
            url: str,
            form: Mapping[str, str],
            headers: Mapping[str, str],
            deadline: int,
            *,
            http_loopback: bool = False,
        ) -> bytes:
            """Return the text of a JSON answer, or raise `FetchError`, before `deadline`."""

        def close(self) -> None:
            """Drop what must not survive a snapshot."""


MAX_ENTRIES: Final = 1_024
MAX_TEXT: Final = 8 * 1024
BUDGET: Final = 3_000
ADDRESS_AGE: Final = 14_400_000  # 4 h, as for the address of keys
BACKOFF_FIRST: Final = 500
BACKOFF_MOST: Final = 8_000
_LEAST: Final = 100
# The endpoint's words for "I do not know this client", and what a client with a rotated secret hears.
_REFUSED: Final = frozenset({"http_400", "http_401", "http_403", "secret_unusable"})
_MAX_SECONDS: Final = 253_402_300_800  # the year 10000


class IntrospectionHealth(NamedTuple):
    """The introspection of one issuer as data."""

    issuer: str
    asked: int
    failures: int
    last_error: str | None  # slug of the latest failure since the latest success
    kept: int


class Introspector:
    """Asks the issuer of opaque tokens what they mean."""

    def __init__(  # noqa: PLR0913 - each is a seam of its own, and all but the first have a default
        self,
        issuers: Sequence[Issuer],
        *,
        environ: Mapping[str, str] | None = None,
        post: Poster | None = None,
        fetcher: Fetcher | None = None,
        clock: Clock | None = None,
        read_secret: ReadSecret | None = None,
        ca_directory: str | None = None,
    ) -> None:
        """Prepare the issuers that have `introspection`; nobody is asked.

        Args:
            issuers: the others are passed over.
            environ: where "env:NAME" secrets are; default: the process's.
            post: default: `FormPoster`, made by the first request.
            fetcher: for discovery; default: `HttpFetcher`, made by the first one.
            clock: default: the machine's.
            read_secret: default: environment, Secrets Manager and SSM.
            ca_directory: hashed directory of root certificates; default: the system's trust.

        Raises:
            ConfigurationError: a secret is to come from a variable that is not set.
        """
        environment = os.environ if environ is None else environ
        self._clock: Clock = clock or SystemClock()
        self._post = post
        self._fetcher = fetcher
        self._ca_directory = ca_directory
        self._asked: dict[str, _Asked] = {}
        for issuer in issuers:
            if issuer.introspection is not None:
                check_secret(issuer.introspection, environment, f"issuer {issuer.name}")
                auth = ClientAuth(issuer.introspection, read_secret or secret_reader(environment))
                self._asked[issuer.name] = _Asked(issuer.introspection, auth)

    def claims(self, token_text: str, issuer: Issuer, deadline: int) -> Claims:
        """Return the claims that the issuer gives for this token.

        Args:
            token_text: the credential, bounded by whoever read it from the request.
            issuer: one with `introspection`.
            deadline: monotonic milliseconds at which everything has ended.

        Raises:
            InactiveTokenError: the issuer says so, now or within the negative cache's time.
            IntrospectionUnavailableError: the issuer could not be asked, or its answer is none.
            TokenError: a claim of the answer fails a check, as a token's would.
        """
        asked = self._asked.get(issuer.name)
        if asked is None:
            raise IntrospectionUnavailableError("the issuer has no introspection")
        name = sha256(token_text.encode("utf-8", "surrogatepass")).digest()
        now = self._now()
        body = asked.kept(name, now)
        if body is None:
            if deadline - now[1] < _LEAST or asked.backing_off(now):
                raise IntrospectionUnavailableError(
                    f"issuer {issuer.name} was not asked: {asked.last_error or 'no time'}"
                )
            try:
                body, document = self._ask(asked, token_text, min(deadline, now[1] + BUDGET))
            except FetchError as error:
                asked.fail(self._now(), error.slug)
                raise IntrospectionUnavailableError(f"issuer {issuer.name}: {error.slug}") from None
            active = document["active"] is True
            asked.succeed(name, body if active else b"", now, _lifetime(document, asked.config, now))
        else:
            document = decode_json(body) if body else {"active": False}
        if document["active"] is not True:
            raise InactiveTokenError("the issuer says that the token is not active")
        from lambda_authorizer.tokens.verify import verify_introspected

        return verify_introspected(document, issuer, self._clock.wall_ms() / 1_000)

    def health(self) -> tuple[IntrospectionHealth, ...]:
        """Return the state of each issuer's introspection as data."""
        return tuple(asked.health(name) for name, asked in self._asked.items())

    def before_snapshot(self) -> None:
        """Leave no connection and no answer in the snapshot."""
        self.after_restore()

    def after_restore(self) -> None:
        """Ask anew: tokens may have been revoked since."""
        if self._post is not None:
            self._post.close()
        for asked in self._asked.values():
            asked.clear()

    def _ask(self, asked: _Asked, token_text: str, deadline: int) -> tuple[bytes, dict[str, Any]]:
        """Return text and value of the issuer's answer."""
        config = asked.config
        fields, headers = asked.auth.apply(config.issuer)
        if self._post is None:
            from lambda_authorizer.fetch.post import FormPoster  # `requests` is off the start path

            self._post = FormPoster(ca_directory=self._ca_directory)
        form = {"token": token_text, "token_type_hint": "access_token", **fields}
        address = self._address(asked, deadline)
        body = self._post(address, form, headers, deadline, http_loopback=config.http_loopback)
        try:
            document = decode_json(body)
        except ValueError:
            raise FetchError("invalid_answer") from None
        if not isinstance(document, dict) or not isinstance(document.get("active"), bool):
            raise FetchError("invalid_answer")
        return body, document

    def _address(self, asked: _Asked, deadline: int) -> str:
        config = asked.config
        if config.endpoint != "discover":
            return config.endpoint
        now = self._now()
        if asked.address is not None and elapsed(asked.address[1], now) < ADDRESS_AGE:
            return asked.address[0]
        if self._fetcher is None:
            from lambda_authorizer.fetch.http import HttpFetcher

            self._fetcher = HttpFetcher(ca_directory=self._ca_directory)
        from lambda_authorizer.fetch.discovery import discover

        address = discover(
            self._fetcher,
            config.issuer,
            config.issuer,
            "introspection_endpoint",
            deadline,
            http_loopback=config.http_loopback,
        )
        asked.address = (address, now)
        return address

    def _now(self) -> Instant:
        return self._clock.wall_ms(), self._clock.monotonic_ms()


class _Asked:
    """One issuer: its answers kept, and how its failures are spaced.

    Without a lock, which a fork could leave held: each step on the dictionary is one the interpreter does whole.
    """

    __slots__ = (
        "_answers",
        "_count",
        "_failed",
        "_failures",
        "_in_a_row",
        "address",
        "auth",
        "config",
        "last_error",
    )

    def __init__(self, config: IntrospectionConfig, auth: ClientAuth) -> None:
        self.config = config
        self.auth = auth
        self.address: tuple[str, Instant] | None = None
        self.last_error: str | None = None
        self._answers: dict[bytes, tuple[bytes, Instant, int]] = {}
        self._failed: tuple[Instant, int] | None = None
        self._in_a_row = 0
        self._count = 0
        self._failures = 0

    def kept(self, name: bytes, now: Instant) -> bytes | None:
        """Return the answer kept for this token, b"" for an inactive one, None where the issuer must be asked."""
        answer = self._answers.get(name)
        if answer is None or elapsed(answer[1], now) >= answer[2]:
            return None
        return answer[0]

    def succeed(self, name: bytes, body: bytes, started: Instant, milliseconds: int) -> None:
        """Keep an answer for its time, which counts from before it was asked for."""
        self._count += 1
        self._failed = None
        self._in_a_row = 0
        self.last_error = None
        self._answers.pop(name, None)
        if milliseconds <= 0 or len(body) > MAX_TEXT:
            return
        for old in list(self._answers)[: max(0, len(self._answers) - MAX_ENTRIES + 1)]:
            self._answers.pop(old, None)
        self._answers[name] = (body, started, milliseconds)

    def fail(self, now: Instant, error: str) -> None:
        """Note a failure; from the second in a row on, the issuer is left alone for a while."""
        self._count += 1
        self._failures += 1
        self.last_error = error
        self.address = None
        if error in _REFUSED:
            self.auth.forget()
        if self._in_a_row:
            self._failed = (now, min(BACKOFF_FIRST << min(self._in_a_row - 1, 10), BACKOFF_MOST))
        self._in_a_row += 1

    def backing_off(self, now: Instant) -> bool:
        """Say whether the issuer is left alone."""
        return self._failed is not None and elapsed(self._failed[0], now) < self._failed[1]

    def clear(self) -> None:
        """Forget answers and failures."""
        self._answers.clear()
        self._failed = None
        self._in_a_row = 0

    def health(self, name: str) -> IntrospectionHealth:
        """Return the state as data."""
        return IntrospectionHealth(name, self._count, self._failures, self.last_error, len(self._answers))


def _lifetime(document: dict[str, Any], config: IntrospectionConfig, now: Instant) -> int:
    """Return for how many milliseconds an answer may be kept: never past `exp` (RFC 7662 section 4)."""
    expires: Any = document.get("exp")
    if document["active"] is not True or type(expires) not in {int, float} or not 0 <= expires < _MAX_SECONDS:
        return config.negative_cache * 1_000
    return min(config.cache * 1_000, int(expires * 1_000) - now[0])
