"""The compiled tables of `rules.tables` with their masks as numbers, one bit a cell.

Laws of this file: data only; every mask was worked out on an automaton when the rules were compiled and holds for
all paths.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

BOUND: Final = "\x01"  # in a text: a bound value goes here


class Form(NamedTuple):
    """One Allow pattern: the requests of a cell's routes, with the variables at `positions` bound."""

    named: tuple[int, ...]
    positions: tuple[int, ...]
    aligned: bool  # no wildcard stands before a bound value, so it meets the same segment of every path
    text: str
    hits: int  # cells it reaches
    covers: int  # cells all of whose requests it reaches
    inside: int  # cells that share a request with its own template
    own: tuple[tuple[str, int], ...]  # fences around all that lies beyond its template, and the cells they hit


class Denial(NamedTuple):
    """One deny pattern with the variables at `positions` bound."""

    text: str
    hits: int
    exact: bool  # its text reaches nothing of its own cells beyond the bound requests


class Table:
    """One table of the compiled rules."""

    __slots__ = (
        "bound_fences",
        "cells",
        "covering",
        "denials",
        "fences",
        "forms",
        "literals",
        "merges",
        "methods",
        "of_named",
    )

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.methods: tuple[str, ...] = tuple(table["methods"])
        self.cells = [(tuple(named), tuple(denied)) for named, denied in table["cells"]]
        self.literals: list[list[str]] = table["literals"]  # by position; the last list holds all of them
        self.forms = {
            (tuple(named), tuple(positions)): Form(
                tuple(named),
                tuple(positions),
                aligned,
                text,
                int(hits, 16),
                int(covers, 16),
                int(inside, 16),
                tuple([(fence, int(reached, 16)) for fence, reached in own]),
            )
            for named, positions, aligned, text, hits, covers, inside, own in table["allows"]
        }
        self.merges = [(text, int(hits, 16), int(covers, 16)) for text, hits, covers in table["merges"]]
        self.fences = [(text, int(hits, 16), int(covers, 16)) for text, hits, covers in table["fences"]]
        self.bound_fences = {
            tuple(map(int, positions.split(","))): {
                int(cell): (text, int(hits, 16)) for cell, (text, hits) in fences.items()
            }
            for positions, fences in table["bound_fences"].items()
        }
        self.denials = {
            (number, tuple(positions)): Denial(text, int(hits, 16), exact)
            for number, positions, text, hits, exact in table["denials"]
        }
        self.of_named: dict[tuple[int, ...], int] = {}
        for number, (named, _) in enumerate(self.cells):
            self.of_named[named] = self.of_named.get(named, 0) | 1 << number
        self.covering: dict[int, list[int]] = {}

    def fences_of(self, cell: int) -> list[int]:
        """Return the numbers of the fences that cover a cell wholly, widest first."""
        found = self.covering.get(cell)
        if found is None:
            bit = 1 << cell
            found = [number for number, fence in enumerate(self.fences) if fence[2] & bit]
            self.covering[cell] = found
        return found

    def collides(self, form: Form, values: tuple[tuple[str, ...], ...]) -> bool:
        """True if a bound value is spelled like a literal of some route there, which the masks do not foresee."""
        for at, spelled in zip(form.positions, values, strict=True):
            known = self.literals[at] if form.aligned and at < len(self.literals) else self.literals[-1]
            if any(value in known for value in spelled):
                return True
        return False


def cells_in(mask: int) -> list[int]:
    """Return the numbers of the cells in a mask."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
