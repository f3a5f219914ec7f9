"""Every error the toolkit raises, sorted by who must act.

    AuthorizerError
    ├── ConfigurationError                 the operator, when the function starts
    ├── EventError                         the operator: the gateway sent something unknown
    ├── TokenError                         the caller; answered as 401
    │   ├── MissingTokenError, MalformedTokenError, TokenTooLargeError
    │   ├── UnsupportedAlgorithmError, UntrustedIssuerError
    │   ├── UnknownKeyError, InvalidSignatureError
    │   ├── ExpiredError, NotYetValidError
    │   ├── InvalidAudienceError, InvalidClaimError, WrongTokenUseError
    │   └── InactiveTokenError
    └── IssuerUnavailableError             the issuer; answered as 500
        ├── KeysUnavailableError
        └── IntrospectionUnavailableError

Laws of this file: a message never holds a token, a claim value, a header or any other text of the caller, and
"not permitted" is no error (it is a `Decision`). `reason` is the stable slug of `docs/reasons.md`.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class AuthorizerError(Exception):
    """Root of everything raised on purpose; anything else is a defect of the toolkit."""

    reason: ClassVar[str] = "internal_error"


class ConfigurationError(AuthorizerError):
    """A setting or the rules file is missing, unknown or contradictory: the function must not start.

    Args:
        file: the file or place that holds the mistake ("rules.toml", "environment").
        key: the key inside it, dotted ("rule[2].min_tier", "AUTHORIZER_RESULT_TTL").
        found: what is there, in words; never a secret.
        allowed: what would be accepted, in words.
        line: line of the file, counted from 1, where it is known.
        hint: one more sentence, such as the nearest known name.
    """

    reason = "configuration_error"

    def __init__(  # noqa: PLR0913 - an operator needs every one of them
        self, file: str, key: str, found: str, allowed: str, *, line: int | None = None, hint: str = ""
    ) -> None:
        self.file = file
        self.key = key
        self.found = found
        self.allowed = allowed
        self.line = line
        self.hint = hint
        where = f"{file}:{line}" if line else file
        text = f"{where}: {key}: found {found}; allowed: {allowed}"
        super().__init__(f"{text}. {hint}" if hint else text)

    @classmethod
    def unknown_key(
        cls, file: str, key: str, name: str, known: Iterable[str], *, line: int | None = None
    ) -> ConfigurationError:
        """Return the error for a key nobody defined, with the nearest known name as its hint."""
        import difflib  # only a failing start pays for it

        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        return cls(file, key, f"unknown key {name!r}", ", ".join(names), line=line, hint=hint)


class EventError(AuthorizerError):
    """The event has no shape that any supported front end sends."""

    reason = "invalid_event"


class TokenError(AuthorizerError):
    """The credential does not prove who calls; only this leads to the 401 path."""

    reason = "malformed_token"


class MissingTokenError(TokenError):
    """No credential where the settings look for one."""

    reason = "missing_token"


class MalformedTokenError(TokenError):
    """The credential is no well-formed token (RFC 7515 section 3, RFC 6750 section 2.1)."""

    reason = "malformed_token"


class TokenTooLargeError(TokenError):
    """The credential is over a size bound and was not parsed."""

    reason = "token_too_large"


class UnsupportedAlgorithmError(TokenError):
    """`alg` is not among the issuer's algorithms (RFC 8725 section 3.1)."""

    reason = "unsupported_algorithm"


class UntrustedIssuerError(TokenError):
    """`iss` is not byte for byte one of the configured issuers."""

    reason = "untrusted_issuer"


class UnknownKeyError(TokenError):
    """No key of the issuer fits the token's `kid` and `alg`."""

    reason = "unknown_key"


class InvalidSignatureError(TokenError):
    """The signature does not verify."""

    reason = "invalid_signature"


class ExpiredError(TokenError):
    """The current time is at or after `exp` (RFC 7519 section 4.1.4)."""

    reason = "expired"


class NotYetValidError(TokenError):
    """The current time is before `nbf`, or `iat` lies in the future."""

    reason = "not_yet_valid"


class InvalidAudienceError(TokenError):
    """No configured audience is in `aud`."""

    reason = "invalid_audience"


class InvalidClaimError(TokenError):
    """A claim is missing, of the wrong type, or fails a check of the preset."""

    reason = "invalid_claim"


class WrongTokenUseError(TokenError):
    """An ID token where an access token is wanted, or the reverse (RFC 8725 section 3.12)."""

    reason = "wrong_token_use"


class InactiveTokenError(TokenError):
    """The issuer's introspection endpoint says that the token is not active (RFC 7662)."""

    reason = "inactive_token"


class IssuerUnavailableError(AuthorizerError):
    """The issuer could not be asked; never a statement about the token."""

    reason = "keys_unavailable"


class KeysUnavailableError(IssuerUnavailableError):
    """No usable key set, fresh or within the stale limit."""

    reason = "keys_unavailable"


class IntrospectionUnavailableError(IssuerUnavailableError):
    """The introspection endpoint gave no answer that can be used."""

    reason = "introspection_unavailable"
