"""Take the caller's token out of the one place where the settings look for it.

Laws of this file: one place, one value. A second value under the same name, a list joined by commas and a scheme
other than Bearer are refused, never chosen from, because another reader of the request might choose differently.
RFC 6750 section 2 (Bearer token usage), RFC 9110 section 11.1 (schemes ignore case), RFC 6265 (cookies), RFC 6455
section 4.1 (subprotocols).
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Final, Literal

from lambda_authorizer.errors import (
    EventError,
    MalformedTokenError,
    MissingTokenError,
    TokenTooLargeError,
)

if TYPE_CHECKING:
    from lambda_authorizer.request.model import Request

Place = Literal["header", "query", "cookie", "subprotocol", "appsync"]

PLACES: tuple[Place, ...] = ("header", "query", "cookie", "subprotocol", "appsync")

# No gateway passes on longer header blocks (API Gateway quotas: 10,240 bytes of headers).
_MAX_TEXT = 16_384
# RFC 6750 section 2.1, b64token.
_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
_QUOTED = 2


class CredentialSource:
    """Where a credential is looked for: `header:Authorization`, `query:access_token`, `appsync:PREFIX`."""

    __slots__ = ("name", "place")

    def __init__(self, place: Place, name: str) -> None:
        self.place: Final = place
        self.name: Final = name  # for appsync: the prefix in front of the token, or ""

    def __repr__(self) -> str:
        return f"CredentialSource({self.place!r})"


def credential(request: Request, source: CredentialSource) -> str:
    """Return the token's text, of which nothing is known but that its characters could be a token's.

    Raises:
        MissingTokenError: there is none.
        MalformedTokenError: there are several, or what is there cannot be a bearer token.
        TokenTooLargeError: the text is longer than any gateway passes on.
        EventError: this front end never carries a credential in that place.
    """
    text = _only(_values(request, source))
    if len(text) > _MAX_TEXT:
        raise TokenTooLargeError("the credential is longer than any gateway passes on")
    if source.place == "appsync":
        if not text.startswith(source.name):
            raise MalformedTokenError("the credential lacks the prefix that the settings ask for")
        text = text[len(source.name) :]
    if source.place in ("header", "appsync"):
        text = _without_scheme(text)
    if not text.isascii() or text.encode("ascii").translate(None, _TOKEN_BYTES) or not text.rstrip("="):
        # A comma shows that a gateway joined two values; a blank, that there is more than a token.
        raise MalformedTokenError("the credential holds characters that no bearer token has")
    return text


def is_cache_key(request: Request, source: CredentialSource) -> bool:
    """Say whether the result cache tells callers apart by this very credential.

    AppSync caches by the Authorization header alone: an answer to a credential of another header must not be kept.
    An HTTP API caches by its identity sources, and shows their values.
    """
    if request.kind != "http-2.0":
        return _is_authorization_token(request, source)
    text = credential(request, source)
    return any(text in value or ("%" in value and text in _decoded(value)) for value in request.identity_sources)


def _decoded(value: str) -> str:
    from urllib.parse import unquote  # only an encoded value pays for it

    return unquote(value)


def _values(request: Request, source: CredentialSource) -> tuple[str, ...]:
    """Return everything that stands in the place looked at."""
    place, name = source.place, source.name
    if _is_authorization_token(request, source):
        token = request.authorization_token
        return () if token is None else (token,)
    if request.kind == "token":
        raise EventError("a TOKEN event carries a header's value only; the credential setting names another place")
    if place == "header":
        return request.headers.get(name.lower(), ())
    if place == "query":
        return request.query.get(name, ())
    if place == "cookie":
        return tuple(_unquoted(value) for value in request.cookies.get(name, ()))
    if place == "subprotocol":
        return _subprotocol(request.headers.get("sec-websocket-protocol", ()), name)
    raise EventError("the event is not AppSync's; the credential setting asks for its authorization token")


def _is_authorization_token(request: Request, source: CredentialSource) -> bool:
    """Say whether the gateway itself has picked the credential out of the request."""
    place, name = source.place, source.name
    if request.kind == "token":
        return place == "header"
    if request.appsync is not None:
        return place == "appsync" or (place == "header" and name.lower() == "authorization")
    return False


def _only(values: tuple[str, ...]) -> str:
    """Return the one value there is."""
    if len(values) > 1:
        raise MalformedTokenError("the request carries more than one credential")
    # HTTP takes blanks around a header's value for no part of it (RFC 9110 section 5.5).
    text = values[0].strip(" \t") if values else ""
    if not text:
        raise MissingTokenError("the request carries no credential")
    return text


def _without_scheme(text: str) -> str:
    """Return the token behind `Bearer`; a value without any scheme is the token, as Cognito's clients send it."""
    scheme, blank, rest = text.partition(" ")
    if scheme.lower() == "bearer":
        if not rest.strip(" "):
            raise MalformedTokenError("the credential is a scheme without a token")
        return rest.lstrip(" ")
    if blank:
        raise MalformedTokenError("the credential's scheme is not Bearer")
    return text


def _unquoted(value: str) -> str:
    """Return a cookie's value without the pair of quotes that RFC 6265 allows around it."""
    if len(value) >= _QUOTED and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def _subprotocol(offers: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return what the client offered right behind `name`: `new WebSocket(url, ["name", token])`."""
    items = [item.strip(" \t") for item in ",".join(offers).split(",")]
    return tuple(following for item, following in zip(items, [*items[1:], ""], strict=True) if item == name)
