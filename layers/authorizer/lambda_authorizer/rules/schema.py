"""JSON Schema of the rules file, for editors: made from `keys`, like the parser.

`python -m lambda_authorizer.rules.schema FILE` writes it. What a schema cannot say (a tier that is in no order, a
variable that is in no route) only `check` says.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lambda_authorizer.rules import keys
from lambda_authorizer.tokens.table import ISSUER_KEYS

_TEXT: Final = {"type": "string", "minLength": 1}
_TEXTS: Final = {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}
_TEXT_OR_TEXTS: Final = {"anyOf": [_TEXT, _TEXTS]}
_PATH: Final = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_TEXT_MAP: Final = {"type": "object", "additionalProperties": _TEXT, "minProperties": 1}
_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_VALUE: Final = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
_ROUTE: Final = {
    "type": "string",
    "pattern": (
        r"^(\$connect|CONNECT|[A-Za-z_]\w*\.[A-Za-z_]\w*"
        r"|(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|PUBLISH|SUBSCRIBE) /\S*)$"
    ),
}


def json_schema() -> dict[str, Any]:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of the Lambda authorizer toolkit",
        **_table(keys.TOP),
        "required": ["schema", "issuer", "rule"],
    }


def _table(known: Mapping[str, keys.Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {**_shape(key.shape), "description": key.means} for name, key in known.items()},
    }


def _shape(shape: str) -> dict[str, Any]:
    """Return the schema of one shape of `keys`."""
    simple: dict[str, dict[str, Any]] = {
        "version": {"const": keys.SCHEMA_VERSION},
        "boolean": {"type": "boolean"},
        "true": {"const": True},
        "text": _TEXT,
        "number": {"type": "number"},
        "names": _TEXTS,
        "networks": _TEXTS,
        "name_or_names": _TEXT_OR_TEXTS,
        "text_map": _TEXT_MAP,
        "path": _PATH,
        "paths": {"type": "array", "items": _PATH, "minItems": 1},
        "where": {"type": "object", "additionalProperties": _PATH, "minProperties": 1},
        "routes": {"type": "array", "items": _ROUTE, "minItems": 1, "uniqueItems": True},
        "strategy": {"enum": ["exact", "hierarchical"]},
        "context_type": {"enum": list(keys.CONTEXT_TYPES)},
        "value": _VALUE,
    }
    return simple[shape] if shape in simple else _TABLES[shape]()


def _rules() -> dict[str, Any]:
    either = [{"required": ["allow"]}, {"required": ["deny"]}]
    return {"type": "array", "minItems": 1, "items": {**_table(keys.RULE), "required": ["name"], "oneOf": either}}


def _issuers() -> dict[str, Any]:
    issuer = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {name: {} for name in sorted(ISSUER_KEYS)},
    }
    return {"type": "array", "minItems": 1, "items": issuer}


def _requirements() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {**_table(keys.CONDITIONS), "minProperties": 1}}


def _context() -> dict[str, Any]:
    names = {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": sorted(keys.RESERVED_CONTEXT)}}
    entry = {"anyOf": [_PATH, {**_table(keys.CONTEXT_ENTRY), "required": ["claim"]}]}
    return {"type": "object", "propertyNames": names, "additionalProperties": entry}


def _claims() -> dict[str, Any]:
    bounds = {**_table(keys.CLAIM_RANGE), "minProperties": 1}
    return {
        "anyOf": [
            {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [_VALUE, bounds]}},
            {"type": "array", "minItems": 1, "items": {**_table(keys.CLAIM_ENTRY), "required": ["path"]}},
        ]
    }


_TABLES: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "issuers": _issuers,
    "tiers": lambda: {**_table(keys.TIERS), "required": ["order"]},
    "requirements": _requirements,
    "rules": _rules,
    "context": _context,
    "claims": _claims,
    "certificate": lambda: {"anyOf": [{"const": True}, {**_table(keys.CERTIFICATE), "minProperties": 1}]},
}


def text() -> str:
    """Return the schema as the file in the docs has it."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
