"""Generated route tables, rules and callers, for the proof of exactness: `make exact` and tests/exact.

The tables look like the APIs people build (collections, items, sub-collections, actions, proxies), with what makes
wildcards hard mixed in: literals beside variables, open ends over everything, incomparable routes, ANY beside a
method, trailing slashes, bound variables, deny rules.
"""

import random
from typing import Any, NamedTuple

NOUNS = (
    "orders", "items", "users", "invoices", "reports", "teams", "files", "members", "events", "carts",
    "flights", "seats", "points", "offers", "tickets", "audits", "notes", "tags", "plans", "keys",
    "GET", "prod", "me", "export", "search", "admin", "status", "refunds", "history", "stats",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Case(NamedTuple):
    """One rules document, as JSON has it, and the routes of the API where they are known."""

    rules: dict[str, Any]
    routes: list[str]


def route_table(rnd: random.Random, size: int) -> list[str]:
    """Return about `size` different routes of one API, as an engineer would lay them out."""
    routes: dict[str, None] = {}
    nouns = list(NOUNS) + [f"{noun}{number}" for number in range(size // 12) for noun in NOUNS[:20]]
    # In one API of ten each: an open end over everything, or a variable beside the literals of the first segment.
    if rnd.random() < 0.1:
        routes[f"{rnd.choice(('GET', 'ANY'))} /{{proxy+}}"] = None
    if rnd.random() < 0.1:
        routes[f"{rnd.choice((*METHODS, 'ANY'))} /{{tenant}}/{rnd.choice(nouns)}"] = None
    while len(routes) < size:
        _resource(rnd, "/" + rnd.choice(nouns), routes, depth=0)
    return list(routes)[:size]


def _resource(rnd: random.Random, path: str, routes: dict[str, None], *, depth: int) -> None:
    routes["GET " + path] = None
    if rnd.random() < 0.6:
        routes["POST " + path] = None
    item = f"{path}/{{id{depth}}}"
    if rnd.random() < 0.8:
        if rnd.random() < 0.15:
            routes["ANY " + item] = None
        else:
            for method in METHODS:
                if method != "POST" and rnd.random() < 0.5:
                    routes[f"{method} {item}"] = None
    if rnd.random() < 0.15:
        routes[f"{rnd.choice(('GET', 'POST'))} {path}/{rnd.choice(NOUNS)}"] = None
    if rnd.random() < 0.25:
        routes[f"POST {item}/{rnd.choice(NOUNS)}"] = None
    if rnd.random() < 0.03:
        routes[f"{rnd.choice(('GET', 'ANY'))} {path}/{{rest+}}"] = None
    if depth < 2 and rnd.random() < 0.35:
        _resource(rnd, f"{item}/{rnd.choice(NOUNS)}", routes, depth=depth + 1)


def wild_table(rnd: random.Random, size: int) -> list[str]:
    """Return `size` routes or fewer over a tiny alphabet, so that everything overlaps."""
    routes: dict[str, None] = {}
    for _ in range(size * 3):
        if len(routes) >= size:
            break
        segments = []
        length = rnd.choice((1, 1, 2, 2, 2, 3, 3, 4))
        for at in range(length):
            kind = rnd.random()
            if kind < 0.55:
                segments.append(rnd.choice(("a", "b", "c", "GET")))
            elif kind < 0.93 or at < length - 1:
                segments.append(f"{{v{at}}}")
            else:
                segments.append("{rest+}")
        if rnd.random() < 0.05 and segments[-1] != "{rest+}":
            segments.append("")
        method = rnd.choice(("GET", "GET", "GET", "POST", "ANY"))
        routes[f"{method} /{'/'.join(segments)}"] = None
    return list(routes)


def rules_over(  # noqa: PLR0913 - knobs of a generator
    rnd: random.Random, routes: list[str], *, rules: int, bound: float, denials: float, scattered: float = 1.0
) -> dict[str, Any]:
    """Return a rules document that names all routes, spread over rules by scope.

    Args:
        rnd: where chance comes from.
        routes: all routes.
        rules: rules at most.
        bound: share of the routes with variables that are bound to a claim.
        denials: deny rules for each rule.
        scattered: share of the routes that any rule may name; the others follow their first segment, as they do
            where a team owns a resource.
    """
    home = {first: rnd.randrange(rules) for first in sorted({route.split("/")[1] for route in routes})}
    shuffled = list(routes)
    rnd.shuffle(shuffled)
    tables: list[dict[str, Any]] = []
    shapes = set()
    parts: list[list[str]] = [[] for _ in range(rules)]
    for route in shuffled:
        shape = _shape(route)
        if shape in shapes:
            continue
        shapes.add(shape)
        at_random = rnd.random() < scattered
        parts[rnd.randrange(rules) if at_random else home[route.split("/")[1]]].append(route)
    for number, part in enumerate(filter(None, parts)):
        free = [route for route in part if "{" not in route or rnd.random() >= bound]
        tied = [route for route in part if route not in free]
        if free:
            tables.append({"name": f"free {number}", "allow": free, "scopes": [f"s{number}"]})
        for at, route in enumerate(tied):
            variable = _first_variable(route)
            if variable is None:
                tables.append({"name": f"open {number} {at}", "allow": [route], "scopes": [f"s{number}"]})
            else:
                tables.append(
                    {
                        "name": f"tied {number} {at}",
                        "allow": [route],
                        "scopes": [f"s{number}"],
                        "where": {variable: rnd.choice(("sub", "tenant"))},
                    }
                )
    for number in range(rules):
        if rnd.random() < denials:
            route = rnd.choice(routes)
            table: dict[str, Any] = {"name": f"deny {number}", "deny": [route], "groups": [f"g{number}"]}
            variable = _first_variable(route)
            if variable and rnd.random() < 0.4:
                table["where"] = {variable: "sub"}
            tables.append(table)
    return {"schema": 1, "issuer": [ISSUER], "rule": tables}


ISSUER = {"name": "main", "url": "https://issuer.example", "audience": ["api"], "preset": "oidc"}


def _shape(route: str) -> str:
    method, _, path = route.partition(" ")
    parts = ["{+}" if part.endswith("+}") else "{}" if part.startswith("{") else part for part in path.split("/")]
    return method + "/".join(parts)


def _first_variable(route: str) -> str | None:
    for part in route.partition(" ")[2].split("/"):
        if part.startswith("{") and not part.endswith("+}"):
            return part[1:-1]
    return None
