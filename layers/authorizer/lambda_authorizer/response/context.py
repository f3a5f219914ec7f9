"""The context that the backend gets, as each front end can carry it.

Laws of this file:
- REST, WebSocket and HTTP API 1.0 carry strings, numbers and booleans; one nested value makes the gateway answer
  500. Lists of words are joined by a blank; whatever else has no such form is base64url JSON, without padding.
- HTTP API 2.0 carries JSON values as they are; AppSync carries strings.
- Nothing is null; a claim that is absent is absent here.
- Under a result cache the context is kept with the answer, so nothing of the single request goes in.

Source: API Gateway developer guide, "Output from a Lambda authorizer", "Lambda authorizers for HTTP APIs".
"""

from binascii import b2a_base64
from collections.abc import Mapping
from json import dumps
from typing import Any, Final

from lambda_authorizer.principal import Principal, claim_at
from lambda_authorizer.response.outcomes import FrontEnd

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


def carried(front_end: FrontEnd, values: Mapping[str, object]) -> dict[str, Any]:
    """Return the values in the types that the front end delivers."""
    if front_end in ("http-simple", "http-2.0"):
        return {name: _typed(value) for name, value in values.items()}
    if front_end in ("appsync", "appsync-events"):
        return {name: _word(value) for name, value in values.items()}
    return {name: value if isinstance(value, bool | int) else _word(value) for name, value in values.items()}


def _typed(value: object) -> object:
    """Return a JSON value as it is, except a string that UTF-8 cannot carry."""
    return _encoded(value) if isinstance(value, str) and not _is_text(value) else value


def _word(value: object) -> str:
    """Return the one string for a value."""
    if isinstance(value, str):
        # A JSON text as a value has made gateways fail once it came from their cache.
        return value if _is_text(value) and value[:1] not in ("{", "[") else _encoded(value)
    if isinstance(value, bool | int | float):
        return dumps(value)
    if isinstance(value, list | tuple) and all(_is_word(item) for item in value):
        return " ".join(value)
    return _encoded(value)


def _is_word(item: object) -> bool:
    """Say whether an item can stand in a list joined by blanks and be found again."""
    return isinstance(item, str) and _is_text(item) and item.split() == [item]


def _is_text(value: str) -> bool:
    """Say whether a string can be written as UTF-8; JSON can smuggle in half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encoded(value: object) -> str:
    """Return base64url JSON."""
    raw = b2a_base64(dumps(value, separators=(",", ":")).encode("ascii"), newline=False)
    return raw.decode("ascii").replace("+", "-").replace("/", "_").rstrip("=")
