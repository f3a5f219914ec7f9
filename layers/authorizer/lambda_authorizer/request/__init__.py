"""What one call looks like, the same for all seven kinds of event, and the caller's credential taken out of it.

`event.parse_event` reads the front ends' events.

Laws of the data: without behaviour, written once; every map is read-only and never None; header names are
lower-case; `repr` shows no text of the caller, so that a request may stand in a traceback. Slots and no
NamedTuple: each of those would cost every cold start ten times as much.

Laws of the credential: one place, one value. A second value under the same name, a list joined by commas and a
scheme other than Bearer are refused, never chosen from, because another reader of the request might choose
differently. RFC 6750 section 2 (Bearer token usage), RFC 9110 section 11.1 (schemes ignore case), RFC 6265
(cookies), RFC 6455 section 4.1 (subprotocols).
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
    from collections.abc import Mapping

    from lambda_authorizer.arn import ExecuteApiArn

Kind = Literal["token", "request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events"]

KINDS: Final[tuple[Kind, ...]] = (
    "token", "request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events",
)  # fmt: skip

Place = Literal["header", "query", "cookie", "subprotocol", "appsync"]

PLACES: tuple[Place, ...] = ("header", "query", "cookie", "subprotocol", "appsync")

# No gateway passes on longer header blocks (API Gateway quotas: 10,240 bytes of headers).
_MAX_TEXT = 16_384
# RFC 6750 section 2.1, b64token.
_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
_QUOTED = 2
_NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}


class ClientCertificate:
    """The certificate of a mutual-TLS connection, as API Gateway describes it after checking its chain."""

    __slots__ = ("issuer", "not_after", "not_before", "pem", "serial_number", "subject")

    def __init__(  # noqa: PLR0913 - one name for each member of the event
        self, *, subject: str, issuer: str, serial_number: str, not_before: str, not_after: str, pem: str
    ) -> None:
        self.subject: Final = subject
        self.issuer: Final = issuer
        self.serial_number: Final = serial_number
        self.not_before: Final = not_before
        self.not_after: Final = not_after
        self.pem: Final = pem

    def __repr__(self) -> str:
        """Show nothing of the certificate."""
        return "ClientCertificate()"


class AppSyncCall:
    """What only AppSync sends; `operation` is None for GraphQL, else `CONNECT`, `PUBLISH` or `SUBSCRIBE`."""

    __slots__ = ("account", "api_id", "channel", "operation", "operation_name")

    def __init__(
        self,
        *,
        api_id: str,
        account: str,
        operation: str | None,
        channel: str | None,
        operation_name: str | None,
    ) -> None:
        self.api_id: Final = api_id
        self.account: Final = account
        self.operation: Final = operation
        self.channel: Final = channel  # "/namespace/channel"
        self.operation_name: Final = operation_name

    def __repr__(self) -> str:
        """Show the operation only."""
        return f"AppSyncCall(operation={self.operation!r})"


class Request:
    """One call, as the gateway describes it.

    `method` and `path` are those of the ARN, because that is the text the gateway holds a policy against.
    For AppSync Events they are the operation and the channel; for AppSync GraphQL both are empty.
    """

    __slots__ = (
        "appsync",
        "arn",
        "authorization_token",
        "client_certificate",
        "contradictory",
        "cookies",
        "headers",
        "identity_sources",
        "kind",
        "method",
        "path",
        "query",
        "request_id",
        "route_key",
        "source_ip",
    )

    def __init__(  # noqa: PLR0913 - one name for each thing an event may say
        self,
        *,
        kind: Kind,
        arn: ExecuteApiArn | None,
        method: str,
        path: str,
        route_key: str | None = None,
        contradictory: bool = False,
        headers: Mapping[str, tuple[str, ...]] = _NOTHING,
        query: Mapping[str, tuple[str, ...]] = _NOTHING,
        cookies: Mapping[str, tuple[str, ...]] = _NOTHING,
        authorization_token: str | None = None,
        identity_sources: tuple[str, ...] = (),
        source_ip: str | None = None,
        client_certificate: ClientCertificate | None = None,
        request_id: str | None = None,
        appsync: AppSyncCall | None = None,
    ) -> None:
        self.kind: Final = kind
        self.arn: Final = arn  # None for AppSync
        self.method: Final = method
        self.path: Final = path
        self.route_key: Final = route_key  # "GET /orders/{id}": the gateway's own view, where it says
        self.contradictory: Final = contradictory  # the event names another method or path beside the ARN's
        self.headers: Final = headers
        self.query: Final = query
        self.cookies: Final = cookies
        self.authorization_token: Final = authorization_token
        self.identity_sources: Final = identity_sources  # HTTP API 2.0 only
        self.source_ip: Final = source_ip
        self.client_certificate: Final = client_certificate
        self.request_id: Final = request_id
        self.appsync: Final = appsync

    def __repr__(self) -> str:
        """Show kind and method only."""
        return f"Request(kind={self.kind!r}, method={self.method!r})"


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
