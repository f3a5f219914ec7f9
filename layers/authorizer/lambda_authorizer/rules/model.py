"""The rules of one file as data, and what they give one caller.

Laws of this file: data only; nothing here parses, validates or searches, because a start with compiled rules loads
it. Everything that can be known before a caller comes stands in `RuleSet`; everything about one caller in
`Grants`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from lambda_authorizer.principal import Tiers
from lambda_authorizer.tokens import Issuer

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # what ANY stands for
VARIABLE: Final = 0  # a segment `{name}`: one or more characters without a slash
GREEDY: Final = 1  # the last segment `{name+}`: one or more characters
# What no path may have: an encoded slash, backslash, dot or control character (%00 to %1F, %7F), in lower case.
ODD_ESCAPES: Final = ("%2f", "%5c", "%2e", "%0", "%1", "%7f")
# The conditions that ask only for what `rules.grants._names` lists of a caller.
_NAMES: Final = frozenset({
    "all_groups", "all_roles", "anonymous", "any_scopes", "authenticated", "groups", "issuer", "min_tier", "roles",
    "scopes", "tier",
})  # fmt: skip

Segment = str | int  # a literal, VARIABLE or GREEDY
ClaimPath = tuple[str, ...]
Bindings = tuple[tuple[int, tuple[str, ...]], ...]  # segment number -> the spellings of its value


class Facts:
    """What rules may read of the request beside its route; only where nothing is cached."""

    __slots__ = ("client_certificate", "source_ip")

    def __init__(self, source_ip: str | None = None, client_certificate: Any = None) -> None:
        self.source_ip = source_ip
        self.client_certificate = client_certificate  # has `subject`, `issuer` and `serial_number`


class Route(NamedTuple):
    """One route of R, or one pattern of a deny rule; variable names are gone, so equal shapes are equal routes."""

    kind: str  # "http", "websocket", "graphql" or "events"
    method: str  # "GET", "ANY", "$connect", "PUBLISH"; "" for GraphQL
    segments: tuple[Segment, ...]
    text: str  # as first written: "GET /orders/{id}"


def within(route: Route, pattern: Route) -> bool:
    """True if every request of a route matches a pattern."""
    if route.kind != pattern.kind or (pattern.method not in {route.method, "ANY"}):
        return False
    for at, segment in enumerate(pattern.segments):
        if at >= len(route.segments):
            return False
        other = route.segments[at]
        if segment == GREEDY:
            return other != ""
        if segment == VARIABLE:
            if other in {GREEDY, ""}:
                return False
        elif segment != other:
            return False
    return len(route.segments) == len(pattern.segments)


class Target:
    """One route of a rule: its number, and the claims that bind its variables."""

    __slots__ = ("route", "where")

    def __init__(self, route: int, where: tuple[tuple[int, ClaimPath], ...]) -> None:
        self.route = route
        self.where = where


class Rule:
    """One rule: what it reaches and the conditions that must all hold."""

    __slots__ = ("conditions", "description", "effect", "line", "name", "narrow", "targets")

    def __init__(  # noqa: PLR0913 - one argument a key of the file
        self,
        name: str,
        effect: str,
        targets: tuple[Target, ...],
        conditions: tuple[tuple[str, Any], ...],
        *,
        narrow: bool = False,
        line: int | None = None,
        description: str = "",
    ) -> None:
        self.name = name
        self.effect = effect  # "allow" or "deny"; the targets of a deny rule number `RuleSet.denials`
        self.targets = targets
        self.conditions = conditions
        self.narrow = narrow
        self.line = line
        self.description = description

    def __repr__(self) -> str:
        return f"Rule({self.name!r}, {self.effect})"


class RuleSet:
    """Everything a rules file says, checked."""

    __slots__ = (
        "cache",
        "context",
        "context_types",
        "denials",
        "digest",
        "grants",
        "has_anonymous",
        "hierarchical_scopes",
        "issuers",
        "kinds",
        "reads_names_only",
        "reads_request",
        "resource_policy",
        "routes",
        "routes_known",
        "rules",
        "tables",
        "tiers",
        "tries",
        "uses_where",
    )

    def __init__(  # noqa: PLR0913 - one argument a table of the file
        self,
        *,
        issuers: tuple[Issuer, ...],
        tiers: Tiers | None,
        context: Mapping[str, ClaimPath],
        context_types: Mapping[str, str],
        rules: tuple[Rule, ...],
        routes: tuple[Route, ...],
        denials: tuple[Route, ...],
        routes_known: bool,
        resource_policy: bool,
        hierarchical_scopes: bool,
        digest: str,
        tables: Sequence[Mapping[str, Any]],
    ) -> None:
        self.issuers = issuers
        self.tiers = tiers
        self.context = context  # name the backend sees -> path of the claim
        self.context_types = (
            context_types  # the same names -> "auto", "string", "number", "boolean", "list", "json"
        )
        self.rules = rules
        self.routes = routes  # R: what the allow rules name, and the API's routes where they are known
        self.denials = denials  # patterns of deny rules; they do not make routes
        self.routes_known = routes_known
        self.resource_policy = resource_policy
        self.hierarchical_scopes = hierarchical_scopes
        self.digest = digest  # SHA-256 of the rules file, hexadecimal
        self.tables = tables  # what the compiler worked out about the routes, one entry per group of methods
        self.kinds = frozenset(route.kind for route in routes)
        asked = {kind for rule in rules for kind, _ in rule.conditions}
        self.reads_request = frozenset(asked & {"source_ip", "client_certificate"})
        self.has_anonymous = "anonymous" in asked
        self.uses_where = any(target.where for rule in rules for target in rule.targets)
        # Neither claims nor the request: callers with the same names (scopes, groups, …) get the same grants.
        self.reads_names_only = asked <= _NAMES and not self.uses_where
        self.tries: dict[str, Any] = {}  # built when first asked for
        self.cache: dict[Any, Any] = {}  # policies by grants, bounded by its writer
        self.grants: dict[Any, Grants] = {}  # by the caller's names, bounded by its writer

    def __repr__(self) -> str:
        return f"RuleSet({len(self.rules)} rules, {len(self.routes)} routes, {self.digest[:12]})"


class Alternative:
    """One way in which a caller is granted a route: without bounds, or for some values of its variables."""

    __slots__ = ("bindings", "rule")

    def __init__(self, bindings: Bindings, rule: int) -> None:
        self.bindings = bindings
        self.rule = rule


class Grants:
    """What each route of R says for one caller: the one truth behind policies and yes/no answers."""

    __slots__ = ("denied", "key", "routes", "rules")

    def __init__(
        self,
        rules: RuleSet,
        routes: Mapping[int, tuple[Alternative, ...]],
        denied: Mapping[int, tuple[Alternative, ...]],
        key: tuple[Any, ...],
    ) -> None:
        self.rules = rules
        self.routes = routes  # route number -> alternatives, unbound first
        self.denied = denied  # deny pattern number -> alternatives
        self.key = key  # equal keys of one rule set mean equal grants

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grants) and self.rules is other.rules and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Grants({len(self.routes)} of {len(self.rules.routes)} routes)"
