"""Text of a route → `Route`, with the reason why where it is none.

- `GET /orders/{id}`: REST and HTTP APIs; ANY means GET HEAD POST PUT PATCH DELETE OPTIONS.
- `$connect`: WebSocket. `Query.orders`: AppSync GraphQL.
- `CONNECT`, `PUBLISH /a/{b}`, `SUBSCRIBE /a/{b}`: AppSync Events.
"""

from typing import Final

from lambda_authorizer.rules.model import GREEDY, METHODS, ODD_ESCAPES, VARIABLE, Route, Segment

_LITERALS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!&'()+,;=:@%")
_NAME: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
_EVENTS: Final = ("PUBLISH", "SUBSCRIBE")
_MOST_SEGMENTS: Final = 40
_LONGEST: Final = 400  # with the API's prefix, a Resource of at most 512 characters


class RouteError(ValueError):
    """The text is no route; the message says what is wrong with it."""


def parse_route(text: str) -> tuple[Route, tuple[str | None, ...]]:
    """Return the route and, segment by segment, the names of its variables.

    Raises:
        RouteError: it is none.
    """
    if len(text) > _LONGEST:
        raise RouteError(f"longer than {_LONGEST} characters")
    if text == "$connect":
        return Route("websocket", "$connect", ("",), text), (None,)
    if text.startswith("$"):
        raise RouteError("of a WebSocket API, only $connect has an authorizer")
    if text == "CONNECT":
        return Route("events", "CONNECT", ("",), text), (None,)
    method, blank, path = text.partition(" ")
    if not blank:
        return _field(text), (None,)
    if method in _EVENTS:
        kind = "events"
    elif method == "ANY" or method in METHODS:
        kind = "http"
    elif method.upper() == "ANY" or method.upper() in METHODS + _EVENTS:
        raise RouteError(f"methods are written in capitals: {method.upper()}")
    else:
        raise RouteError(f"{method!r} is no method")
    segments, names = _path(path)
    if kind == "events" and segments == [""]:
        raise RouteError("a channel begins with its namespace: /namespace/channel")
    return Route(kind, method, tuple(segments), text), tuple(names)


def _field(text: str) -> Route:
    kind, dot, field = text.partition(".")
    if not dot or not _is_graphql_name(kind) or not _is_graphql_name(field):
        raise RouteError("neither `METHOD /path`, nor $connect, CONNECT or Type.field")
    return Route("graphql", "", (text,), text)


def _is_graphql_name(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def _path(path: str) -> tuple[list[Segment], list[str | None]]:
    if not path.startswith("/"):
        raise RouteError("the path must begin with a slash")
    segments: list[Segment] = []
    names: list[str | None] = []
    texts = path[1:].split("/")
    if len(texts) > _MOST_SEGMENTS:
        raise RouteError(f"more than {_MOST_SEGMENTS} segments")
    for at, text in enumerate(texts):
        last = at == len(texts) - 1
        if text.startswith("{") and text.endswith("}"):
            name = text[1:-1]
            greedy = name.endswith("+")
            name = name[:-1] if greedy else name
            if not name or not _NAME.issuperset(name):
                raise RouteError(f"{text} names no variable (letters, digits, `-`, `_`, `.`)")
            if name in names:
                raise RouteError(f"the variable {{{name}}} stands twice")
            if greedy and not last:
                raise RouteError(f"{text} takes the rest of the path and must stand last")
            segments.append(GREEDY if greedy else VARIABLE)
            names.append(name)
            continue
        segments.append(_literal(text, last=last))
        names.append(None)
    return segments, names


def _literal(text: str, *, last: bool) -> str:
    if not text and not last:
        raise RouteError("an empty segment (two slashes) belongs to no route")
    if text in {".", ".."}:
        raise RouteError("a dot segment belongs to no route")
    if "{" in text or "}" in text:
        raise RouteError(f"a variable takes a whole segment: {text!r}")
    wrong = sorted(set(text) - _LITERALS)
    if wrong:
        raise RouteError(f"{wrong[0]!r} cannot stand in a route; percent-encode it as clients send it")
    lower = text.lower()
    if any(escape in lower for escape in ODD_ESCAPES):
        raise RouteError("an encoded slash, backslash, dot or control character belongs to no route")
    return text
