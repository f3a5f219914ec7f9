"""The compiled tables of `rules.tables` with their masks as numbers, one bit a cell.

Laws of this file: data only; every mask was worked out on an automaton when the rules were compiled and holds for
all paths.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lambda_authorizer.rules.model import Segment

BOUND: Final = "\x01"  # in a text: a bound value goes here


class Form:
    """One Allow pattern: the requests of a group, with the variables at `positions` bound."""

    __slots__ = ("aligned", "covers", "group", "hits", "inside", "own", "positions", "text")

    def __init__(  # noqa: PLR0913, PLR0917 - plain data
        self,
        group: int,
        positions: tuple[int, ...],
        aligned: bool,  # noqa: FBT001 - plain data
        text: str,
        hits: int,
        covers: int,
        inside: int,
        own: tuple[tuple[str, int], ...],
    ) -> None:
        self.group = group
        self.positions = positions
        self.aligned = (
            aligned  # no wildcard stands before a bound value, so it meets the same segment of every path
        )
        self.text = text
        self.hits = hits  # cells it reaches
        self.covers = covers  # cells all of whose requests it reaches
        self.inside = inside  # cells that share a request with its own template
        self.own = own  # fences around all that lies beyond its template, and the cells they hit


class Denial:
    """One deny pattern with the variables at `positions` bound."""

    __slots__ = ("exact", "hits", "text")

    def __init__(self, text: str, hits: int, *, exact: bool) -> None:
        self.text = text
        self.hits = hits
        self.exact = exact  # its text reaches nothing of its own cells beyond the bound requests


class Table:
    """One table of the compiled rules."""

    __slots__ = (
        "any_method",
        "bound_fences",
        "cells",
        "covering",
        "denials",
        "fences",
        "forms",
        "groups",
        "literals",
        "merges",
        "methods",
        "of_group",
    )

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.methods: tuple[str, ...] = tuple(table["methods"])
        # A group: the routes that must all grant a request, and the template of the requests.
        self.groups: list[tuple[tuple[int, ...], tuple[Segment, ...]]] = [
            (tuple(named), tuple(template)) for named, template in table["groups"]
        ]
        # A cell: number of its group (-1: of no route), and the deny patterns that reach it.
        self.cells: list[tuple[int, tuple[int, ...]]] = [
            (group, tuple(denied)) for group, denied in table["cells"]
        ]
        self.literals: list[list[str]] = table["literals"]  # by position; the last list holds all of them
        self.forms = {
            (group, tuple(positions)): Form(
                group,
                tuple(positions),
                aligned,
                text,
                _mask(hits),
                _mask(covers),
                _mask(inside),
                tuple([(fence, _mask(reached)) for fence, reached in own]),
            )
            for group, positions, aligned, text, hits, covers, inside, own in table["allows"]
        }
        self.merges = [(text, _mask(hits), _mask(covers)) for text, hits, covers in table["merges"]]
        self.fences = [(text, _mask(hits), _mask(covers)) for text, hits, covers in table["fences"]]
        self.bound_fences = {
            tuple(map(int, positions.split(","))): {
                int(cell): (text, _mask(hits)) for cell, (text, hits) in fences.items()
            }
            for positions, fences in table["bound_fences"].items()
        }
        self.denials = {
            (number, tuple(positions)): [Denial(text, _mask(hits), exact=exact) for text, hits, exact in texts]
            for number, positions, texts in table["denials"]
        }
        self.any_method: dict[str, str] = table["any_method"]  # text -> cells hit behind `*/`, hexadecimal
        self.of_group: dict[int, int] = {}
        for number, (group, _) in enumerate(self.cells):
            self.of_group[group] = self.of_group.get(group, 0) | 1 << number
        self.covering: dict[int, list[int]] | None = None

    def routes_at(self, cell: int) -> tuple[int, ...]:
        """Return the routes of a cell; none for requests of no route."""
        group = self.cells[cell][0]
        return self.groups[group][0] if group >= 0 else ()

    def fences_of(self, cell: int) -> list[int]:
        """Return the numbers of the fences that cover a cell wholly, widest first."""
        covering = self.covering
        if covering is None:
            # For all cells at once: asking each fence for each cell takes a second for a thousand routes.
            covering = self.covering = {}
            for number, fence in enumerate(self.fences):
                for covered in cells_in(fence[2]):
                    covering.setdefault(covered, []).append(number)
        return covering.get(cell, [])

    def behind_any_method(self, text: str) -> int | None:
        """Return the cells that `*/text` hits; None where that was not worked out."""
        mask = self.any_method.get(text)
        return None if mask is None else _mask(mask)

    def collides(self, form: Form, values: tuple[tuple[str, ...], ...]) -> bool:
        """True if a bound value is spelled like a literal of some route there, which the masks do not foresee."""
        for at, spelled in zip(form.positions, values, strict=True):
            known = self.literals[at] if form.aligned and at < len(self.literals) else self.literals[-1]
            if any(value in known for value in spelled):
                return True
        return False


def _mask(text: str) -> int:
    """Return the mask that `rules.tables.packed` wrote."""
    digits, _, offset = text.partition(":")
    return int(digits, 16) << int(offset) if offset else int(digits, 16)


def cells_in(mask: int) -> list[int]:
    """Return the numbers of the cells in a mask."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
