"""The compiled tables of `rules.tables` with their masks as numbers, one bit a cell, and a caller's cells.

Laws of this file: every mask was worked out on an automaton when the rules were compiled and holds for all paths.
What a caller needs of a table is made ready when it is asked for, and kept. The caller may call a cell wholly, for
some values of bound variables, or not at all; a deny pattern without bounds closes all that it reaches.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.rules.load import Rows, as_it_is
from lambda_authorizer.rules.model import UNBOUND, Alternative, Segment, bits, unpacked

if TYPE_CHECKING:
    from lambda_authorizer.rules import Grants

BOUND: Final = "\x01"  # in a text: a bound value goes here
Pattern = tuple[str, int, int]  # text, cells it hits, cells it covers wholly
Combination = Mapping[int, tuple[str, ...]]  # variable -> spellings
_FREE: Final = Alternative(UNBOUND, -1)  # some rule grants the route without bounds; which one does not matter


class Form:
    """One Allow pattern: the requests of a group, with the variables at `positions` bound."""

    __slots__ = ("aligned", "covers", "hits", "inside", "joint", "own", "positions", "text")

    def __init__(  # noqa: PLR0913, PLR0917 - plain data
        self,
        positions: tuple[int, ...],
        aligned: bool,  # noqa: FBT001 - plain data
        text: str,
        hits: int,
        covers: int,
        inside: int,
        own: tuple[tuple[str, int], ...],
        joint: Mapping[int, tuple[Pattern, ...]],
    ) -> None:
        self.positions = positions
        self.aligned = (
            aligned  # no wildcard stands before a bound value, so it meets the same segment of every path
        )
        self.text = text
        self.hits = hits  # cells it reaches
        self.covers = covers  # cells all of whose requests it reaches
        self.inside = inside  # cells that share a request with its own template
        self.own = own  # fences around all that lies beyond its template, and the cells they hit
        self.joint = joint  # by cell of which it reaches a part: fences around just that part


class Denial:
    """One deny pattern with the variables at `positions` bound."""

    __slots__ = ("exact", "hits", "text")

    def __init__(self, text: str, hits: int, *, exact: bool) -> None:
        self.text = text
        self.hits = hits
        self.exact = exact  # its text reaches nothing of its own cells beyond the bound requests


class Group:
    """The requests of some routes that must all grant them: their template, and the Allow patterns for them."""

    __slots__ = ("forms", "template", "wider")

    def __init__(
        self, template: tuple[Segment, ...], wider: Sequence[int], forms: Mapping[tuple[int, ...], Form]
    ) -> None:
        self.template = template
        self.wider = wider  # numbers of the merges that cover some of its cells, widest first
        self.forms = forms  # by the positions that are bound


class Corner:
    """Requests that the rules allow and the policy denies, because IAM cannot tell them from denied ones."""

    __slots__ = ("because", "lost", "methods", "whole")

    def __init__(
        self, methods: tuple[str, ...], lost: tuple[int, ...], because: tuple[int, ...], *, whole: bool
    ) -> None:
        self.methods = methods
        self.lost = lost  # numbers of the routes whose requests are denied
        self.because = because  # numbers of the routes that would have been opened; () for requests of no route
        self.whole = whole  # False: only those requests of the lost route that look like the others


class Lines:
    """Patterns behind `METHOD/` for one group of methods."""

    __slots__ = ("allow", "allowed", "corners", "deny", "methods", "reachable")

    def __init__(  # noqa: PLR0913, PLR0917 - plain data
        self,
        methods: tuple[str, ...],
        allow: dict[str, int],
        deny: tuple[str, ...],
        corners: tuple[Corner, ...],
        allowed: int,
        reachable: int,
    ) -> None:
        self.methods = methods
        self.allow = allow  # text → the granted cells that it is there for
        self.deny = deny
        self.corners = corners
        self.allowed = allowed  # cells that the caller may call, wholly or in part
        self.reachable = (
            reachable  # cells that an Allow pattern may reach: wholly granted, or wholly behind a fence
        )


class Table:
    """One table of the compiled rules."""

    __slots__ = (
        "_any_method", "_bound_fences", "_denials", "_table", "all", "cells", "fences", "groups", "literals",
        "merges", "methods", "mine", "named", "needs", "shut_by",
    )  # fmt: skip

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.methods: tuple[str, ...] = tuple(table["methods"])
        self.named: Sequence[Sequence[int]] = table["named"]  # by group: the routes that must all grant it
        self.needs = [sum([1 << route for route in named]) for named in self.named]  # the same, one bit a route
        self.mine = [unpacked(text) for text in table["mine"]]  # by group: its cells
        self.shut_by = {denial: unpacked(text) for denial, text in table["denied"]}  # what a deny pattern reaches
        self.all = (1 << len(table["cells"])) - 1
        self.groups: Sequence[Group] = Rows(table["groups"], _group)
        # A cell: number of its group (-1: of no route), the deny patterns that reach it, the fences that cover it.
        self.cells: Sequence[tuple[int, Sequence[int], Sequence[int]]] = Rows(table["cells"], as_it_is)
        self.merges: Sequence[Pattern] = Rows(table["merges"], _pattern)  # Allow patterns, widest first
        self.fences: Sequence[Pattern] = Rows(table["fences"], _pattern)  # Deny patterns, widest first
        self.literals: Sequence[Sequence[str]] = Rows(table["literals"], as_it_is)  # by position; the last: all
        self._table = table
        self._bound_fences: dict[tuple[tuple[int, ...], int], tuple[str, int]] | None = None
        self._denials: dict[tuple[int, tuple[int, ...]], list[Denial]] | None = None
        self._any_method: dict[str, str] | None = None

    def routes_at(self, cell: int) -> tuple[int, ...]:
        """Return the routes of a cell; none for requests of no route."""
        group = self.cells[cell][0]
        return tuple(self.named[group]) if group >= 0 else ()

    def bound_fence(self, positions: tuple[int, ...], cell: int) -> tuple[str, int] | None:
        """Return the fence around a cell with values at some positions, and the cells it hits."""
        if self._bound_fences is None:
            self._bound_fences = {
                (tuple(at), number): (text, unpacked(hits))
                for at, number, text, hits in Rows(self._table["bound_fences"], as_it_is)
            }
        return self._bound_fences.get((positions, cell))

    def denials(self, pattern: int, positions: tuple[int, ...]) -> Sequence[Denial]:
        """Return the Deny patterns of a deny pattern with values at some positions."""
        if self._denials is None:
            self._denials = {
                (number, tuple(at)): [Denial(text, unpacked(hits), exact=exact) for text, hits, exact in texts]
                for number, at, texts in Rows(self._table["denials"], as_it_is)
            }
        return self._denials.get((pattern, positions), ())

    def behind_any_method(self, text: str) -> int | None:
        """Return the cells that `*/text` hits; None where that was not worked out."""
        if self._any_method is None:
            self._any_method = dict(Rows(self._table["any_method"], as_it_is))
        mask = self._any_method.get(text)
        return None if mask is None else unpacked(mask)

    def collides(self, form: Form, values: tuple[tuple[str, ...], ...]) -> bool:
        """True if a bound value is spelled like a literal of some route there, which the masks do not foresee."""
        last = len(self.literals) - 1
        for at, spelled in zip(form.positions, values, strict=True):
            known = self.literals[at if form.aligned and at < last else last]
            if any(value in known for value in spelled):
                return True
        return False


def _group(row: Sequence[Any]) -> Group:
    template, wider, forms = row
    return Group(
        tuple(template),
        wider,
        {
            tuple(positions): Form(
                tuple(positions),
                aligned,
                text,
                unpacked(hits),
                unpacked(covers),
                unpacked(inside),
                tuple([(fence, unpacked(reached)) for fence, reached in own]),
                {cell: tuple(map(_pattern, around)) for cell, around in joint},
            )
            for positions, aligned, text, hits, covers, inside, own, joint in forms
        },
    )


def _pattern(row: Sequence[str]) -> Pattern:
    text, hits, covers = row
    return text, unpacked(hits), unpacked(covers)


class Cells:
    """What one caller may call."""

    __slots__ = ("closed", "combinations", "full", "partial")

    def __init__(
        self, table: Table, grants: Grants, *, dropped: Collection[int] = (), loosened: Collection[int] = ()
    ) -> None:
        """Look at every group of the table.

        Args:
            table: the table.
            grants: what the caller may do.
            dropped: groups of which nothing is to be granted.
            loosened: groups of which only what is bound is to be granted.
        """
        self.full = self.partial = 0
        self.combinations: dict[int, list[Combination]] = {}  # of the groups with partial cells
        unbound, some = grants.open, sum(1 << route for route in grants.bound)
        for group, needs in enumerate(table.needs):
            missing = needs & ~unbound
            if group in dropped or missing & ~some:
                continue
            if group in loosened:
                combinations = combine(table, grants, group, bound_only=True)
            else:
                combinations = combine(table, grants, group) if missing else [{}]
            if {} in combinations:
                self.full |= table.mine[group]  # a bound variable may have just the value that the template spells
            elif combinations:
                self.partial |= table.mine[group]
                self.combinations[group] = combinations
        shut = 0
        for number in bits(grants.shut):
            shut |= table.shut_by.get(number, 0)
        self.full &= ~shut
        self.partial &= ~shut
        self.closed = table.all & ~self.full & ~self.partial

    @property
    def allowed(self) -> int:
        """Return the cells of which at least some requests are granted."""
        return self.full | self.partial


def combine(table: Table, grants: Grants, group: int, *, bound_only: bool = False) -> list[Combination]:
    """Return the ways in which all routes of a group are granted at once."""
    found: list[Combination] = []
    template = table.groups[group].template
    choices: list[tuple[Alternative, ...]] = []
    for route in table.named[group]:
        free = (_FREE,) if grants.open >> route & 1 else ()
        choices.append(free if free and not bound_only else (*free, *grants.bound.get(route, ())))
    for choice in product(*choices):
        merged = _merged(choice, template)
        if merged is not None and merged not in found and (merged or not bound_only):
            found.append(merged)
    return found


def _merged(choice: Sequence[Alternative], template: Sequence[Segment]) -> Combination | None:
    """Return what several alternatives ask for together; None where they exclude each other."""
    merged: dict[int, tuple[str, ...]] = {}
    for alternative in choice:
        for at, spelled in alternative.bindings:
            segment = template[at]
            if isinstance(segment, str):
                if segment not in spelled:
                    return None
                continue
            both = tuple(value for value in merged.get(at, spelled) if value in spelled)
            if not both:
                return None
            merged[at] = both
    return merged
