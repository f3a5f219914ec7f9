"""Gateway responses of a REST API: status, headers and body of a refusal, as a template may change them."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_VARIABLE: Final = re.compile(r"\$context\.([A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)")
_CLIENT_ERROR: Final = 500


class GatewayResponse(NamedTuple):
    """One entry of `GatewayResponses`."""

    status: int | None = None
    """None keeps the default."""
    headers: Mapping[str, str] = {}
    """Header name to expression: a static text in single quotes, or `context.…`."""
    template: str | None = None
    """Body with `$context.…` variables; None keeps the default."""


class Default(NamedTuple):
    """What the client gets where the API changes nothing."""

    kind: str
    """Response type: UNAUTHORIZED, ACCESS_DENIED, …"""
    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


def rendered(
    responses: Mapping[str, GatewayResponse], default: Default, context: Mapping[str, Any]
) -> tuple[int, Any, dict[str, str]]:
    """Return status, body and headers of a refusal.

    Args:
        responses: the API's, by type.
        default: what they may change.
        context: `$context` variables, flat ("authorizer.reason").
    """
    kind, status, body, headers = default
    fallback = "DEFAULT_4XX" if status < _CLIENT_ERROR else "DEFAULT_5XX"
    found = responses.get(kind) or responses.get(fallback)
    if found is None:
        return status, body, dict(headers)
    message = next(iter(body.values()))
    variables = {
        **context,
        "error.message": message,
        "error.messageString": json.dumps(message),
        "error.responseType": kind,
    }
    own = {name: _expression(text, variables) for name, text in found.headers.items()}
    text = None if found.template is None else _substituted(found.template, variables)
    return found.status or status, body if text is None else _read(text), {**headers, **own}


def _substituted(template: str, variables: Mapping[str, Any]) -> str:
    """Put variables in as they are: the service escapes nothing."""
    return _VARIABLE.sub(lambda found: _plain(variables.get(found[1])), template)


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _expression(text: str, variables: Mapping[str, Any]) -> str:
    """Return the value of a header expression.

    Raises:
        ValueError: it is neither a quoted text nor a context variable.
    """
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return text[1:-1]
    if text.startswith("context."):
        return _plain(variables.get(text.removeprefix("context.")))
    raise ValueError("a gateway response's header is a text in single quotes, or context.…")


def _read(text: str) -> Any:
    """Return the body as JSON where it is, else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
