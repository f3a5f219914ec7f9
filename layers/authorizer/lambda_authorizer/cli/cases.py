"""`rules_test.toml`: what must stay true of the rules, read strictly.

A case names a caller (`claims`, or a `token`, or `anonymous = true`), a `request`, and what is expected. A claims
case asks the rules what they say to a caller with these claims; a token case verifies first.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple

from lambda_authorizer.errors import ConfigurationError

_HEADER = re.compile(r"^\s*\[\[\s*case\s*\]\]", re.MULTILINE)
_EXPECT = ("allow", "deny", "unauthorized")
_TYPES: Mapping[str, tuple[type, str]] = {
    "name": (str, "text"),
    "claims": (dict, "a table of claims"),
    "token": (str, "a token, or file:PATH"),
    "anonymous": (bool, "true"),
    "issuer": (str, "the alias of an issuer"),
    "request": (str, '"METHOD /path", "$connect", "Type.field"'),
    "expect": (str, " | ".join(_EXPECT)),
    "reason": (str, "a reason slug"),
    "rule": (str, "the name of the rule that decides"),
    "context": (dict, "a table of context values"),
    "source_ip": (str, "an IP address"),
    "at": (object, "a date and time with offset"),
}


class Case(NamedTuple):
    """One case, as written."""

    name: str
    line: int
    claims: Mapping[str, object] | None
    token: str | None
    anonymous: bool
    issuer: str | None
    request: str
    expect: str
    reason: str | None
    rule: str | None
    context: Mapping[str, object] | None
    source_ip: str | None
    at: float | None


def parse_cases(text: str, *, file: str) -> tuple[Case, ...]:
    """Return the cases of a file.

    Raises:
        ConfigurationError: the file is no TOML, holds no case, or a case holds a mistake.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, "file", str(error), "TOML") from None
    for key in document:
        if key != "case":
            raise ConfigurationError.unknown_key(file, key, key, ("case",))
    tables = document.get("case")
    if not isinstance(tables, list) or not tables:
        raise ConfigurationError(file, "case", "nothing", "at least one [[case]]")
    lines = [text.count("\n", 0, found.start()) + 1 for found in _HEADER.finditer(text)]
    cases: list[Case] = []
    names: dict[str, int] = {}
    for number, table in enumerate(tables, 1):
        line = lines[number - 1] if len(lines) == len(tables) else 0
        case = _case(table, file, f"case[{number}]", line)
        if case.name in names:
            raise ConfigurationError(
                file, f"case[{number}].name", f"{case.name!r} again", "a name of its own", line=line or None
            )
        names[case.name] = number
        cases.append(case)
    return tuple(cases)


def _case(table: Any, file: str, key: str, line: int) -> Case:
    place = line or None
    if not isinstance(table, dict):
        raise ConfigurationError(file, key, type(table).__name__, "a table", line=place)
    for name, value in table.items():
        if name not in _TYPES:
            raise ConfigurationError.unknown_key(file, f"{key}.{name}", name, _TYPES, line=place)
        wanted, words = _TYPES[name]
        if not isinstance(value, wanted) or (isinstance(value, str) and not value):
            found = "empty text" if value == "" else f"{type(value).__name__} {value!r}"
            raise ConfigurationError(file, f"{key}.{name}", found, words, line=place)
    for name in ("name", "request", "expect"):
        if name not in table:
            raise ConfigurationError(file, f"{key}.{name}", "nothing", _TYPES[name][1], line=place)
    if table["expect"] not in _EXPECT:
        raise ConfigurationError(file, f"{key}.expect", repr(table["expect"]), _TYPES["expect"][1], line=place)
    callers = [name for name in ("claims", "token", "anonymous") if name in table]
    if len(callers) != 1 or table.get("anonymous", True) is False:
        found = " and ".join(callers) or "nothing"
        raise ConfigurationError(file, key, found, "one of claims, token, anonymous = true", line=place)
    return Case(
        table["name"],
        line,
        table.get("claims"),
        table.get("token"),
        "anonymous" in table,
        table.get("issuer"),
        table["request"],
        table["expect"],
        table.get("reason"),
        table.get("rule"),
        table.get("context"),
        table.get("source_ip"),
        _timestamp(table.get("at"), file, key, place),
    )


def _timestamp(value: Any, file: str, key: str, line: int | None) -> float | None:
    """The moment a token case is judged at; the current one where the case says none."""
    if value is None:
        return None
    if getattr(value, "tzinfo", None) is None:
        raise ConfigurationError(file, f"{key}.at", repr(str(value)), _TYPES["at"][1], line=line)
    return float(value.timestamp())
