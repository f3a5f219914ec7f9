"""Small rules files and callers for the tests of rules and policies."""

from collections.abc import Iterable, Mapping
from typing import Any

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.principal import Principal
from lambda_authorizer.rules import RuleSet, parse_rules

HEAD = """schema = 1
[[issuer]]
name = "main"
url = "https://issuer.example"
audience = ["api"]
preset = "oidc"
"""
ARN = ExecuteApiArn("aws", "eu-west-1", "123456789012", "abcdef1234", "prod", "GET", "/")


def rules_of(
    text: str, *, api_routes: Iterable[str] | None = None, environment: Mapping[str, str] | None = None
) -> RuleSet:
    """Return the rule set of `[[rule]]` tables, the issuer filled in."""
    listed = None if api_routes is None else list(api_routes)
    return parse_rules(HEAD + text, file="rules.toml", environment=environment or {}, api_routes=listed)


def caller(
    *,
    scopes: Iterable[str] = (),
    groups: Iterable[str] = (),
    roles: Iterable[str] = (),
    tier: str | None = None,
    issuer: str = "main",
    claims: Mapping[str, Any] | None = None,
    unknown: Iterable[str] = (),
) -> Principal:
    """Return a caller."""
    return Principal(
        "caller",
        issuer,
        frozenset(scopes),
        frozenset(groups),
        frozenset(roles),
        tier,
        None,
        claims or {},
        None,
        frozenset(unknown),
    )
