"""Rules text → `RuleSet`; `Principal` → `Grants`.

A start with compiled rules imports this module, `model`, `grants` and `load`; the parser with its messages and the
search for exact policies are loaded only by `parse_rules`.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING

from lambda_authorizer.rules.grants import grants_for
from lambda_authorizer.rules.load import load_compiled
from lambda_authorizer.rules.model import Facts, Grants, Route, Rule, RuleSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Facts", "Grants", "Route", "Rule", "RuleSet", "grants_for", "load_compiled", "parse_rules"]


def parse_rules(
    text: str,
    *,
    file: str,
    environment: Mapping[str, str],
    api_routes: Sequence[str] | None = None,
    http_loopback: bool = False,
) -> RuleSet:
    """Return the rule set of a rules file: TOML, or JSON of the same shape when `file` ends with `.json`.

    Args:
        text: the file's text.
        file: its name, for messages.
        environment: what `${NAME}` stands for.
        api_routes: every route the API sends here, where that is known; None where it is not.
        http_loopback: accept key sets over http from a loopback address (local runs only).

    Raises:
        ConfigurationError: the first mistake found, with file, line, key, what was found and what is allowed.
    """
    from lambda_authorizer.rules.parse import parse

    return parse(text, file=file, environment=environment, api_routes=api_routes, http_loopback=http_loopback)
