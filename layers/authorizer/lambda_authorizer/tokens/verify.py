"""The one place where a token's payload becomes `Claims`.

Laws of this file: the signature comes first, then every claim in order; each comparison is written so that a
broken clock (NaN) refuses; `now` is an argument, in seconds. RFC 7519 section 7.2, RFC 8725, RFC 7662 section 4.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from lambda_authorizer.errors import (
    ExpiredError,
    InactiveTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidSignatureError,
    NotYetValidError,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    UntrustedIssuerError,
)
from lambda_authorizer.jwk import Key
from lambda_authorizer.tokens.compact import UnverifiedToken
from lambda_authorizer.tokens.issuer import Issuer
from lambda_authorizer.tokens.presets import check_introspected_use, check_key_issuer, check_use, tenant_of

MAX_TIME: Final = 253_402_300_800  # the year 10000: later times are mistakes
# An issuer's clock may run ahead of ours: `iat` guards against nothing (RFC 7519 section 4.1.6), so a token is
# refused for it only where one of the clocks is plainly wrong.
IAT_TOLERANCE: Final = 60


class Claims(NamedTuple):
    """What a verified token says. Its repr shows no claim."""

    issuer: str  # alias
    key_id: str | None
    expires_at: float
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Claims(issuer={self.issuer!r})"


def issuer_for(token: UnverifiedToken, issuers: Sequence[Issuer]) -> Issuer:
    """Return the configured issuer that the token says it is from; no key is looked up for any other.

    Raises:
        UntrustedIssuerError: `iss` is missing, no string, or not byte for byte one of the configured.
    """
    for issuer in issuers:
        if _trusts(issuer, token.issuer_url):
            return issuer
    raise UntrustedIssuerError("the token's issuer is none of the configured")


def verify_token(token: UnverifiedToken, key: Key, issuer: Issuer, now: float) -> Claims:
    """Return the token's claims, if `key` signed them and `issuer` lets them stand at `now`.

    Raises:
        TokenError: which of its children says what failed.
    """
    algorithm = token.algorithm
    # RFC 8725 sections 3.1 and 3.2: the header chooses among the issuer's algorithms, it never widens them.
    if algorithm not in issuer.algorithms:
        raise UnsupportedAlgorithmError("the token's algorithm is not among the issuer's")
    if algorithm not in key.algorithms or (token.key_id is not None and token.key_id != key.kid):
        raise UnknownKeyError("the key does not fit the token")
    if not key.verify(algorithm, token.signature, token.signed):
        raise InvalidSignatureError("the signature does not verify")
    values = token._payload  # noqa: SLF001 - the signature is checked: from here on the payload may be read
    if not _trusts(issuer, token.issuer_url):
        raise UntrustedIssuerError("the token is not from the issuer whose key signed it")
    expires_at = _check_times(values, issuer.leeway, now)
    _check_strings(values)
    _check_audience(values, issuer)
    check_use(values, token.header_type, issuer)
    if key.issuer is not None:
        check_key_issuer(values, key.issuer, issuer)
    return Claims(issuer.name, key.kid, expires_at, values)


def verify_introspected(document: object, issuer: Issuer, now: float) -> Claims:
    """Return the claims of an introspection answer, checked as a token's are (RFC 7662 section 2.2).

    The document must come from the issuer's own endpoint over https; that stands in for the signature, and a
    missing `iss` means that endpoint. Everything else that a token must have, the document must have.

    Raises:
        InactiveTokenError: `active` is anything but the boolean true.
        TokenError: as `verify_token`.
    """
    if not isinstance(document, dict) or document.get("active") is not True:
        raise InactiveTokenError("the issuer says that the token is not active")
    if "iss" in document and not _trusts(issuer, document["iss"]):
        raise UntrustedIssuerError("the introspection answer is about a token of another issuer")
    expires_at = _check_times(document, issuer.leeway, now)
    _check_strings(document)
    _check_audience(document, issuer)
    check_introspected_use(document, issuer)
    return Claims(issuer.name, None, expires_at, document)


def _trusts(issuer: Issuer, url: object) -> bool:
    if url in issuer.iss_values:
        return True
    return issuer.any_tenant is not None and tenant_of(url, issuer.any_tenant) is not None


def _time(values: Mapping[str, Any], name: str) -> float:
    value = values[name]
    # `type`, not isinstance: True is an int to Python, and no time.
    if type(value) not in {int, float} or not 0 <= value < MAX_TIME:
        raise InvalidClaimError("a time in the token is no number of seconds")
    return value  # type: ignore[no-any-return]


def _check_times(values: Mapping[str, Any], leeway: int, now: float) -> float:
    if "exp" not in values:
        raise InvalidClaimError("the token has no exp")
    expires_at = _time(values, "exp")
    not_before = _time(values, "nbf") if "nbf" in values else 0
    issued_at = _time(values, "iat") if "iat" in values else 0
    if not now < expires_at + leeway:
        raise ExpiredError("the token has expired")
    if not now >= not_before - leeway:
        raise NotYetValidError("the token is not valid yet")
    if not now >= issued_at - leeway - IAT_TOLERANCE:
        raise NotYetValidError("the token was issued in the future")
    return expires_at


def _check_strings(values: Mapping[str, Any]) -> None:
    """Refuse the registered claims that are no strings (RFC 7519 sections 4.1.2 and 4.1.7)."""
    if type(values.get("sub", "")) is not str or type(values.get("jti", "")) is not str:
        raise InvalidClaimError("sub or jti is no string")


def _check_audience(values: Mapping[str, Any], issuer: Issuer) -> None:
    audience = values.get("aud")
    if audience is None and "aud" not in values and issuer.preset == "cognito":
        # Cognito's access tokens name the app client in `client_id` and have no `aud`, unless one was asked for.
        audience = values.get("client_id")
    accepted = issuer.audiences
    if type(audience) is str:
        if accepted is None or audience in accepted:
            return
    elif isinstance(audience, list) and audience:
        if not all(type(member) is str for member in audience):
            raise InvalidAudienceError("aud holds something that is no string")
        if accepted is None or any(member in accepted for member in audience):
            return
    elif audience is None and accepted is None and "aud" not in values:
        return
    raise InvalidAudienceError("the token is for another audience")
