"""Patterns of wildcards, and how they are written: as elements between slashes, as text, as masks of cells.

Laws of this file: data in, data out; what a pattern reaches is the automaton's business.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lambda_authorizer.rules.automaton import ANY_TEXT, MANY, STARS, Pattern, Tail
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


def joint(pattern: Pattern, word: Sequence[Segment]) -> list[Pattern]:
    """Return Deny patterns around the paths that an Allow pattern and a template without open end share.

    `a/?*/c` and `a/{x}/b/{y}` share the paths in which `y` is spelled `c`: `a/*/b/c`.
    """
    found: list[Pattern] = []

    def align(at: int, start: int, shared: tuple[Segment, ...]) -> None:
        if at == len(pattern):
            if start == len(word) and shared not in found:
                found.append(fence_of(shared))
            return
        element = pattern[at]
        if element in STARS:
            # One segment or more; a trailing slash alone is no character that `?` could be.
            for end in range(start + 1, len(word) + 1):
                if word[start:end] != ("",):
                    align(at + 1, end, (*shared, *word[start:end]))
        elif start < len(word) and word[start] in {VARIABLE, element} and (element or word[start] == ""):
            align(at + 1, start + 1, (*shared, element))

    align(0, 0, ())
    return found


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
