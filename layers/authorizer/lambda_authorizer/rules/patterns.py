"""Patterns of wildcards, and how they are written: as elements between slashes, as text, as masks of cells.

Laws of this file: data in, data out; what a pattern reaches is the automaton's business.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lambda_authorizer.rules.automaton import ANY_TEXT, MANY, Pattern, Tail
from lambda_authorizer.rules.model import GREEDY, VARIABLE, Segment

BOUND: Final = "\x01"  # stands in a pattern's text where a bound value goes


def allow_of(template: Sequence[Segment], bound: Iterable[int]) -> Pattern:
    """Return a template as an Allow pattern; bound variables are a literal that no route spells."""
    positions = set(bound)
    return tuple(
        BOUND if at in positions else MANY if segment in {VARIABLE, GREEDY} else segment
        for at, segment in enumerate(template)
    )


def fence_of(template: Sequence[Segment]) -> Pattern:
    """Return a template as a Deny pattern."""
    return tuple(ANY_TEXT if segment in {VARIABLE, GREEDY} else segment for segment in template)


def exactly(template: Sequence[Segment], bound: Iterable[int]) -> Pattern:
    """Return a template as a pattern that reaches its own paths and no others."""
    positions = set(bound)
    return tuple(
        BOUND if at in positions else MANY if segment == GREEDY else segment for at, segment in enumerate(template)
    )


def packed(mask: int) -> str:
    """Return a mask as text: cells are numbered along the routes, so most masks are short but for their offset."""
    offset = (mask & -mask).bit_length() - 1 if mask else 0
    return f"{mask >> offset:x}:{offset}" if offset else f"{mask:x}"


def pattern_of(text: str) -> Pattern:
    """Return the pattern that a text was made from."""
    return tuple(
        MANY if part == "?*" else ANY_TEXT if part == "*" else Tail(part[:-1]) if part.endswith("*") else part
        for part in text.split("/")
    )


def text_of(pattern: Pattern) -> str:
    """Return a pattern as it stands in a Resource behind the method's slash."""
    return "/".join(
        "?*" if part == MANY else "*" if part == ANY_TEXT else f"{part}*" if isinstance(part, Tail) else str(part)
        for part in pattern
    )
