"""Compiled rules → `RuleSet`: what a start does.

Laws of this file: the compiled file was checked when it was made, so only what the environment adds is checked
here. `${NAME}` and `${NAME:-default}` are replaced in values, never in structure (routes, names, keys).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.principal import Tiers
from lambda_authorizer.rules.model import Route, Rule, RuleSet, Target

FORMAT: Final = 1  # of the compiled file; any change of its shape counts up


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
    try:
        compiled = json.loads(data)
        version = compiled["format"]
    except (ValueError, TypeError, KeyError):
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
    return rule_set(compiled, file=compiled["source"], environment=environment, http_loopback=http_loopback)


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
    conditions_of = _filled_conditions if compiled["variables"] else _plain_conditions
    tiers = compiled["tiers"]
    if tiers is not None:
        tiers = _filled(tiers, environment, file, "tiers") if compiled["variables"] else tiers
        tiers = Tiers(tuple(tiers["order"]), tiers["default"], tiers["values"], tiers["usage_keys"])
    return RuleSet(
        issuers=issuers,
        tiers=tiers,
        context={name: tuple(path) for name, path in compiled["context"].items()},
        context_types=compiled["context_types"],
        rules=tuple(
            Rule(
                name,
                effect,
                tuple(
                    [
                        Target(route, tuple([(at, tuple(path)) for at, path in where]) if where else ())
                        for route, where in targets
                    ]
                ),
                conditions_of(conditions, environment, file, number),
                narrow=narrow,
                line=line,
                description=description,
            )
            for number, (name, effect, targets, conditions, narrow, line, description) in enumerate(
                compiled["rules"]
            )
        ),
        routes=_routes(compiled["routes"]),
        denials=_routes(compiled["denials"]),
        routes_known=compiled["routes_known"],
        resource_policy=compiled["resource_policy"],
        hierarchical_scopes=compiled["hierarchical_scopes"],
        digest=compiled["sha256"],
        tables=compiled["tables"],
    )


def _routes(listed: list[Any]) -> tuple[Route, ...]:
    return tuple([Route(kind, method, tuple(segments), text) for kind, method, segments, text in listed])


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
