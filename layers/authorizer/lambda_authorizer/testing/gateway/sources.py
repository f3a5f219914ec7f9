"""Identity sources: values without which no function is asked, and under which its answers are kept."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from lambda_authorizer.testing.events import Call

Place = Literal["header", "querystring", "context", "stageVariables"]
_PREFIXES: Final = {
    "rest": {
        "method.request.header.": "header",
        "method.request.querystring.": "querystring",
        "context.": "context",
        "stageVariables.": "stageVariables",
    },
    "http": {
        "$request.header.": "header",
        "$request.querystring.": "querystring",
        "$context.": "context",
        "$stageVariables.": "stageVariables",
    },
    "websocket": {
        "route.request.header.": "header",
        "route.request.querystring.": "querystring",
        "context.": "context",
        "stageVariables.": "stageVariables",
    },
}


class Source(NamedTuple):
    """One identity source."""

    place: str
    name: str


def source(text: str, *, front: Literal["rest", "http", "websocket"]) -> Source:
    """Return an identity source from its expression.

    Raises:
        ValueError: it is no expression of this front end.
    """
    for prefix, place in _PREFIXES[front].items():
        if text.startswith(prefix) and len(text) > len(prefix):
            return Source(place, text[len(prefix) :])
    raise ValueError(f"an identity source here begins with one of: {', '.join(_PREFIXES[front])}")


def values(
    sources: tuple[Source, ...],
    call: Call,
    *,
    context: Mapping[str, str],
    stage_variables: Mapping[str, str],
    joined: bool,
) -> tuple[str, ...] | None:
    """Return the value of each source in order, or None if one is missing or empty.

    Args:
        sources: of the authorizer.
        call: the client's.
        context: `$context` variables that can be sources.
        stage_variables: of the stage.
        joined: repeated values come as one, joined by commas (HTTP API); otherwise the last counts.
    """
    found = [_value(one, call, context, stage_variables, joined=joined) for one in sources]
    return tuple(value for value in found if value) if all(found) else None


def _value(
    one: Source, call: Call, context: Mapping[str, str], stage_variables: Mapping[str, str], *, joined: bool
) -> str | None:
    if one.place == "context":
        return context.get(one.name)
    if one.place == "stageVariables":
        return stage_variables.get(one.name)
    if one.place == "header":
        every = [value for name, value in call.header_pairs if name.lower() == one.name.lower()]
    else:
        every = [value for name, value in call.query_pairs if name == one.name]
    if not every:
        return None
    return ",".join(every) if joined else every[-1]
