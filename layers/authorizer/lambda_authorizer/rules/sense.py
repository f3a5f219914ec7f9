"""Rules that could never matter, and which rules follow from which.

A rule that nobody needs hides a slip: it is covered by a deny rule that holds whenever it does, or it gives
nothing that an easier rule does not give already.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lambda_authorizer.rules.model import Route, within

if TYPE_CHECKING:
    from lambda_authorizer.rules.parse import _Reader

Conditions = Sequence[Sequence[Any]]


def check_sense(
    reader: "_Reader", rules: Sequence[Mapping[str, Any]], routes: Sequence[Route], denials: Sequence[Route]
) -> None:
    """Raise ConfigurationError for the first rule that can never matter."""
    allows = [rule for rule in rules if rule["effect"] == "allow"]
    if not allows:
        from lambda_authorizer.rules.messages import Place

        reader.fail(Place("", None), "rule", "deny rules only", "at least one rule with allow")
    by_route: dict[int, list[Mapping[str, Any]]] = {}
    for rule in allows:
        for route, _ in rule["targets"]:
            by_route.setdefault(route, []).append(rule)
    for rule in allows:
        _check_denied(reader, rule, rules, routes, denials)
        _check_needed(reader, rule, by_route)


def _check_denied(
    reader: "_Reader",
    rule: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]],
    routes: Sequence[Route],
    denials: Sequence[Route],
) -> None:
    """Raise if deny rules that hold whenever this rule does reach all its routes."""
    closed: dict[int, str] = {}
    for other in rules:
        if other["effect"] != "deny" or not follows(other["conditions"], rule["conditions"]):
            continue
        for pattern, where in other["targets"]:
            if where:
                continue
            for route, _ in rule["targets"]:
                if within(routes[route], denials[pattern]):
                    closed[route] = other["name"]
    if len(closed) == len(rule["targets"]):
        name = min(closed.values())
        reader.fail(
            rule["place"],
            "allow",
            f"routes that the deny rule {name!r} closes to everyone who meets this rule",
            "at least one route that stays open",
            hint="Delete this rule, or narrow the deny.",
        )


def _check_needed(
    reader: "_Reader", rule: Mapping[str, Any], by_route: Mapping[int, Sequence[Mapping[str, Any]]]
) -> None:
    """Raise if easier rules give all that this rule gives."""
    givers = []
    for route, where in rule["targets"]:
        for other in by_route[route]:
            if other is not rule and _gives(other, rule, route, where):
                givers.append(other["name"])
                break
        else:
            return
    name = givers[0]
    reader.fail(
        rule["place"],
        "allow",
        f"routes that the rule {name!r} gives already, for less",
        "a rule that gives something",
        hint="Delete this rule, or the easier one.",
    )


def _gives(other: Mapping[str, Any], rule: Mapping[str, Any], route: int, where: Sequence[Any]) -> bool:
    """True if whoever meets `rule` gets this route, as widely, from `other`."""
    others = next(bound for number, bound in other["targets"] if number == route)
    if any(binding not in where for binding in others) or not follows(other["conditions"], rule["conditions"]):
        return False
    mutual = all(binding in others for binding in where) and follows(rule["conditions"], other["conditions"])
    return not mutual or other["place"].number < rule["place"].number


def follows(conclusion: Conditions, premises: Conditions) -> bool:
    """True if whoever meets the premises surely meets the conclusion too; False where that is not plain."""
    anonymous = any(kind == "anonymous" for kind, _ in premises)
    return all(_follows(kind, wanted, premises, anonymous=anonymous) for kind, wanted in conclusion)


def _follows(kind: str, wanted: Any, premises: Conditions, *, anonymous: bool) -> bool:
    if kind == "anonymous":
        return True
    if kind == "authenticated":
        return not anonymous
    for other, given in premises:
        if other == kind and given == wanted:
            return True
        if kind in {"scopes", "all_groups", "all_roles"} and other == kind and set(wanted) <= set(given):
            return True
        if kind in {"any_scopes", "groups", "roles", "issuer"} and other == kind and set(given) <= set(wanted):
            return True
        if kind == other == "present" and all(path in given for path in wanted):
            return True
        tiers = {"tier", "min_tier"}
        if kind in tiers and other in tiers and set(given) <= set(wanted):
            return True
        every = {"any_scopes": "scopes", "groups": "all_groups", "roles": "all_roles"}.get(kind)
        if other == every and not set(given).isdisjoint(wanted):
            return True
    return False
