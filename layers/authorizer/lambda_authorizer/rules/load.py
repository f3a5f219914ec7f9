"""Compiled rules → `RuleSet`: what a start does.

Laws of this file: the compiled file was checked when it was made, so only what the environment adds is checked
here. `${NAME}` and `${NAME:-default}` are replaced in values, never in structure (routes, names, keys).
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.principal import Tiers
from lambda_authorizer.rules.model import Holder, Route, Rule, RuleSet, Target

FORMAT: Final = 2  # of the compiled file; any change of its shape counts up
# The lists of the compiled document, and of each of its tables, whose members stand on lines of their own.
ROWS: Final = ("rules", "routes", "denials", "tries")
TABLE_ROWS: Final = ("groups", "cells", "merges", "fences", "bound_fences", "denials", "literals", "any_method")


class Rows(Sequence[Any]):
    """A list whose members are made when they are first asked for: a start needs few of a thousand."""

    __slots__ = ("_items", "_made", "_make")

    def __init__(self, items: Sequence[Any], make: Callable[[Any], Any]) -> None:
        """Take the members as the compiler wrote them.

        Args:
            items: each the compiled member, or its JSON text.
            make: compiled member → member.
        """
        self._items = items
        self._make = make
        self._made: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: Any) -> Any:
        """Return one member, made at most once; rows are asked for one by one and from the front."""
        found = self._made.get(number)
        if found is None:
            item = self._items[number]
            found = self._make(json.loads(item) if isinstance(item, bytes) else item)
            self._made[number] = found
        return found


def load_compiled(
    data: bytes | str,
    *,
    file: str,
    environment: Mapping[str, str],
    source_digest: str | None = None,
    http_loopback: bool = False,
) -> RuleSet:
    """Return the rule set of a file that `rules.compile` wrote.

    Args:
        data: the compiled file.
        file: its name, for messages.
        environment: what `${NAME}` stands for.
        source_digest: SHA-256 of the rules file beside it, where it is at hand: another one stops the start.
        http_loopback: accept key sets over http from a loopback address (local runs only).

    Raises:
        ConfigurationError: it is no compiled rules file of this version, belongs to other rules, or a variable is
            missing.
    """
    lines = (data.encode() if isinstance(data, str) else data).splitlines()
    try:
        compiled = json.loads(lines[0])
        version = compiled["format"]
    except (ValueError, TypeError, KeyError, IndexError):
        raise ConfigurationError(
            file, "(whole file)", "no compiled rules", "what `python -m lambda_authorizer.rules.compile` writes"
        ) from None
    if version != FORMAT:
        raise ConfigurationError(
            file, "format", repr(version)[:40], str(FORMAT), hint="Compile the rules again, with this version."
        )
    if source_digest is not None and compiled["sha256"] != source_digest:
        raise ConfigurationError(
            file,
            "sha256",
            f"rules compiled from another file ({compiled['sha256'][:12]}…)",
            f"the SHA-256 of the rules file beside it ({source_digest[:12]}…)",
            hint="Run `sam build` again.",
        )
    if not _with_rows(compiled, lines):
        raise ConfigurationError(file, "(whole file)", "a part of a file", "the whole file", hint="Build again.")
    return rule_set(compiled, file=compiled["source"], environment=environment, http_loopback=http_loopback)


def _with_rows(compiled: dict[str, Any], lines: Sequence[bytes]) -> bool:
    """Put the lines behind the first in the place of their numbers there; False unless that is all of them."""
    at = 1
    for name, table in [(name, compiled) for name in ROWS] + [
        (name, table) for table in compiled["tables"] for name in TABLE_ROWS
    ]:
        count = table[name]
        table[name] = lines[at : at + count]
        at += count
    return at == len(lines)


def rule_set(
    compiled: Mapping[str, Any], *, file: str, environment: Mapping[str, str], http_loopback: bool = False
) -> RuleSet:
    """Return the rule set of a compiled document, its environment variables filled in."""
    from lambda_authorizer.tokens.table import check_issuers, issuer_from_table

    issuers = tuple(
        issuer_from_table(
            _filled(table, environment, file, f"issuer[{number}]"),
            file=file,
            key=f"issuer[{number}]",
            http_loopback=http_loopback,
        )
        for number, table in enumerate(compiled["issuers"])
    )
    check_issuers(issuers, file=file)
    tiers = compiled["tiers"]
    if tiers is not None:
        tiers = _filled(tiers, environment, file, "tiers") if compiled["variables"] else tiers
        tiers = Tiers(tuple(tiers["order"]), tiers["default"], tiers["values"], tiers["usage_keys"])
    conditions_of = _filled_conditions if compiled["variables"] else _plain_conditions
    holders = tuple(
        [
            Holder(
                effect,
                conditions_of(conditions, environment, file, first),
                int(unbound, 16),
                tuple([(rule, _target(target)) for rule, target in bound]),
            )
            for effect, conditions, first, unbound, bound in compiled["holders"]
        ]
    )

    def rule(row: list[Any]) -> Rule:
        name, targets, holder, narrow, line, description = row
        held = holders[holder]
        return Rule(
            name,
            held.effect,
            tuple([_target(target) for target in targets]),
            held.conditions,
            narrow=narrow,
            line=line,
            description=description,
        )

    return RuleSet(
        issuers=issuers,
        tiers=tiers,
        context={name: tuple(path) for name, path in compiled["context"].items()},
        context_types=compiled["context_types"],
        holders=holders,
        rules=Rows(compiled["rules"], rule),
        routes=Rows(compiled["routes"], _route),
        denials=Rows(compiled["denials"], _route),
        givers=Rows(compiled["routes"], _givers),
        denial_givers=Rows(compiled["denials"], _givers),
        kinds=frozenset(compiled["kinds"]),
        routes_known=compiled["routes_known"],
        resource_policy=compiled["resource_policy"],
        hierarchical_scopes=compiled["hierarchical_scopes"],
        digest=compiled["sha256"],
        tries=Rows(compiled["tries"], as_it_is),
        tables=compiled["tables"],
    )


def _target(target: list[Any]) -> Target:
    route, where = target
    return Target(route, tuple([(at, tuple(path)) for at, path in where]) if where else ())


def _route(row: list[Any]) -> Route:
    kind, method, segments, text, _ = row
    return Route(kind, method, tuple(segments), text)


def _givers(row: list[Any]) -> Any:
    return row[4]


def as_it_is(row: Any) -> Any:
    """Return a row of which nothing is made."""
    return row


def _plain_conditions(
    conditions: list[Any], _environment: Mapping[str, str], _file: str, _number: int
) -> tuple[tuple[str, Any], ...]:
    return tuple([(kind, wanted) for kind, wanted in conditions])


def _filled_conditions(
    conditions: list[Any], environment: Mapping[str, str], file: str, number: int
) -> tuple[tuple[str, Any], ...]:
    filled = []
    for kind, wanted in conditions:
        key = f"rule[{number}].{kind}"
        value = _filled(wanted, environment, file, key)
        if kind == "source_ip" and value != wanted:
            from lambda_authorizer.rules.values import check_networks

            check_networks(value, file=file, key=key)
        filled.append((kind, value))
    return tuple(filled)


def _filled(value: Any, environment: Mapping[str, str], file: str, key: str) -> Any:
    """Return a value with the variables in its strings replaced, at any depth."""
    if isinstance(value, str):
        return substitute(value, environment, file=file, key=key) if "${" in value else value
    if isinstance(value, dict):
        return {name: _filled(item, environment, file, f"{key}.{name}") for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environment, file, key) for item in value]
    return value


def substitute(text: str, environment: Mapping[str, str], *, file: str, key: str) -> str:
    """Return the text with `${NAME}` and `${NAME:-default}` replaced; an empty variable counts as absent.

    Raises:
        ConfigurationError: a variable without default is absent, or the braces do not close.
    """
    parts = text.split("${")
    filled = [parts[0]]
    for part in parts[1:]:
        inner, closed, rest = part.partition("}")
        name, given, default = inner.partition(":-")
        if not closed or not (name.isascii() and name.isidentifier()):
            raise ConfigurationError(
                file, key, "a `${` that starts no variable", "${NAME} or ${NAME:-default}, NAME of A-Z, 0-9 and _"
            )
        value = environment.get(name) or (default if given else "")
        if not value and not given:
            raise ConfigurationError(
                file,
                key,
                f"${{{name}}}, and the environment variable {name} is not set",
                "a variable that is set, or a default: ${" + name + ":-default}",
            )
        filled += (value, rest)
    return "".join(filled)
