"""What one call looks like after the front end's event has been read, the same for all seven kinds of event.

Laws of this file: plain data without behaviour; every map is read-only by convention and never None; header names
are lower-case; `repr` shows no text of the caller, so that a request may stand in a traceback.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from lambda_authorizer.arn import ExecuteApiArn

Kind = Literal["token", "request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events"]

KINDS: Final[tuple[Kind, ...]] = (
    "token", "request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events",
)  # fmt: skip


class ClientCertificate(NamedTuple):
    """The certificate of a mutual-TLS connection, as API Gateway describes it after checking its chain."""

    subject: str
    issuer: str
    serial_number: str
    not_before: str
    not_after: str
    pem: str

    def __repr__(self) -> str:
        """Show nothing of the certificate."""
        return "ClientCertificate()"


class AppSyncCall(NamedTuple):
    """What only AppSync sends; `operation` is None for GraphQL, else `CONNECT`, `PUBLISH` or `SUBSCRIBE`."""

    api_id: str
    account: str
    operation: str | None
    channel: str | None  # "/namespace/channel"
    operation_name: str | None

    def __repr__(self) -> str:
        """Show the operation only."""
        return f"AppSyncCall(operation={self.operation!r})"


class Request(NamedTuple):
    """One call, as the gateway describes it.

    `method` and `path` are those of the ARN, because that is the text the gateway holds a policy against.
    For AppSync Events they are the operation and the channel; for AppSync GraphQL both are empty.
    """

    kind: Kind
    arn: ExecuteApiArn | None  # None for AppSync
    method: str
    path: str
    route_key: str | None  # "GET /orders/{id}": the gateway's own view of the route, where it says
    contradictory: bool  # the event names another method or path beside the ARN's
    headers: Mapping[str, tuple[str, ...]]
    query: Mapping[str, tuple[str, ...]]
    cookies: Mapping[str, tuple[str, ...]]
    authorization_token: str | None
    identity_sources: tuple[str, ...]  # HTTP API 2.0 only
    source_ip: str | None
    client_certificate: ClientCertificate | None
    request_id: str | None
    appsync: AppSyncCall | None

    def __repr__(self) -> str:
        """Show kind and method only."""
        return f"Request(kind={self.kind!r}, method={self.method!r})"
