"""The context that the backend gets, as each front end can carry it.

Laws of this file:
- REST, WebSocket and HTTP API 1.0 carry strings, numbers and booleans; one nested value makes the gateway answer
  500. Lists of words are joined by a blank; whatever else has no such form is base64url JSON, without padding.
- HTTP API 2.0 carries JSON values as they are; AppSync carries strings.
- Nothing is null; a claim that is absent is absent here.
- Under a result cache the context is kept with the answer, so nothing of the single request goes in.

Source: API Gateway developer guide, "Output from a Lambda authorizer", "Lambda authorizers for HTTP APIs".
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from binascii import b2a_base64
from json import dumps, loads
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.principal import Principal, claim_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambda_authorizer.response import FrontEnd

_LONGEST_NUMBER: Final = 40
_SCALARS: Final = (bool, int, float)
# The first three belong to API Gateway, the others to every answer of ours.
RESERVED: Final = ("claims", "principalId", "integrationLatency", "principal", "scopes", "tier", "reason")


def caller_context(principal: Principal, claims: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Return what the backend is told about the caller: id, scopes, tier, and what `[context]` names."""
    values: dict[str, object] = {"principal": principal.id, "scopes": sorted(principal.scopes)}
    if principal.tier is not None:
        values["tier"] = principal.tier
    for name, path in claims.items():
        value = claim_at(principal.claims, path)
        if value is not None:
            values[name] = value
    return values


def carried(front_end: FrontEnd, values: Mapping[str, object], types: Mapping[str, str]) -> dict[str, Any]:
    """Return the values in the types that the front end delivers.

    Args:
        front_end: who delivers them.
        values: name → value, as the claims have it.
        types: name → what `[context]` calls its type; "auto" where it says nothing.
    """
    if front_end in ("http-2.0", "http-simple"):
        carry = _as_it_is
    elif front_end in ("appsync", "appsync-events"):
        carry = _word
    else:
        carry = _scalar
    context = {}
    for name, value in values.items():
        cast = _CASTS.get(types[name]) if name in types else None
        known = value if cast is None else cast(value)
        if known is not None:
            context[name] = carry(known)
    return context


def _as_it_is(value: object) -> object:
    return value


def _scalar(value: object) -> object:
    """Return a number or a boolean as it is, anything else as one string."""
    return value if isinstance(value, _SCALARS) else _word(value)


def _word(value: object) -> str:
    """Return the one string for a value."""
    if isinstance(value, str):
        # A JSON text as a value has made gateways fail once it came from their cache.
        return _encoded(value) if value[:1] in ("{", "[") else value
    if isinstance(value, _SCALARS):
        return dumps(value)
    if isinstance(value, list) and _are_words(value):
        return " ".join(value)
    return _encoded(value)


def _are_words(items: list[Any]) -> bool:
    """Say whether the items can stand in a list joined by blanks and all be found again."""
    try:
        return " ".join(items).split() == items
    except TypeError:
        return False


def _encoded(value: object) -> str:
    """Return base64url JSON, without padding."""
    raw = b2a_base64(dumps(value, separators=(",", ":")).encode("ascii"), newline=False)
    return raw.decode("ascii").replace("+", "-").replace("/", "_").rstrip("=")


def _as_number(value: object) -> object:
    """Return a number, also out of a string that is one in JSON; None for anything else."""
    value = _read(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _as_boolean(value: object) -> object:
    """Return a boolean, also out of the strings `true` and `false`; None for anything else."""
    value = _read(value)
    return value if isinstance(value, bool) else None


def _as_list(value: object) -> object:
    """Return a list of words, also out of a string of words; None for anything else."""
    if isinstance(value, str):
        return value.split()
    return value if isinstance(value, list) and _are_words(value) else None


def _read(value: object) -> object:
    """Return what a short string spells as JSON; anything else as it is."""
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER or value[:1] in ("{", "[", '"'):
        return value
    try:
        return loads(value, parse_constant=_no_number, parse_float=_finite)
    except ValueError:
        return None


def _finite(text: str) -> float | None:
    """Return the number, unless it is larger than any: JSON cannot carry an infinity on."""
    number = float(text)
    return number if number - number == 0 else None


def _no_number(_text: str) -> None:
    """JSON has no NaN and no infinities; Python's reader knows them."""


_CASTS: Final[Mapping[str, Callable[[object], object]]] = {
    "string": _word,
    "number": _as_number,
    "boolean": _as_boolean,
    "list": _as_list,
    "json": _encoded,
}
