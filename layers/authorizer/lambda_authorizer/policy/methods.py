"""Patterns of each method → patterns behind one `*` or a row of `?` where several methods have the same.

Laws of this file: `???` is GET and PUT, `????` HEAD and POST and nothing else, because a method is followed by a
slash and no other method has so many letters (`GET/` before a second slash is an odd path, denied first); `*`
also takes slashes, so it is written only where every request that it reaches under any method may be reached.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lambda_authorizer.policy.table import Lines, Table
from lambda_authorizer.rules.model import METHODS

_SAME_LENGTH: Final = (("GET", "PUT"), ("HEAD", "POST"))


def across_methods(
    tables: Sequence[Table], selected: Sequence[Lines], *, routes_known: bool
) -> tuple[list[str], list[str]]:
    """Return Allow and Deny patterns with their methods, merged over methods where that is exact."""
    named = sum(len(table.methods) for table in tables)
    # A method that no route has: where requests of no route count, `*` must not reach it.
    every = routes_known or named == len(METHODS)
    allow = _methods_of(selected, [lines.allow for lines in selected])
    deny = _methods_of(selected, [lines.deny for lines in selected])

    def may_allow(text: str) -> bool:
        return every and all(
            (hits := table.behind_any_method(text)) is not None and not hits & ~lines.reachable
            for table, lines in zip(tables, selected, strict=True)
        )

    def may_deny(text: str) -> bool:
        return all(
            (hits := table.behind_any_method(text)) is not None and not hits & lines.allowed
            for table, lines in zip(tables, selected, strict=True)
        )

    # A row of `?` is a wildcard, and a policy with one needs lines against odd paths: not for a few literals.
    rows = any("*" in text for text in allow)
    return (
        [
            line
            for text, methods in allow.items()
            for line in _written(text, methods, wide=may_allow(text), rows=rows)
        ],
        [
            line
            for text, methods in deny.items()
            for line in _written(text, methods, wide=may_deny(text), rows=rows)
        ],
    )


def _methods_of(selected: Sequence[Lines], texts: Sequence[Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for lines, listed in zip(selected, texts, strict=True):
        for text in listed:
            found.setdefault(text, []).extend(lines.methods)
    return found


def _written(text: str, methods: Sequence[str], *, wide: bool, rows: bool) -> list[str]:
    if wide and len(methods) > 1:
        return [f"*/{text}"]
    left = list(methods)
    written = []
    for pair in _SAME_LENGTH if rows else ():
        if all(method in left for method in pair):
            written.append("?" * len(pair[0]) + f"/{text}")
            left = [method for method in left if method not in pair]
    return written + [f"{method}/{text}" for method in left]
