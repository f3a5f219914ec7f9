"""A JWS in compact form, read but not believed: str → `UnverifiedToken`.

Laws of this file: bounds come before work; every refusal is a `TokenError` that holds nothing of the token; `jku`,
`jwk`, `x5u` and `x5c` are not read at all, so that no token can name its own key. RFC 7515, RFC 8725.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from functools import lru_cache

from lambda_authorizer.encoding import decode_base64url, decode_json
from lambda_authorizer.errors import MalformedTokenError, TokenTooLargeError, UnsupportedAlgorithmError
from lambda_authorizer.jwk import ALGORITHMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# API Gateway takes no more than 10,240 bytes of headers altogether, so that no longer token can come from there.
MAX_TOKEN_CHARS: Final = 10_240
MAX_HEADER_CHARS: Final = 4_096
MAX_KEY_ID_CHARS: Final = 256
_JWS_SEGMENTS: Final = 3
_JWE_SEGMENTS: Final = 5
_NOT_A_JWS: Final = "the token is no JWS: it has not exactly two dots"
_ENCRYPTED: Final = "the token is encrypted (JWE); only signed tokens (JWS) are taken"


class UnverifiedToken:
    """A well-formed token that nobody has vouched for: no claim of it can be read, and its repr shows nothing."""

    __slots__ = ("_payload", "algorithm", "header_type", "issuer_url", "key_id", "signature", "signed")

    def __init__(
        self,
        header: tuple[str, str | None, str | None],
        payload: dict[str, Any],
        signed: bytes,
        signature: bytes,
    ) -> None:
        self.algorithm, self.key_id, self.header_type = header
        self._payload = payload
        issuer = payload.get("iss")
        # Only to choose among the configured issuers; the choice is made again after the signature is checked.
        self.issuer_url: str | None = issuer if isinstance(issuer, str) else None
        self.signed = signed
        self.signature = signature

    def __repr__(self) -> str:
        return "UnverifiedToken()"


def parse_token(text: str) -> UnverifiedToken:
    """Return the token that `text` spells, unverified.

    Raises:
        TokenTooLargeError: the text or its header is over the bound.
        MalformedTokenError: it is no JWS in compact form whose payload is a JSON object.
        UnsupportedAlgorithmError: `alg` is none of `jwk.ALGORITHMS`: `none`, HS256, or a name we do not know.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise TokenTooLargeError("the token is larger than any that API Gateway passes on")
    try:
        data = text.encode("ascii")
        segments = data.split(b".", _JWE_SEGMENTS)
        if len(segments) != _JWS_SEGMENTS:
            raise MalformedTokenError(_NOT_A_JWS if len(segments) != _JWE_SEGMENTS else _ENCRYPTED)
        header_segment, payload_segment, signature_segment = segments
        if len(header_segment) > MAX_HEADER_CHARS:
            raise TokenTooLargeError("the token's header is too large")
        header = _parse_header(header_segment)
        signature = decode_base64url(signature_segment)
        payload = decode_json(decode_base64url(payload_segment))
    except ValueError:
        raise MalformedTokenError("a segment of the token is no base64url of what it must hold") from None
    if not isinstance(payload, dict):
        raise MalformedTokenError("the token's payload is no JSON object")
    if not signature:
        raise MalformedTokenError("the token has no signature")
    signed = data[: len(header_segment) + 1 + len(payload_segment)]
    return UnverifiedToken(header, payload, signed, signature)


@lru_cache(maxsize=64)
def _parse_header(segment: bytes) -> tuple[str, str | None, str | None]:
    """Return `alg`, `kid` and the normalised `typ`.

    The result depends on the text alone, and the same few headers come with every token: remembered, bounded at
    64 headers of at most `MAX_HEADER_CHARS` each.
    """
    header = decode_json(decode_base64url(segment))
    if not isinstance(header, dict):
        raise MalformedTokenError("the token's header is no JSON object")
    algorithm, key_id, header_type = header.get("alg"), header.get("kid"), header.get("typ")
    if "crit" in header:
        # Each name in it would have to be understood (RFC 7515 section 4.1.11), and no extension is; an empty list
        # and anything that is no list are not allowed either.
        raise MalformedTokenError("the token's header demands an extension (crit)")
    if header.get("b64", True) is not True:
        raise MalformedTokenError("the token's payload is not encoded (b64)")
    if not isinstance(algorithm, str):
        raise MalformedTokenError("the token's header lacks alg")
    if algorithm not in ALGORITHMS:
        raise UnsupportedAlgorithmError("the token's algorithm is not supported")
    if "kid" in header and not (isinstance(key_id, str) and len(key_id) <= MAX_KEY_ID_CHARS):
        raise MalformedTokenError("the token's kid is no string, or too long")
    if "typ" in header:
        if not isinstance(header_type, str):
            raise MalformedTokenError("the token's typ is no string")
        # RFC 7515 section 4.1.9: a media type, case-insensitive, with "application/" left out where it can be.
        header_type = header_type.lower().removeprefix("application/")
    return algorithm, key_id, header_type
