"""One test's gateway: front ends of every kind on one clock, and the issuer that their function trusts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lambda_authorizer.testing.function import AuthorizerFunction
from lambda_authorizer.testing.gateway import (
    Clock,
    EventsApi,
    GraphqlApi,
    Handler,
    HttpApi,
    RestApi,
    Route,
    WebSocketApi,
)
from lambda_authorizer.testing.issuer import FakeIssuer


class Gateway:
    """Makes front ends; `clock.advance(…)` moves the time of all of them.

    Args:
        clock: the time of everything here; by default it stands at this moment.
        issuer: by default a fresh one with an ES256 key.
    """

    def __init__(self, clock: Clock | None = None, issuer: FakeIssuer | None = None) -> None:
        self.clock = clock or Clock()
        self.issuer = issuer or FakeIssuer(clock=self.clock)

    def authorizer(self, rules: str | Path, **settings: Any) -> AuthorizerFunction:
        """Return the shipped authorizer with these rules, trusting this issuer; see `AuthorizerFunction`."""
        return AuthorizerFunction(rules, self.issuer, clock=self.clock, **settings)

    def rest(self, handler: Handler, routes: Iterable[str | Route], **settings: Any) -> RestApi:
        """Return a REST API; see `RestApi`."""
        return RestApi(handler, routes, clock=self.clock, **settings)

    def http(self, handler: Handler, routes: Iterable[str | Route], **settings: Any) -> HttpApi:
        """Return an HTTP API; see `HttpApi`."""
        return HttpApi(handler, routes, clock=self.clock, **settings)

    def websocket(self, handler: Handler, **settings: Any) -> WebSocketApi:
        """Return a WebSocket API; see `WebSocketApi`."""
        return WebSocketApi(handler, clock=self.clock, **settings)

    def graphql(self, handler: Handler, **settings: Any) -> GraphqlApi:
        """Return an AppSync GraphQL API; see `GraphqlApi`."""
        return GraphqlApi(handler, clock=self.clock, **settings)

    def events(self, handler: Handler, **settings: Any) -> EventsApi:
        """Return an AppSync Events API; see `EventsApi`."""
        return EventsApi(handler, clock=self.clock, **settings)
