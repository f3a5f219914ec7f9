"""Grants + table → which cells the caller may call: wholly, for some values of bound variables, or not at all.

Laws of this file: every cell is one of the three; a deny pattern without bounds closes all that it reaches.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Final

from lambda_authorizer.policy.table import Table
from lambda_authorizer.rules import Grants
from lambda_authorizer.rules.model import UNBOUND, Alternative, Segment, bits

Combination = Mapping[int, tuple[str, ...]]  # variable -> spellings
_FREE: Final = Alternative(UNBOUND, -1)  # some rule grants the route without bounds; which one does not matter


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
