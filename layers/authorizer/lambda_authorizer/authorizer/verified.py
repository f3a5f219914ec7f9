"""Results of verification, kept for tokens that come again.

Laws of this file:
- A result is found by the SHA-256 of the whole token; the token itself is not kept.
- It is never used at or past the token's `exp`, nor after the issuer's key set has changed.
- Only verification is kept: rules, hooks and everything about the single request are asked each time.
"""

from typing import Final, NamedTuple

from lambda_authorizer.principal import Principal
from lambda_authorizer.tokens import Issuer

_MOST: Final = 512  # tokens; about 2 KB each


class Header(NamedTuple):
    """What the key source needs to know of a token that was verified before."""

    algorithm: str
    key_id: str | None


class Verified(NamedTuple):
    """One verified token, without the token."""

    header: Header
    issuer: Issuer
    generation: int  # of the issuer's key set
    expires_at: float
    principal: Principal


class VerifiedTokens:
    """A bounded memory of verified tokens."""

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: dict[bytes, Verified] = {}

    def get(self, digest: bytes, now: float) -> Verified | None:
        """Return what is known of a token that has not expired."""
        found = self._kept.get(digest)
        return found if found is not None and now < found.expires_at else None

    def put(self, digest: bytes, result: Verified) -> None:
        """Keep a result; a full memory is forgotten whole, which needs no lock and is rare."""
        if len(self._kept) >= self._most:
            self._kept = {}
        self._kept[digest] = result
