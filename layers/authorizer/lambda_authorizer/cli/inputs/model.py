"""APIs as data: routes, the authorizer in front of each, and the switches that change what an answer means.

Names follow the developer guides of API Gateway and AppSync; identity sources are written one way for all front
ends (`header:Authorization`, `query:token`, `stage:name`, `context:identity.sourceIp`).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

ApiKind = Literal["rest", "http", "websocket", "graphql", "events"]

# How a route is guarded: by a Lambda authorizer, by something else of AWS, by a scheme that only the document
# declares, by nothing, or by what could not be read.
Guard = Literal["lambda", "cognito", "jwt", "iam", "api-key", "declared", "none", "unknown"]

HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Route(NamedTuple):
    """One method of an API (or WebSocket route key, GraphQL field, Events channel)."""

    method: str  # "GET", "ANY"; "" where the front end has no methods
    path: str  # "/orders/{id}"; "$connect"; "Query.orders"
    guard: Guard
    authorizer: str | None  # name of the authorizer or security scheme
    scopes: tuple[str, ...]
    api_key: bool | None  # an API key is required; None: could not be read
    where: str  # place in the file, for messages
    preflight: bool = False  # the OPTIONS answer that the gateway itself gives

    @property
    def text(self) -> str:
        """The route as a rules file writes it."""
        return f"{self.method} {self.path}".strip()


class GatewayAuthorizer(NamedTuple):
    """An authorizer as the gateway knows it."""

    name: str
    guard: Guard
    kind: str  # "token", "request", "jwt", "cognito", "appsync"
    sources: tuple[str, ...]
    ttl: int | None  # seconds; None: could not be read
    payload: str | None = None  # "1.0", "2.0" (HTTP API)
    simple: bool | None = None  # simple answers (HTTP API); None: could not be read
    function: str | None = None  # logical id, where the function is in the same template
    invoke_permission: bool = True  # False: nothing in this file lets the gateway call the function
    issuer: str | None = None  # of a JWT authorizer or an OpenID scheme
    audience: tuple[str, ...] = ()


class Api(NamedTuple):
    """One API of a template or document."""

    name: str
    kind: ApiKind
    routes: tuple[Route, ...]
    authorizers: Mapping[str, GatewayAuthorizer]
    default_authorizer: str | None = None
    key_source: str | None = None  # "HEADER" or "AUTHORIZER"; None: not said, which means HEADER
    usage_plan: bool | None = None  # a usage plan is attached to this API; None: could not be read
    resource_policy: bool = False
    private: bool = False
    cors: bool = False  # the gateway itself answers preflight requests (HTTP API)
    fields_known: bool = True  # False: a GraphQL schema that could not be read
    notes: tuple[str, ...] = ()


class Document(NamedTuple):
    """Everything one file says."""

    file: str
    apis: tuple[Api, ...]
    environments: Mapping[str, Mapping[str, str]]  # function's logical id → its plain environment variables
    notes: tuple[str, ...] = ()


def identity_source(text: str) -> str:
    """Return one identity source in the notation of this package, whatever front end wrote it."""
    for prefix, kind in (
        ("method.request.header.", "header"),
        ("method.request.querystring.", "query"),
        ("route.request.header.", "header"),
        ("route.request.querystring.", "query"),
        ("$request.header.", "header"),
        ("$request.querystring.", "query"),
        ("$context.", "context"),
        ("$stageVariables.", "stage"),
        ("context.", "context"),
        ("stageVariables.", "stage"),
    ):
        if text.startswith(prefix):
            return f"{kind}:{text[len(prefix) :]}"
    return f"unknown:{text}"
