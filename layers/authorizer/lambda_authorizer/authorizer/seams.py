"""The seams of the route: what an `Authorizer` needs of its edges, and what a hook is.

Laws of this file: types only, so that a fake implements the same thing as the real one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from lambda_authorizer.principal import Principal
from lambda_authorizer.request import Request
from lambda_authorizer.tokens import Issuer
from lambda_authorizer.tokens.verify import Claims

Check = Callable[[Principal, Request], object]
"""A hook: asked about every caller whom the rules let through; only the value True lets them pass."""

Entry = dict[str, object]
"""The fields of one record, filled in on the way."""


class Clock(Protocol):
    """Both clocks, in milliseconds."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""

    def monotonic_ms(self) -> int:
        """Return milliseconds since any start."""


class Keys(Protocol):
    """The key source: the one stage that may use the network."""

    def look_up(self, token: Any, issuer: Issuer, deadline: int) -> Any:
        """Return the key for a token, with `cache` and `age_ms`."""

    def generation(self, issuer_name: str) -> int:
        """Return a number that changes when the issuer's key set does."""

    def health(self) -> Sequence[Any]:
        """Return each issuer's state, `fetches` among it."""


class Introspector(Protocol):
    """Asks an issuer about an opaque token."""

    def claims(self, text: str, issuer: Issuer, deadline: int) -> Claims:
        """Return the claims of an active token."""


class Telemetry(Protocol):
    """Where a decision is recorded."""

    def record(self, entry: Mapping[str, object]) -> None:
        """Record one decision."""
