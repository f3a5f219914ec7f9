"""Who calls what in the demonstration, and what each call must get.

The callers are clients of the OpenID provider; the rules are `authorizers/rules.toml`, as shipped.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lambda_authorizer.testing import events

AUDIENCE = "https://api.airline.example"
TIER = "https://airline.example/tier"
# Made up for local runs; the deployed function reads Secrets Manager or Parameter Store.
USAGE_KEYS = {"gold": "local-gold-usage-key-000000", "silver": "local-silver-usage-key-0000"}

CLIENTS: tuple[Mapping[str, Any], ...] = (
    {
        "id": "ada",
        "secret": "ada-of-the-demonstration",
        "sub": "c-1",
        "scope": "loyalty:read",
        "claims": {TIER: "silver"},
    },
    {
        "id": "ben",
        "secret": "ben-of-the-demonstration",
        "sub": "p-7",
        "scope": "loyalty:read loyalty:write",
        "claims": {TIER: "gold", "groups": ["partners"]},
    },
    {
        "id": "cleo",
        "secret": "cleo-of-the-demonstration",
        "sub": "p-8",
        "scope": "loyalty:read loyalty:write",
        "claims": {TIER: "silver", "groups": ["partners"]},
    },
)


class Call(NamedTuple):
    """One row of the table."""

    caller: str  # a client's id, or "" for nobody
    function: str
    event: Callable[[str], Mapping[str, Any]]
    what: str
    expect: str  # "200", "401", "403"
    why: str  # reason slug
    token: Callable[[str], str] = str  # what happens to the caller's token on the way
    note: str = ""


def tampered(token: str) -> str:
    """Return the token with a claim raised and the old signature kept."""
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["scope"] = "loyalty:read loyalty:write"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


def foreign(token: str) -> str:
    """Return the token as another issuer's."""
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["iss"] = "https://id.elsewhere.example"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


def rest_token(method: str, path: str) -> Callable[[str], Mapping[str, Any]]:
    """Return what a REST API sends to a TOKEN authorizer."""
    return lambda token: events.token_event(f"Bearer {token}" if token else "", method, path)


def rest_request(method: str, path: str) -> Callable[[str], Mapping[str, Any]]:
    """Return what a REST API sends to a REQUEST authorizer."""
    return lambda token: events.request_event(
        events.Call(method=method, path=path, headers=events.bearer(token) if token else {})
    )


def http_api(method: str, path: str) -> Callable[[str], Mapping[str, Any]]:
    """Return what an HTTP API sends, payload format 2.0."""
    return lambda token: events.http_2_event(
        events.Call(method=method, path=path, headers=events.bearer(token) if token else {})
    )


def websocket(token: str) -> Mapping[str, Any]:
    """Return what a WebSocket API sends when a client connects."""
    return events.websocket_event(events.Call(headers=events.bearer(token) if token else {}))


def graphql(document: str) -> Callable[[str], Mapping[str, Any]]:
    """Return what an AppSync GraphQL API sends."""
    return lambda token: events.appsync_event(token, document)


def channel(operation: str, name: str) -> Callable[[str], Mapping[str, Any]]:
    """Return what an AppSync Events API sends."""
    return lambda token: events.appsync_events_event(token, operation, name)


KINDS: Mapping[str, str] = {
    "TokenAuthorizer": "REST API, TOKEN",
    "RequestAuthorizer": "REST API, REQUEST",
    "HttpApiAuthorizer": "HTTP API, simple answers",
    "TierAuthorizer": "REST API, REQUEST, usage key of the tier",
    "WebSocketAuthorizer": "WebSocket API",
    "AppSyncAuthorizer": "AppSync GraphQL and Events",
}

_POINTS = 'query { points(customerId: "c-1") { balance } }'

CALLS: tuple[Call, ...] = (
    Call("ada", "TokenAuthorizer", rest_token("GET", "/loyalty/c-1"), "GET /loyalty/c-1", "200", "allowed"),
    Call(
        "ada",
        "TokenAuthorizer",
        rest_token("GET", "/loyalty/c-2"),
        "GET /loyalty/c-2",
        "403",
        "no_rule_allows",
        note="somebody else's points",
    ),
    Call(
        "ada",
        "TokenAuthorizer",
        rest_token("GET", "/loyalty/c-1"),
        "GET /loyalty/c-1",
        "401",
        "invalid_signature",
        tampered,
        "a scope added by hand",
    ),
    Call("", "TokenAuthorizer", rest_token("GET", "/loyalty/c-1"), "GET /loyalty/c-1", "401", "missing_token"),
    Call(
        "ada",
        "RequestAuthorizer",
        rest_request("GET", "/loyalty/c-1/history"),
        "GET /loyalty/c-1/history",
        "200",
        "allowed",
    ),
    Call(
        "ada",
        "RequestAuthorizer",
        rest_request("GET", "/loyalty/c-1%2Fhistory"),
        "GET /loyalty/c-1%2Fhistory",
        "403",
        "path_refused",
        note="an encoded slash",
    ),
    Call(
        "ada",
        "RequestAuthorizer",
        rest_request("GET", "/loyalty/c-1"),
        "GET /loyalty/c-1",
        "401",
        "untrusted_issuer",
        foreign,
        "the token of another issuer",
    ),
    Call("ada", "HttpApiAuthorizer", http_api("GET", "/loyalty/c-1"), "GET /loyalty/c-1", "200", "allowed"),
    Call(
        "ada",
        "HttpApiAuthorizer",
        http_api("POST", "/loyalty/c-1/points"),
        "POST /loyalty/c-1/points",
        "403",
        "no_rule_allows",
    ),
    Call(
        "ben",
        "TierAuthorizer",
        rest_request("POST", "/loyalty/c-1/points"),
        "POST /loyalty/c-1/points",
        "200",
        "allowed",
    ),
    Call(
        "cleo",
        "TierAuthorizer",
        rest_request("POST", "/loyalty/c-1/points"),
        "POST /loyalty/c-1/points",
        "403",
        "no_rule_allows",
        note="a partner whose tier is too low",
    ),
    Call("ada", "WebSocketAuthorizer", websocket, "$connect", "200", "allowed"),
    Call("", "WebSocketAuthorizer", websocket, "$connect", "401", "missing_token"),
    Call("ada", "AppSyncAuthorizer", graphql(_POINTS), "Query.points", "200", "allowed"),
    Call(
        "ada",
        "AppSyncAuthorizer",
        channel("EVENT_SUBSCRIBE", "/loyalty/c-1"),
        "SUBSCRIBE /loyalty/c-1",
        "200",
        "allowed",
    ),
    Call(
        "ada",
        "AppSyncAuthorizer",
        channel("EVENT_SUBSCRIBE", "/loyalty/c-2"),
        "SUBSCRIBE /loyalty/c-2",
        "401",
        "no_rule_allows",
        note="somebody else's channel",
    ),
)
