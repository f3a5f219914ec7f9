"""The rules of one file as data, and what they give one caller.

Laws of this file: data only; nothing here parses, validates or searches, because a start with compiled rules loads
it. Everything that can be known before a caller comes stands in `RuleSet`; everything about one caller in
`Grants`.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.tokens import Issuer, Record

if TYPE_CHECKING:
    from lambda_authorizer.principal import Tiers

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
Givers = Sequence[Sequence[int]]  # rule number and holder number of each rule that reaches a route unbound


class Facts:
    """What rules may read of the request beside its route; only where nothing is cached."""

    __slots__ = ("client_certificate", "source_ip")

    def __init__(self, source_ip: str | None = None, client_certificate: Any = None) -> None:
        self.source_ip = source_ip
        self.client_certificate = client_certificate  # has `subject`, `issuer` and `serial_number`


class Route(Record):
    """One route of R, or one pattern of a deny rule; variable names are gone, so equal shapes are equal routes.

    Args:
        kind: "http", "websocket", "graphql" or "events".
        method: "GET", "ANY", "$connect", "PUBLISH"; "" for GraphQL.
        segments: of its path.
        text: as first written: "GET /orders/{id}".
    """

    __slots__ = ("kind", "method", "segments", "text")

    def __init__(self, kind: str, method: str, segments: tuple[Segment, ...], text: str) -> None:
        self.kind: Final = kind
        self.method: Final = method
        self.segments: Final = segments
        self.text: Final = text

    def __repr__(self) -> str:
        return f"Route({self.kind!r}, {self.text!r})"


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


class Holder:
    """The rules of one effect that ask for the same conditions: asked once for all of them."""

    __slots__ = ("bound", "conditions", "effect", "unbound")

    def __init__(
        self,
        effect: str,
        conditions: tuple[tuple[str, Any], ...],
        unbound: int,
        bound: tuple[tuple[int, Target], ...],
    ) -> None:
        self.effect = effect
        self.conditions = conditions
        self.unbound = unbound  # one bit a route (deny pattern) that these rules reach without bound variables
        self.bound = bound  # rule number and target of the others


class RuleSet:
    """Everything a rules file says, checked.

    A start asks for few members of the long lists, so those of a compiled file are made when they are asked for.
    """

    __slots__ = (
        "cache",
        "context",
        "context_types",
        "denial_givers",
        "denials",
        "digest",
        "givers",
        "grants",
        "has_anonymous",
        "hierarchical_scopes",
        "holders",
        "issuers",
        "kinds",
        "made",
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
        holders: tuple[Holder, ...],
        rules: Sequence[Rule],
        routes: Sequence[Route],
        denials: Sequence[Route],
        givers: Sequence[Givers],
        denial_givers: Sequence[Givers],
        kinds: frozenset[str],
        routes_known: bool,
        resource_policy: bool,
        hierarchical_scopes: bool,
        digest: str,
        tries: Sequence[Mapping[str, Any]],
        tables: Sequence[Mapping[str, Any]],
    ) -> None:
        self.issuers = issuers
        self.tiers = tiers
        self.context = context  # name the backend sees -> path of the claim
        self.context_types = (
            context_types  # the same names -> "auto", "string", "number", "boolean", "list", "json"
        )
        self.holders = holders
        self.rules = rules
        self.routes = routes  # R: what the allow rules name, and the API's routes where they are known
        self.denials = denials  # patterns of deny rules; they do not make routes
        self.givers = givers  # by route
        self.denial_givers = denial_givers  # by deny pattern
        self.routes_known = routes_known
        self.resource_policy = resource_policy
        self.hierarchical_scopes = hierarchical_scopes
        self.digest = digest  # SHA-256 of the rules file, hexadecimal
        self.tables = tables  # what the compiler worked out about the routes, one entry per group of methods
        self.kinds = kinds
        asked = {kind for holder in holders for kind, _ in holder.conditions}
        self.reads_request = frozenset(asked & {"source_ip", "client_certificate"})
        self.has_anonymous = "anonymous" in asked
        self.uses_where = any(holder.bound for holder in holders)
        # Neither claims nor the request: callers with the same names (scopes, groups, …) get the same grants.
        self.reads_names_only = asked <= _NAMES and not self.uses_where
        self.tries = tries  # the routes, and the deny patterns, by segments (see `rules.tables.trie_of`)
        self.made: dict[str, Any] = {}  # what was worked out of these rules when it was first asked for
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


UNBOUND: Final[Bindings] = ()


class Grants:
    """What each route of R says for one caller: the one truth behind policies and yes/no answers.

    Most grants bind nothing, so they are kept as one bit a route; `routes` and `denied` spell them out for those
    who want to know by which rules.
    """

    __slots__ = ("_denied", "_held", "_routes", "bound", "closed", "key", "open", "rules", "shut")

    def __init__(
        self,
        rules: RuleSet,
        routes: Mapping[int, tuple[Alternative, ...]],
        denied: Mapping[int, tuple[Alternative, ...]],
        key: tuple[Any, ...],
    ) -> None:
        """Take what is granted and denied, route by route.

        Args:
            rules: the rule set.
            routes: route number → alternatives, unbound first.
            denied: deny pattern number → alternatives.
            key: equal keys of one rule set mean equal grants.
        """
        self.rules = rules
        self.key = key
        self._held: frozenset[int] = frozenset()
        self._routes: Mapping[int, tuple[Alternative, ...]] | None = routes
        self._denied: Mapping[int, tuple[Alternative, ...]] | None = denied
        self.open, self.bound = _split(routes)
        self.shut, self.closed = _split(denied)

    @classmethod
    def of_holders(  # noqa: PLR0913, PLR0917 - plain data
        cls,
        rules: RuleSet,
        held: frozenset[int],
        unbound: tuple[int, int],
        bound: Mapping[int, tuple[Alternative, ...]],
        closed: Mapping[int, tuple[Alternative, ...]],
        key: tuple[Any, ...],
    ) -> Grants:
        """Return the grants of a caller who meets the conditions of these holders.

        Args:
            rules: the rule set.
            held: numbers of the holders.
            unbound: one bit a route that is granted, and a deny pattern that denies, without bound variables.
            bound: route number → alternatives with bound variables.
            closed: deny pattern number → alternatives with variables that are bound, or that cannot be.
            key: equal keys of one rule set mean equal grants.
        """
        self = cls.__new__(cls)
        self.rules = rules
        self.key = key
        self._held = held
        self._routes = self._denied = None
        self.open, self.shut = unbound
        self.bound = bound
        self.closed = closed
        return self

    def without(self, routes: int) -> Grants:
        """Return the same grants but for some routes, one bit each; with a key that no caller has."""
        kept = {route: found for route, found in self.bound.items() if not routes >> route & 1}
        unbound = (self.open & ~routes, self.shut)
        return Grants.of_holders(self.rules, self._held, unbound, kept, self.closed, (self.key, routes))

    @property
    def routes(self) -> Mapping[int, tuple[Alternative, ...]]:
        """Return route number → alternatives, unbound first, then in the order of the file."""
        if self._routes is None:
            self._routes = self._spelled(self.open, self.bound, self.rules.givers)
        return self._routes

    @property
    def denied(self) -> Mapping[int, tuple[Alternative, ...]]:
        """Return deny pattern number → alternatives, unbound first, then in the order of the file."""
        if self._denied is None:
            self._denied = self._spelled(self.shut, self.closed, self.rules.denial_givers)
        return self._denied

    def rule_of(self, route: int) -> int:
        """Return the first rule that grants a route without bounds; such a rule there must be."""
        if self._routes is not None:
            return self._routes[route][0].rule
        return next(rule for rule, holder in self.rules.givers[route] if holder in self._held)

    def _spelled(
        self, unbound: int, bound: Mapping[int, tuple[Alternative, ...]], givers: Sequence[Givers]
    ) -> Mapping[int, tuple[Alternative, ...]]:
        found = {}
        for route in sorted({*bits(unbound), *bound}):
            free = [Alternative(UNBOUND, rule) for rule, holder in givers[route] if holder in self._held]
            found[route] = tuple(
                sorted((*free, *bound.get(route, ())), key=lambda one: (len(one.bindings), one.rule))
            )
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grants) and self.rules is other.rules and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Grants({len({*bits(self.open), *self.bound})} of {len(self.rules.routes)} routes)"


def _split(
    found: Mapping[int, tuple[Alternative, ...]],
) -> tuple[int, Mapping[int, tuple[Alternative, ...]]]:
    """Return one bit for each number that has an alternative without bounds, and the others' alternatives."""
    unbound = 0
    bound = {}
    for number, alternatives in found.items():
        if any(not alternative.bindings for alternative in alternatives):
            unbound |= 1 << number
        with_values = tuple(alternative for alternative in alternatives if alternative.bindings)
        if with_values:
            bound[number] = with_values
    return unbound, bound


def bits(mask: int) -> list[int]:
    """Return the numbers whose bit is set, in order."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def unpacked(text: str) -> int:
    """Return the mask that `rules.tables.packed` wrote."""
    digits, _, offset = text.partition(":")
    return int(digits, 16) << int(offset) if offset else int(digits, 16)
