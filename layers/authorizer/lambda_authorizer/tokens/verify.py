"""The one place where a token's payload becomes `Claims`.

Laws of this file: the signature comes first, then every claim in order; each comparison is written so that a
broken clock (NaN) refuses; `now` is an argument, in seconds. RFC 7519 section 7.2, RFC 8725, RFC 7662 section 4.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

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
from lambda_authorizer.tokens import Record
from lambda_authorizer.tokens.presets import check_introspected_use, check_key_issuer, check_use, tenant_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from lambda_authorizer.jwk import Key
    from lambda_authorizer.tokens import Issuer
    from lambda_authorizer.tokens.compact import UnverifiedToken

MAX_TIME: Final = 253_402_300_800  # the year 10000: later times are mistakes
# An issuer's clock may run ahead of ours: `iat` guards against nothing (RFC 7519 section 4.1.6), so a token is
# refused for it only where one of the clocks is plainly wrong.
IAT_TOLERANCE: Final = 60


class Claims(Record):
    """What a verified token says. Its repr shows no claim."""

    __slots__ = ("expires_at", "issuer", "key_id", "values")

    def __init__(self, issuer: str, key_id: str | None, expires_at: float, values: Mapping[str, Any]) -> None:
        self.issuer: Final = issuer  # alias
        self.key_id: Final = key_id
        self.expires_at: Final = expires_at
        self.values: Final = values

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
    expires_at = _check_registered(values, issuer.leeway, now)
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
    expires_at = _check_registered(document, issuer.leeway, now)
    _check_audience(document, issuer)
    check_introspected_use(document, issuer)
    return Claims(issuer.name, None, expires_at, document)


def _trusts(issuer: Issuer, url: object) -> bool:
    if url in issuer.iss_values:
        return True
    return issuer.any_tenant is not None and tenant_of(url, issuer.any_tenant) is not None


def _check_registered(values: Mapping[str, Any], leeway: int, now: float) -> float:
    """Refuse wrong times and what is no string (RFC 7519 section 4.1); return `exp`."""
    get = values.get
    expires_at: Any = get("exp")
    not_before: Any = get("nbf", 0)
    issued_at: Any = get("iat", 0)
    if not (
        (type(expires_at) is int or type(expires_at) is float)
        and (type(not_before) is int or type(not_before) is float)
        and (type(issued_at) is int or type(issued_at) is float)
        and 0 <= expires_at < MAX_TIME
        and 0 <= not_before < MAX_TIME
        and 0 <= issued_at < MAX_TIME
    ):  # `type`, not isinstance: True is an int to Python, and no time
        raise InvalidClaimError("exp is missing, or a time in the token is no number of seconds")
    if not now < expires_at + leeway:
        raise ExpiredError("the token has expired")
    if not now >= not_before - leeway:
        raise NotYetValidError("the token is not valid yet")
    if not now >= issued_at - leeway - IAT_TOLERANCE:
        raise NotYetValidError("the token was issued in the future")
    if type(get("sub", "")) is not str or type(get("jti", "")) is not str:
        raise InvalidClaimError("sub or jti is no string")
    return expires_at


def _check_audience(values: Mapping[str, Any], issuer: Issuer) -> None:
    accepted = issuer.audiences
    audience = values.get("aud")
    if type(audience) is str and (accepted is None or audience in accepted):
        return
    if audience is None and "aud" not in values:
        if issuer.preset == "cognito":
            # Cognito's access tokens name the app client there, and have no `aud` unless one was asked for.
            audience = values.get("client_id")
        if accepted is None or (type(audience) is str and audience in accepted):
            return
    elif (
        isinstance(audience, list)
        and audience
        and all(type(member) is str for member in audience)
        and (accepted is None or any(member in accepted for member in audience))
    ):
        return
    raise InvalidAudienceError("the token is for another audience, or aud is no string and no list of strings")
