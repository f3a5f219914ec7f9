"""Callers to try when rules are checked: enough of them to meet every corner.

A corner is a request that must be denied, an Allow line that reaches it, and grants that every fence would hit.
More grants never make it go away while the request stays denied, so for each route the caller with every rule
that does not grant it is the hardest one. Rules of different tiers or issuers never hold together.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from lambda_authorizer.policy.build import tables_of
from lambda_authorizer.rules import Grants, RuleSet
from lambda_authorizer.rules.model import Alternative, Bindings, Rule, bits
from lambda_authorizer.rules.sense import follows

_EXCLUSIVE: Final = {"tier": "tier", "min_tier": "tier", "issuer": "issuer"}


class Caller(NamedTuple):
    """A caller described by the rules that hold."""

    rules: frozenset[int]
    grants: Grants


def callers(rules: RuleSet) -> Iterator[Caller]:
    """Yield callers, each set of rules once: everybody's worst case first, then one rule at a time."""
    seen: set[frozenset[int]] = set()
    for held in _held_sets(rules):
        if held not in seen and any(rules.rules[number].effect == "allow" for number in held):
            seen.add(held)
            yield Caller(held, grants_of(rules, held))


def _held_sets(rules: RuleSet) -> Iterator[frozenset[int]]:
    allows = [number for number, rule in enumerate(rules.rules) if rule.effect == "allow"]
    denies = [number for number, rule in enumerate(rules.rules) if rule.effect == "deny"]
    implied = {
        number: frozenset(
            other
            for other, rule in enumerate(rules.rules)
            if rule.effect == "allow" and follows(rule.conditions, rules.rules[number].conditions)
        )
        for number in [*allows, *denies]
    }
    worlds = list(_worlds(rules, allows))
    for world in worlds:
        yield world
        for deny in denies:
            yield _together(rules, world, deny) | {deny}
    granting: dict[int, set[int]] = {}
    for number in allows:
        for target in rules.rules[number].targets:
            granting.setdefault(target.route, set()).add(number)
    reached = _reached(rules)
    for route, givers in granting.items():
        if route not in reached:
            continue
        for world in worlds:
            yield frozenset(number for number in world if implied[number].isdisjoint(givers))
            bound = {number for number in givers if _binds(rules.rules[number], rules, givers)}
            yield frozenset(number for number in world if implied[number].isdisjoint(givers - bound))
    for number in allows:
        yield frozenset(implied[number] | {number})


def _reached(rules: RuleSet) -> set[int]:
    """Return the routes whose requests some other route's Allow line reaches: only those can be a corner."""
    found: set[int] = set()
    for table in tables_of(rules):
        for number, group in enumerate(table.groups):
            for form in group.forms.values():
                for cell in bits(form.hits & ~table.mine[number]):
                    found.update(table.routes_at(cell))
    return found


def _binds(rule: Rule, rules: RuleSet, givers: set[int]) -> bool:
    return any(target.where for target in rule.targets) and rules.rules.index(rule) in givers


def _worlds(rules: RuleSet, allows: list[int]) -> Iterator[frozenset[int]]:
    """Yield the largest sets of rules that one caller can meet, as far as tiers and issuers tell."""
    tiers: list[str | None] = [None, *(rules.tiers.order if rules.tiers else ())]
    for tier in tiers:
        for issuer in rules.issuers:
            yield frozenset(
                number for number in allows if _possible(rules.rules[number], tier=tier, issuer=issuer.name)
            )


def _possible(rule: Rule, *, tier: str | None, issuer: str) -> bool:
    mine = {"tier": tier, "issuer": issuer}
    return all(mine[_EXCLUSIVE[kind]] in wanted for kind, wanted in rule.conditions if kind in _EXCLUSIVE)


def _together(rules: RuleSet, world: frozenset[int], deny: int) -> frozenset[int]:
    """Return the world if the deny rule can hold in it, else nothing."""
    wanted = {_EXCLUSIVE[kind]: set(values) for kind, values in rules.rules[deny].conditions if kind in _EXCLUSIVE}
    for number in world:
        for kind, values in rules.rules[number].conditions:
            if kind in _EXCLUSIVE and wanted.get(_EXCLUSIVE[kind], set(values)).isdisjoint(values):
                return frozenset()
    return world


def grants_of(rules: RuleSet, held: frozenset[int]) -> Grants:
    """Return the grants of a caller whose bound claims have values that no route spells."""
    values: dict[tuple[str, ...], str] = {}
    routes: dict[int, list[Alternative]] = {}
    denied: dict[int, list[Alternative]] = {}
    for number in sorted(held):
        rule = rules.rules[number]
        for target in rule.targets:
            bindings: Bindings = tuple(
                (at, (values.setdefault(path, f"caller~{len(values)}"),)) for at, path in target.where
            )
            into = routes if rule.effect == "allow" else denied
            into.setdefault(target.route, []).append(Alternative(bindings, number))
    return Grants(
        rules,
        {route: tuple(sorted(found, key=lambda item: len(item.bindings))) for route, found in routes.items()},
        {route: tuple(sorted(found, key=lambda item: len(item.bindings))) for route, found in denied.items()},
        ("held", held),
    )
