"""Routes of the API held against routes of the rules."""

from collections.abc import Iterable
from typing import NamedTuple

from lambda_authorizer.rules import Route, RuleSet
from lambda_authorizer.rules.model import within
from lambda_authorizer.rules.routes import RouteError, parse_route


class Uncovered(NamedTuple):
    """A route of the API that no rule names."""

    route: str
    caught_by: tuple[str, ...]  # wider routes of rules, which would have taken it if it had not been known


class Coverage(NamedTuple):
    """What only one side knows."""

    without_rule: tuple[Uncovered, ...]
    without_route: tuple[tuple[str, str], ...]  # rule, route that the API does not have
    unreadable: tuple[str, ...]  # routes of the API that the rules language cannot name


def coverage(rules: RuleSet, api_routes: Iterable[str]) -> Coverage:
    """Compare the routes that allow rules name with those of the API, for the kinds of route the API has."""
    named = {
        target.route: rule.name for rule in rules.rules if rule.effect == "allow" for target in rule.targets
    }
    routes: list[Route] = []
    unreadable = []
    for text in api_routes:
        try:
            routes.append(parse_route(text)[0])
        except RouteError:
            unreadable.append(text)
    kinds = {route.kind for route in routes}
    without_rule = []
    for route in routes:
        if not any(_same(rules.routes[number], route) for number in named):
            wider = tuple(rules.routes[number].text for number in named if within(route, rules.routes[number]))
            without_rule.append(Uncovered(route.text, wider))
    without_route = [
        (name, rules.routes[number].text)
        for number, name in named.items()
        if rules.routes[number].kind in kinds and not any(_serves(route, rules.routes[number]) for route in routes)
    ]
    return Coverage(tuple(without_rule), tuple(without_route), tuple(unreadable))


def _same(rule_route: Route, route: Route) -> bool:
    return rule_route.segments == route.segments and rule_route.method in {route.method, "ANY"}


def _serves(route: Route, rule_route: Route) -> bool:
    """True if the API's route sends some request of the rule's route."""
    either = route.method == "ANY" or rule_route.method == "ANY"
    if not either and route.method != rule_route.method:
        return False
    return within(rule_route._replace(method="GET"), route._replace(method="GET"))
