"""Fakes at the seams of the authorizer, and a small shop whose rules the tests share."""

import json
import time
from collections.abc import Mapping
from typing import Any

from lambda_authorizer.authorizer import Authorizer
from lambda_authorizer.authorizer.seams import Check
from lambda_authorizer.errors import KeysUnavailableError, UnknownKeyError
from lambda_authorizer.fetch.source import Found
from lambda_authorizer.jwk import parse_key_set
from lambda_authorizer.keys import KeyHealth
from lambda_authorizer.rules import RuleSet, parse_rules
from lambda_authorizer.settings import Settings
from lambda_authorizer.testing.issuer import FakeIssuer

ISSUER = """
schema = 1
[[issuer]]
name = "main"
url = "${ISSUER}"
jwks = "${JWKS}"
audience = ["${AUDIENCE}"]
[issuer.claims]
tier = "tier"
groups = "groups"
"""
RULES = (
    ISSUER
    + """
[tiers]
order = ["standard", "gold"]
default = "standard"
usage_keys = { gold = "secretsmanager:gold" }

[[rule]]
name = "readers"
allow = ["GET /orders", "GET /orders/{id}"]
scopes = ["orders:read"]

[[rule]]
name = "owners"
allow = ["DELETE /orders/{id}"]
scopes = ["orders:write"]
where = { id = "sub" }

[[rule]]
name = "connect"
allow = ["$connect", "CONNECT"]
scopes = ["orders:read"]

[[rule]]
name = "chat"
allow = ["PUBLISH /chat/{room}"]
scopes = ["orders:write"]

[[rule]]
name = "fields"
allow = ["Query.orders"]
scopes = ["orders:read"]

[[rule]]
name = "no suspended"
deny = ["ANY /orders/{rest+}"]
groups = ["suspended"]

[context]
tenant = "custom:tenant"
roles = "roles"
"""
)
# The same without what a kept simple answer cannot say.
SIMPLE_RULES = (
    ISSUER
    + """
[[rule]]
name = "readers"
allow = ["GET /orders/{id}", "GET /stock/{id}"]
scopes = ["orders:read"]

[[rule]]
name = "admins"
allow = ["GET /stock/secret"]
scopes = ["admin"]
"""
)
INTROSPECTION = (
    ISSUER
    + """
[[issuer]]
name = "opaque"
url = "https://opaque.example/"
audience = ["${AUDIENCE}"]
[issuer.introspection]
endpoint = "https://opaque.example/introspect"
client_id = "api"
secret = "env:CLIENT_SECRET"
[[rule]]
name = "readers"
allow = ["GET /orders"]
scopes = ["orders:read"]
"""
)
FIELDS = ("Query.orders", "Query.audit", "Mutation.pay")


class FakeClock:
    """Time that a test sets; both clocks move together unless it says otherwise."""

    def __init__(self, wall_ms: int | None = None) -> None:
        self.wall = int(time.time()) * 1000 if wall_ms is None else wall_ms
        self.monotonic = 1_000_000

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.wall

    def monotonic_ms(self) -> int:
        """Return the monotonic clock."""
        return self.monotonic

    def pass_ms(self, milliseconds: int) -> None:
        """Let time pass."""
        self.wall += milliseconds
        self.monotonic += milliseconds


class FakeKeys:
    """A key source that has what it is told to have."""

    def __init__(self, issuer: FakeIssuer) -> None:
        self.issuer = issuer
        self.version = 1
        self.fetches = 0
        self.asked: list[tuple[str | None, int]] = []
        self.cache = "fresh"
        self.down = False

    def look_up(self, token: Any, issuer: Any, deadline: int) -> Found:  # noqa: ARG002 - there is one issuer
        """Return the key with the token's `kid`."""
        self.asked.append((token.key_id, deadline))
        if self.cache == "fetched":
            self.fetches += 1
        if self.down:
            self.fetches += 1
            raise KeysUnavailableError("no keys of issuer main: timeout")
        key = parse_key_set(json.dumps(self.issuer.jwks)).find(token.key_id, token.algorithm)
        if key is None:
            raise UnknownKeyError("the issuer has no key that fits")
        return Found(key, self.cache, 1_500)  # type: ignore[arg-type] # tests name any of the states

    def generation(self, issuer_name: str) -> int:  # noqa: ARG002 - there is one issuer
        """Return the key set's version."""
        return self.version

    def health(self) -> tuple[KeyHealth, ...]:
        """Return how often keys were fetched."""
        return (KeyHealth("main", "fresh", 0, 1, (), self.version, None, self.fetches, 0, 0),)


class FakeTelemetry:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def record(self, entry: Mapping[str, object]) -> None:
        """Keep one entry."""
        self.entries.append(dict(entry))

    @property
    def last(self) -> dict[str, Any]:
        """The latest entry."""
        return self.entries[-1]


class Bench:
    """An authorizer with a fake at every edge, and the issuer whose tokens it trusts."""

    def __init__(
        self,
        rules: str = RULES,
        *,
        check: Check | None = None,
        introspector: Any = None,
        usage_keys: Mapping[str, str] | None = None,
        fields: tuple[str, ...] | None = FIELDS,
        environ: Mapping[str, str] | None = None,
        api_routes: tuple[str, ...] | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.issuer = FakeIssuer(clock=lambda: self.clock.wall / 1000)
        self.keys = FakeKeys(self.issuer)
        self.telemetry = FakeTelemetry()
        self.environ = self.issuer.settings | {"AUTHORIZER_RESULT_TTL": "300"} | dict(environ or {})
        self.settings = Settings.from_environment(self.environ)
        self.rules: RuleSet = parse_rules(
            rules, file="rules.toml", environment=self.environ, api_routes=api_routes
        )
        self.authorizer = Authorizer(
            self.settings,
            self.rules,
            self.keys,
            self.telemetry,
            self.clock,
            check=check,
            introspector=introspector,
            usage_keys=usage_keys,
            graphql_fields=fields,
        )

    def token(self, scope: str = "orders:read", **claims: object) -> str:
        """Return a token of a caller with this scope."""
        return self.issuer.mint({"scope": scope, "sub": "c-1", **claims})

    def handle(self, event: object, context: object = None) -> dict[str, Any]:
        """Answer one event."""
        return self.authorizer.handle(event, context)
