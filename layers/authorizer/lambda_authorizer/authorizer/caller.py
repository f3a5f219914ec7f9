"""Who calls: the text of a credential → `Principal`.

    text ─parse_token→ UnverifiedToken ─issuer_for, keys→ Key ─verify_token→ Claims ─map_principal→ Principal

Laws of this file:
- An issuer that nobody configured costs no network call; an opaque token is shown to one issuer only.
- A kept result is found by the SHA-256 of the whole token; the token itself is not kept.
- It is never used at or past the token's `exp`, nor after the issuer's key set has changed.
- Only verification is kept: rules, hooks and everything about the single request are asked each time.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.hashes import SHA256, Hash

from lambda_authorizer.errors import ConfigurationError, UnsupportedAlgorithmError
from lambda_authorizer.principal import Principal, map_principal
from lambda_authorizer.tokens.compact import UnverifiedToken, parse_token
from lambda_authorizer.tokens.verify import issuer_for, verify_token

if TYPE_CHECKING:
    from lambda_authorizer.authorizer.seams import Clock, Entry, Introspector, Keys
    from lambda_authorizer.rules import RuleSet
    from lambda_authorizer.tokens import Issuer

_JWT_DOTS: Final = 2
_MOST: Final = 512  # tokens; about 2 KB each


class Verified:
    """One verified token, without the token; for the key source it still has `algorithm` and `key_id`."""

    __slots__ = ("algorithm", "expires_at", "generation", "issuer", "key_id", "principal")

    def __init__(
        self, token: UnverifiedToken, issuer: Issuer, generation: int, expires_at: float, principal: Principal
    ) -> None:
        self.algorithm = token.algorithm
        self.key_id = token.key_id
        self.issuer = issuer
        self.generation = generation  # of the issuer's key set
        self.expires_at = expires_at
        self.principal = principal


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


class Callers:
    """Finds out who calls, with the keys of the rules' issuers."""

    __slots__ = ("_clock", "_fetches", "_hash", "_introspecting", "_introspector", "_keys", "_rules", "_verified")

    def __init__(
        self, rules: RuleSet, keys: Keys, introspector: Introspector | None, clock: Clock, *, remember: bool
    ) -> None:
        self._rules = rules
        self._keys = keys
        self._introspector = introspector
        self._introspecting = next((issuer for issuer in rules.issuers if issuer.introspection), None)
        self._clock = clock
        self._verified = VerifiedTokens() if remember else None
        self._fetches = 0
        # cryptography is loaded anyway; hashlib would load a second OpenSSL. A copy spares the look for SHA-256.
        self._hash = Hash(SHA256())

    def of(self, text: str, deadline: int, entry: Entry) -> Principal:
        """Return the caller whom a token names.

        Raises:
            TokenError: it proves nothing.
            IssuerUnavailableError: the issuer could not be asked by `deadline`.
        """
        hashed = self._hash.copy()
        hashed.update(text.encode("ascii"))
        digest = hashed.finalize()
        entry["token_sha256"] = digest[:8].hex()
        if self._verified is None:
            return self._proven(text, deadline, entry, None)
        kept = self._verified.get(digest, self._clock.wall_ms() / 1000)
        if kept is not None:
            # The key source is asked all the same: only so do keys age, and a withdrawn one takes its results.
            self._key(kept, kept.issuer, deadline, entry)
            if kept.generation == self._keys.generation(kept.issuer.name):
                return kept.principal
        return self._proven(text, deadline, entry, digest)

    def new_fetches(self, entry: Entry) -> int:
        """Return how often keys were fetched since this was last asked."""
        if entry.get("key_cache") in (None, "fresh"):
            return 0
        before, self._fetches = self._fetches, sum(issuer.fetches for issuer in self._keys.health())
        return self._fetches - before

    def _proven(self, text: str, deadline: int, entry: Entry, digest: bytes | None) -> Principal:
        """Return the caller that a token names, verified now; keep the result under `digest`, if that is given."""
        if self._introspecting is not None and text.count(".") != _JWT_DOTS:
            return self._introspected(text, self._introspecting, deadline, entry)
        token = parse_token(text)
        issuer = issuer_for(token, self._rules.issuers)
        if issuer.key_source is None:
            return self._introspected(text, issuer, deadline, entry)
        if token.algorithm not in issuer.algorithms:
            entry["issuer"] = issuer.name
            raise UnsupportedAlgorithmError("the token's algorithm is not among the issuer's")
        generation, key = self._key(token, issuer, deadline, entry)
        claims = verify_token(token, key, issuer, self._clock.wall_ms() / 1000)
        principal = map_principal(claims, issuer, self._rules.tiers)
        if digest is not None and self._verified is not None:
            self._verified.put(digest, Verified(token, issuer, generation, claims.expires_at, principal))
        return principal

    def _key(
        self, token: UnverifiedToken | Verified, issuer: Issuer, deadline: int, entry: Entry
    ) -> tuple[int, Any]:
        """Return the key for a token, and the generation of the key set it belongs to."""
        entry["issuer"] = issuer.name
        entry["key_cache"] = "none"
        # Read first: a set that changes in between makes the kept result too old, never too new.
        generation = self._keys.generation(issuer.name)
        found = self._keys.look_up(token, issuer, deadline)
        entry["kid"] = found.key.kid
        entry["key_cache"] = found.cache
        entry["key_age_s"] = found.age_ms / 1000
        return generation, found.key

    def _introspected(self, text: str, issuer: Issuer, deadline: int, entry: Entry) -> Principal:
        """Return the caller of a token that only its issuer can read."""
        entry["issuer"] = issuer.name
        if self._introspector is None:
            raise ConfigurationError(
                "the rules", "issuer.introspection", "nothing that can ask", "an introspector"
            )
        claims = self._introspector.claims(text, issuer, deadline)
        return map_principal(claims, issuer, self._rules.tiers)
