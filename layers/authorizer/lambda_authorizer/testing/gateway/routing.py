"""Which route a request takes, as API Gateway chooses it."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_Rank = tuple[int, ...]
_LITERAL, _VARIABLE, _GREEDY = 0, 1, 2


class Route(NamedTuple):
    """One method of one resource, or one route of an HTTP API."""

    method: str
    """GET …, ANY, or `$default` with an empty path."""
    path: str
    """Template: `/orders/{id}`, `/files/{name+}`."""
    authorizer: bool = True
    """False: `Authorizer: NONE`, open to everybody."""
    api_key_required: bool = False

    @property
    def key(self) -> str:
        """`routeKey` of an HTTP API: "GET /orders/{id}", or "$default"."""
        return f"{self.method} {self.path}".strip()


class Match(NamedTuple):
    """The route taken, with the values of its variables as they stand in the path."""

    route: Route
    variables: Mapping[str, str]


def route(given: str | Route) -> Route:
    """Return a route from its text.

    Raises:
        ValueError: it is neither "METHOD /path" nor "$default".
    """
    if isinstance(given, Route):
        return given
    method, _, path = given.partition(" ")
    if given == "$default":
        return Route("$default", "")
    if method not in (*METHODS, "ANY") or not path.startswith("/"):
        raise ValueError("a route is 'METHOD /path' or '$default'")
    return Route(method, path)


def choose(routes: Iterable[Route], method: str, path: str, *, front: Literal["rest", "http"]) -> Match | None:
    """Return the route that a request takes, or None.

    REST looks for the most specific resource first and for the method there; an HTTP API looks for the most
    specific route among those of the method.

    Args:
        routes: of the API.
        method: of the request.
        path: as sent, without stage and query.
        front: REST API or HTTP API.
    """
    segments = _segments(path)
    found: list[tuple[_Rank, bool, Match]] = []
    for one in routes:
        if front == "http" and one.method not in (method, "ANY"):
            continue
        matched = _match(_segments(one.path), segments)
        if matched is not None and one.method != "$default":
            rank, variables = matched
            if front == "http":
                # "Full match" comes before "greedy match", however long the greedy route's literal beginning is.
                rank = (int(_GREEDY in rank), *rank)
            found.append((rank, one.method == "ANY", Match(one, variables)))
    if front == "rest" and found:
        best = min(rank for rank, _, _ in found)
        found = [entry for entry in found if entry[0] == best and entry[2].route.method in (method, "ANY")]
    if found:
        return min(found, key=lambda entry: entry[:2])[2]
    return next((Match(one, {}) for one in routes if one.method == "$default"), None)


def _segments(path: str) -> list[str]:
    """Return a path's segments; one slash at the end and any number at the beginning do not count."""
    stripped = path.lstrip("/").removesuffix("/")
    return stripped.split("/") if stripped else []


def _match(template: list[str], segments: list[str]) -> tuple[_Rank, dict[str, str]] | None:
    """Return how specific the match is (smaller is more), with the variables; None if there is none."""
    rank: list[int] = []
    variables: dict[str, str] = {}
    for position, part in enumerate(template):
        name = part[1:-1] if part.startswith("{") and part.endswith("}") else ""
        rest = segments[position:]
        if not rest:
            return None
        if name.endswith("+"):
            variables[name[:-1]] = "/".join(rest)
            return (*rank, _GREEDY), variables
        if name and rest[0]:
            variables[name] = rest[0]
            rank.append(_VARIABLE)
        elif part == rest[0]:
            rank.append(_LITERAL)
        else:
            return None
    return (tuple(rank), variables) if len(template) == len(segments) else None
