"""Two versions of the rules: what the new one opens and closes, in words.

Each route of either version is asked as a request whose variables have values nobody spells. An opening is said
wherever it is not plain that nobody gains by the change.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lambda_authorizer.policy.decide import route_numbers
from lambda_authorizer.rules import Route, Rule, RuleSet
from lambda_authorizer.rules.model import Target
from lambda_authorizer.rules.sense import follows
from lambda_authorizer.rules.words import rule_text


class Change(NamedTuple):
    """One difference."""

    route: str  # "" for what is not about one route
    who: str
    text: str


class Comparison(NamedTuple):
    """Everything that differs in effect."""

    opens: tuple[Change, ...]
    closes: tuple[Change, ...]


class _Way(NamedTuple):
    """One way to a route: who, and for which values."""

    conditions: tuple[tuple[str, Any], ...]
    where: frozenset[tuple[int, tuple[str, ...]]]
    text: str


def compare(old: RuleSet, new: RuleSet) -> Comparison:
    """Return what a change of rules opens and what it closes."""
    opens, closes = list(_trust(old, new)), list(_trust(new, old, gone=True))
    for route in _routes(old, new):
        before, after = _ways(old, route), _ways(new, route)
        opens += [
            Change(route.text, way.text, f"{route.text}: now open to {way.text}") for way in _gained(before, after)
        ]
        closes += [
            Change(route.text, way.text, f"{route.text}: no longer open to {way.text}")
            for way in _gained(after, before)
        ]
    for route in _denials(old, new):
        before, after = _denied(old, route), _denied(new, route)
        opens += [
            Change(route.text, way.text, f"{route.text}: no longer denied to {way.text}")
            for way in _gained(after, before)
        ]
        closes += [
            Change(route.text, way.text, f"{route.text}: now denied to {way.text}") for way in _gained(before, after)
        ]
    return Comparison(tuple(opens), tuple(closes))


def _routes(old: RuleSet, new: RuleSet) -> list[Route]:
    found = {(route.kind, route.method, route.segments): route for route in (*old.routes, *new.routes)}
    return list(found.values())


def _denials(old: RuleSet, new: RuleSet) -> list[Route]:
    found = {(route.kind, route.method, route.segments): route for route in (*old.denials, *new.denials)}
    return list(found.values())


def _ways(rules: RuleSet, route: Route) -> list[_Way]:
    """Return the ways to a request of this route's shape; several routes at once make their combinations."""
    path = "/".join(segment if isinstance(segment, str) else f"any~{at}" for at, segment in enumerate(route.segments))
    method = "OPTIONS" if route.method == "ANY" else route.method
    if route.kind == "graphql":
        text = path
    else:
        text = "" if route.segments == ("",) and route.kind != "http" else f"/{path}"
    numbers, _, _ = route_numbers(rules, method, text)
    ways = [_Way((), frozenset(), "")]
    for number in numbers:
        ways = [_joined(way, rule, target) for way in ways for rule, target in _granting(rules, number)]
    return ways if numbers else []


def _granting(rules: RuleSet, number: int) -> Iterator[tuple[Rule, Target]]:
    for rule in rules.rules:
        if rule.effect == "allow":
            for target in rule.targets:
                if target.route == number:
                    yield rule, target


def _joined(way: _Way, rule: Rule, target: Target) -> _Way:
    text = rule_text(rule, target)
    return _Way(
        way.conditions + tuple(rule.conditions),
        way.where | frozenset(target.where),
        f"{way.text}, who are also {text}" if way.text else text,
    )


def _denied(rules: RuleSet, route: Route) -> list[_Way]:
    return [
        _Way(rule.conditions, frozenset(target.where), rule_text(rule, target))
        for rule in rules.rules
        if rule.effect == "deny"
        for target in rule.targets
        if rules.denials[target.route][:3] == route[:3]
    ]


def _gained(before: Sequence[_Way], after: Sequence[_Way]) -> list[_Way]:
    """Return the ways of `after` that no way of `before` surely covers."""
    return [
        way
        for way in after
        if not any(
            earlier.where <= way.where and follows(earlier.conditions, _premises(way)) for earlier in before
        )
    ]


def _premises(way: _Way) -> tuple[tuple[str, Any], ...]:
    return way.conditions or (("authenticated", True),)


def _trust(old: RuleSet, new: RuleSet, *, gone: bool = False) -> Iterator[Change]:
    """Yield issuers and tiers that differ: whoever they let in or raise cannot be told route by route."""
    word = "no longer trusted" if gone else "now trusted"
    before = list(old.issuers)
    for issuer in new.issuers:
        if issuer not in before:
            name = issuer.name
            yield Change("", f"callers of {name}", f"the issuer {name!r}, as described here, is {word}")
    if not gone and old.tiers != new.tiers:
        yield Change("", "callers by tier", "[tiers] differs: callers may be in another tier than before")
    if not gone and old.hierarchical_scopes != new.hierarchical_scopes and new.hierarchical_scopes:
        yield Change("", "callers by scope", "scopes are hierarchical now: `orders` covers `orders:read`")
    if gone and old.hierarchical_scopes != new.hierarchical_scopes and new.hierarchical_scopes:
        yield Change("", "callers by scope", "scopes are no longer hierarchical: `orders` does not cover `orders:read`")
