"""What one call looks like after the front end's event has been read, the same for all seven kinds of event.

Laws of this file: plain data without behaviour, written once; every map is read-only and never None; header names
are lower-case; `repr` shows no text of the caller, so that a request may stand in a traceback. Slots and no
NamedTuple: each of those would cost every cold start ten times as much.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_authorizer.arn import ExecuteApiArn

Kind = Literal["token", "request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events"]

KINDS: Final[tuple[Kind, ...]] = (
    "token", "request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events",
)  # fmt: skip

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
