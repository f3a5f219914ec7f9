"""Everything that talks to an issuer or a secret store, and its seams: a clock, a fetcher, and what they give.

Laws of this file: types, and the clocks of the machine; a fake implements the same thing as the real one. Nothing
that opens a connection is imported before it is needed.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Fetcher(Protocol):
        """One GET of a JSON document."""

        def __call__(self, url: str, deadline: int, *, http_loopback: bool = False) -> Fetched:
            """Return the document, or raise `FetchError`, before `deadline` (monotonic milliseconds)."""

    class Clock(Protocol):
        """Both clocks, because a frozen sandbox stops one and an operator turns the other."""

        def wall_ms(self) -> int:
            """Return milliseconds since 1970."""

        def monotonic_ms(self) -> int:
            """Return milliseconds since some start that only this process knows."""


class FetchError(Exception):
    """The document could not be had; `slug` says why, in words that are safe to log."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(slug)


class Fetched:
    """A document and how long its sender calls it fresh."""

    __slots__ = ("body", "max_age", "reusable")

    def __init__(self, body: bytes, max_age: int | None, *, reusable: bool = False) -> None:
        self.body = body
        self.max_age = max_age  # milliseconds; None: nothing said
        self.reusable = reusable  # the connection may carry another request


class SystemClock:
    """The clocks of the machine."""

    __slots__ = ()

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Return milliseconds since some start that only this process knows."""
        return time.monotonic_ns() // 1_000_000
