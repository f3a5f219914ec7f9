"""Simple answers of an HTTP API under a result TTL: what leaks without the guards, and that it does not with them.

A function that is told it keeps nothing, behind a gateway that keeps for 300 s, is the toolkit without its guards:
each first half shows that the hole is real, each second half that the function which knows its TTL closes it.
"""

from pathlib import Path
from typing import Any

import pytest

from lambda_authorizer.errors import ConfigurationError

HEAD = """
schema = 1

[[issuer]]
name = "main"
url = "${ISSUER}"
jwks = "${JWKS}"
audience = ["${AUDIENCE}"]
"""
TENANTS = """
[[rule]]
name = "members read their own orders"
allow = ["GET /members/{member}/orders"]
scopes = ["read"]
where = { member = "sub" }
"""
METHODS = """
[[rule]]
name = "readers read"
allow = ["GET /files/{path+}"]
scopes = ["read"]

[[rule]]
name = "owners delete"
allow = ["DELETE /files/{path+}"]
scopes = ["delete"]
"""
PATHS = """
[[rule]]
name = "readers read what is public"
allow = ["GET /public/{path+}"]
scopes = ["read"]

[[rule]]
name = "owners read what is secret"
allow = ["GET /secret/{path+}"]
scopes = ["delete"]
"""
EXACT = """
[[rule]]
name = "readers read"
allow = ["GET /orders/{id}", "GET /orders"]
scopes = ["read"]
"""
BY_ROUTE = ["$request.header.Authorization", "$context.routeKey"]
SIMPLE = {"AUTHORIZER_RESPONSE": "simple"}


class Pair:
    """The same API twice: behind a function without guards and behind one with them."""

    def __init__(self, gateway: Any, folder: Path, rules: str, routes: list[str], **settings: Any) -> None:
        path = folder / "rules.toml"
        path.write_text(HEAD + rules, encoding="utf-8")
        kept = {"ttl": 300, "identity_sources": BY_ROUTE} | settings
        self.unguarded = gateway.http(
            gateway.authorizer(path, AUTHORIZER_RESULT_TTL="0", **SIMPLE), routes, **kept
        )
        self.guarded = gateway.http(
            gateway.authorizer(path, AUTHORIZER_RESULT_TTL="300", **SIMPLE), routes, **kept
        )


def test_another_tenant_on_the_same_route_key(gateway: Any, fake_issuer: Any, tmp_path: Path) -> None:
    """A yes about one's own data would be a yes about everybody's; the function does not start with such rules."""
    routes = ["GET /members/{member}/orders"]
    path = tmp_path / "rules.toml"
    path.write_text(HEAD + TENANTS, encoding="utf-8")
    token = fake_issuer.mint({"sub": "m-1", "scope": "read"})
    careless = gateway.authorizer(path, AUTHORIZER_RESULT_TTL="0", **SIMPLE)
    leaky = gateway.http(careless, routes, ttl=300, identity_sources=BY_ROUTE)
    assert leaky.call("GET /members/m-1/orders", token=token).allowed
    assert leaky.call("GET /members/m-2/orders", token=token).allowed, "the hole that the guard closes is gone"
    with pytest.raises(ConfigurationError, match="where"):
        gateway.authorizer(path, AUTHORIZER_RESULT_TTL="300", **SIMPLE)


@pytest.mark.parametrize(
    ("rules", "route", "harmless", "harmful"),
    [
        pytest.param(METHODS, "ANY /files/{path+}", "GET /files/a", "DELETE /files/a", id="ANY"),
        pytest.param(PATHS, "GET /{proxy+}", "GET /public/a", "GET /secret/a", id="proxy"),
        pytest.param(PATHS, "$default", "GET /public/a", "GET /secret/a", id="default"),
        pytest.param(METHODS, "$default", "GET /files/a", "DELETE /files/a", id="default-methods"),
    ],
)
def test_a_route_that_is_wider_than_the_rule(
    gateway: Any, fake_issuer: Any, tmp_path: Path, rules: str, route: str, harmless: str, harmful: str
) -> None:
    """A yes to one request of a wide route would be one to all of it; the function says it to whole rules only."""
    pair = Pair(gateway, tmp_path, rules, [route])
    token = fake_issuer.mint({"sub": "m-1", "scope": "read"})
    assert pair.unguarded.call(harmless, token=token).allowed
    assert pair.unguarded.call(harmful, token=token).allowed, "the hole that the guard closes is gone"
    assert not pair.guarded.call(harmless, token=token).allowed
    assert pair.guarded.handler.records[-1]["reason"] == "policy_narrowed"
    assert not pair.guarded.call(harmful, token=token).allowed
    # Nor in the other order, and not from a cache that is cold.
    pair.guarded.cache.clear()
    assert not pair.guarded.call(harmful, token=token).allowed
    assert not pair.guarded.call(harmless, token=token).allowed


def test_a_cache_that_does_not_know_the_route(gateway: Any, fake_issuer: Any, tmp_path: Path) -> None:
    """Without the route key among the identity sources, a yes to one route would be a yes to the next."""
    rules = PATHS.replace("public/{path+}", "public").replace("secret/{path+}", "secret")
    routes = ["GET /public", "GET /secret"]
    pair = Pair(gateway, tmp_path, rules, routes, identity_sources=["$request.header.Authorization"])
    token = fake_issuer.mint({"sub": "m-1", "scope": "read"})
    assert pair.unguarded.call("GET /public", token=token).allowed
    assert pair.unguarded.call("GET /secret", token=token).allowed, "the hole that the guard closes is gone"
    pair.guarded.call("GET /public", token=token)
    assert not pair.guarded.call("GET /secret", token=token).allowed


def test_routes_that_are_the_rules_own_are_allowed_and_kept(
    gateway: Any, fake_issuer: Any, tmp_path: Path
) -> None:
    """The guards do not cost what is safe: method and template of rule and route are the same."""
    pair = Pair(gateway, tmp_path, EXACT, ["GET /orders/{id}", "GET /orders"])
    token = fake_issuer.mint({"sub": "m-1", "scope": "read"})
    assert pair.guarded.call("GET /orders/1", token=token).allowed
    second = pair.guarded.call("GET /orders/2", token=token)
    assert (second.allowed, second.cached) == (True, True)
    assert pair.guarded.call("GET /orders", token=token).allowed


@pytest.mark.parametrize("spelling", ["GET /orders/1/", "GET /orders/1%2Frefunds", "GET /orders/%2e%2e"])
def test_a_kept_yes_is_a_yes_to_every_spelling_that_takes_the_same_route(
    gateway: Any, fake_issuer: Any, tmp_path: Path, spelling: str
) -> None:
    """The limit of simple answers under a TTL: asked first, such a path is refused; from the cache it is not.

    Nobody asks the function about the second request, so no function can refuse it. It reaches the integration of
    the very route that was granted, and nothing else. Policies do not have this limit, nor has a TTL of 0.
    """
    pair = Pair(gateway, tmp_path, EXACT, ["GET /orders/{id}"])
    token = fake_issuer.mint({"sub": "m-1", "scope": "read"})
    assert not pair.guarded.call(spelling, token=token).allowed
    pair.guarded.cache.clear()
    assert pair.guarded.call("GET /orders/1", token=token).allowed
    kept = pair.guarded.call(spelling, token=token)
    assert (kept.allowed, kept.cached, kept.invoked) == (True, True, False)
    policy = gateway.authorizer(tmp_path / "rules.toml", AUTHORIZER_RESULT_TTL="300")
    exact = gateway.http(policy, ["GET /orders/{id}"], simple=False, ttl=300, identity_sources=BY_ROUTE)
    assert exact.call("GET /orders/1", token=token).allowed
    assert not exact.call(spelling, token=token).allowed
