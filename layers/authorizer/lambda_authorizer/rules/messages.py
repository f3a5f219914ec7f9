"""Places and values of a rules file, in words for messages."""

from collections.abc import Iterable
from typing import Any, Final

_WIDTH: Final = 80


class Place:
    """A table of the file: `[tiers]`, the third `[[rule]]`, the entry `tenant` of `[context]`."""

    __slots__ = ("inner", "number", "table", "title")

    def __init__(self, table: str, number: int | None, inner: str = "", *, title: str = "") -> None:
        self.table = table
        self.number = number
        self.inner = inner
        self.title = title

    def dotted(self, key: str | None) -> str:
        """Return the dotted name of a key; tables of an array are counted from 0."""
        table = self.table if self.number is None else f"{self.table}[{self.number}]"
        return ".".join(part for part in (table, self.inner, key) if part) or "(top of the file)"

    def named(self, hint: str) -> str:
        """Return the hint with the rule's name in front, where the place is a rule."""
        return f"In the rule {self.title!r}. {hint}".strip() if self.title else hint


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest known name, or nothing."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else ""


def kind_of(value: Any) -> str:
    """Return what a value is, in words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    if value is None:
        return "nothing"
    return "a number" if isinstance(value, int | float) else "a date or time"


def shown(value: Any) -> str:
    """Return a value as the file has it, cut where it is long; what is no scalar is named by its kind."""
    if isinstance(value, str):
        return repr(value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…")
    return repr(value) if isinstance(value, int | float) else kind_of(value)
