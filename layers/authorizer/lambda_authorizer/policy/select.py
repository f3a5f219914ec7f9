"""Grants + table → Allow and Deny patterns of one group of methods: exact, or narrower, never wider.

Laws of this file: an Allow pattern is kept only with fences (Deny patterns) around everything it reaches and the
caller may not call; a fence is taken only if it hits nothing the caller may call. Where no such fence exists the
corner is narrowed: the loss that costs the fewest routes is taken, and said.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from itertools import product
from typing import TYPE_CHECKING, Final

from lambda_authorizer.policy.table import (
    BOUND,
    Cells,
    Combination,
    Corner,
    Denial,
    Form,
    Lines,
    Pattern,
    Table,
    combine,
)
from lambda_authorizer.rules.model import GREEDY, bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambda_authorizer.rules import Grants

_MOST_TEXTS: Final = 256  # of one bound pattern: spellings multiply


class _Line:
    """One Allow pattern of a group: `values` are the spellings at the form's positions."""

    __slots__ = ("form", "group", "spelled", "values")

    def __init__(
        self, group: int, form: Form, values: tuple[tuple[str, ...], ...], *, spelled: bool = False
    ) -> None:
        self.group = group
        self.form = form
        self.values = values
        self.spelled = spelled  # some route spells one of the values

    def bindings(self) -> Combination:
        return dict(zip(self.form.positions, self.values, strict=True))


class _Wide:
    """One Allow pattern for several groups, which reaches nothing that is not granted."""

    __slots__ = ("covers", "text", "wider")

    def __init__(self, text: str, covers: int, wider: Sequence[int]) -> None:
        self.text = text
        self.covers = covers
        self.wider = wider  # merges that are wider still


def select(table: Table, grants: Grants, *, finely: bool = True) -> Lines:
    """Return the patterns of one group of methods for one caller.

    Args:
        table: the group of methods.
        grants: what the caller may do.
        finely: where a fence around a whole cell would hit too much, take fences around what each line reaches of
            it; False makes a shorter policy that may grant less.
    """
    return _Selection(table, grants, finely=finely).lines()


class _Selection:
    """The search for one caller."""

    def __init__(self, table: Table, grants: Grants, *, finely: bool) -> None:
        self.table = table
        self.grants = grants
        self.finely = finely
        self.dropped: dict[int, Corner] = {}  # by group
        self.loosened: dict[int, Corner] = {}  # groups of which only bound grants are kept
        self.spoiled: dict[tuple[tuple[int, ...], tuple[int, ...]], Corner] = {}
        self.cells = Cells(table, grants)
        self.deny: dict[str, int] = {}  # fence -> cells it covers wholly, 0 where that is not known
        self.fenced = 0

    def lines(self) -> Lines:
        """Return the patterns, after as many rounds as grants have to be dropped."""
        while True:
            self.deny = {}
            self.spoiled = {}
            self.fenced = 0
            wide, unbound = self._unbound()
            bound = self._bound()
            if self._fence_unbound(unbound) and self._fence_bound(bound):
                self._fence_denials()
                return self._written(wide, unbound, bound)
            self.cells = Cells(self.table, self.grants, dropped=self.dropped, loosened=self.loosened)

    # Allow patterns

    def _unbound(self) -> tuple[list[_Wide], list[_Line]]:
        """Return the patterns of what is granted without bounds: for whole subtrees, and for what is left."""
        table, full = self.table, self.cells.full
        had = 0
        wide: list[_Wide] = []
        single: list[int] = []
        refused: set[int] = set()
        for group, mine in enumerate(table.mine):
            owed = mine & full & ~had
            if not owed:
                continue
            wider = table.groups[group].wider
            for at, number in enumerate(wider):
                if number in refused:
                    continue
                text, hits, covers = table.merges[number]
                if hits & ~full:
                    refused.add(number)
                elif not owed & ~covers and covers & full & ~had & ~mine:
                    wide.append(_Wide(text, covers, wider[:at]))
                    had |= covers
                    break
            else:
                single.append(group)
        found = [(group, table.groups[group].forms[()]) for group in single]
        found.sort(key=lambda item: -item[1].covers.bit_count())
        lines = []
        for group, form in found:
            if table.mine[group] & full & ~had:
                had |= form.covers
                lines.append(_Line(group, form, ()))
        return wide, lines

    def _bound(self) -> list[_Line]:
        found: list[_Line] = []
        for group, combinations in self.cells.combinations.items():
            if not self.table.mine[group] & self.cells.partial:
                continue
            for combination in combinations:
                positions = tuple(sorted(combination))
                values = tuple(combination[at] for at in positions)
                form = self.table.groups[group].forms[positions]
                if not self.table.collides(form, values):
                    found.append(_Line(group, form, values))
                    continue
                from lambda_authorizer.policy.collide import Masks  # hardly ever

                masks = Masks.of(self.grants.rules, self.table)
                template = self.table.groups[group].template
                for choice in product(*values):
                    spelled = tuple((value,) for value in choice)
                    found.append(_Line(group, masks.form(template, form, choice), spelled, spelled=True))
        return found

    # Fences

    def _add(self, text: str, covers: int) -> None:
        self.deny[text] = covers
        self.fenced |= covers

    def _fence(self, need: int) -> list[int]:
        """Take fences around the cells that hit nothing allowed; return the cells left over."""
        chosen, left = self._choose(need)
        for text, covers in chosen:
            self._add(text, covers)
        return left

    def _choose(self, need: int, *, most: int | None = None) -> tuple[list[tuple[str, int]], list[int]]:
        """Return fences around the cells, and the cells left over; with `most`, stop once that is too much."""
        allowed = self.cells.allowed
        chosen: list[tuple[str, int]] = []
        left: list[int] = []
        pending = need & ~self.fenced
        found = ("", 0)
        while pending:
            low = pending & -pending
            cell = low.bit_length() - 1
            best: tuple[int, int] | None = None
            for number in self.table.cells[cell][2]:
                text, hits, covers = self.table.fences[number]
                if not hits & allowed:
                    # The one that takes most of what is left; of equals, the one that reaches least beside it.
                    rank = (covers & pending).bit_count(), -hits.bit_count()
                    if best is None or rank > best:
                        best, found = rank, (text, covers)
            if best is None:
                left.append(cell)
                pending ^= low
            else:
                chosen.append(found)
                pending &= ~found[1]
            if most is not None and (left or len(chosen) > most):
                break
        return chosen, left

    def _fence_unbound(self, lines: Sequence[_Line]) -> bool:
        need = 0
        for line in lines:
            clash = line.form.hits & self.cells.partial
            if clash:
                # Some values of a variable are granted and the pattern reaches them all: the bound grant is kept.
                because = self.table.routes_at(bits(clash)[0])
                self._drop(line, because)
                return False
            need |= line.form.hits & self.cells.closed
        _, without = self._choose(need)
        if without:
            need = self._need_beside_own(lines, sum(1 << cell for cell in without))
        stuck = []
        for cell in self._fence(need):
            reaching = tuple(
                at
                for at, line in enumerate(lines)
                if line.form.hits >> cell & 1 and not self._own(line, cell) and not self._joint(line, cell)
            )
            if reaching:
                stuck.append((cell, reaching, self._least_harmful(cell, [lines[at] for at in reaching])))
        dropped = self._cheaper_to_drop(lines, stuck)
        for at, because in dropped:
            self._drop(lines[at], because)
        if not dropped:
            for cell, _, fences in stuck:
                self._narrow(cell, fences)
        return not dropped

    def _joint(self, line: _Line, cell: int) -> bool:
        """Take fences around just what a line reaches of a cell; False where they would hit too much."""
        fences = line.form.joint.get(cell, ()) if self.finely else ()
        allowed = self.cells.allowed
        if not fences or any(hits & allowed for _, hits, _ in fences):
            return False
        for text, _, covers in fences:
            self._add(text, covers)
        return True

    def _least_harmful(self, cell: int, lines: Sequence[_Line]) -> Sequence[Pattern]:
        """Return the fences that take the fewest granted cells along, wholly or in part.

        One around the whole cell, or for each of the lines those around what it reaches of the cell.
        """
        allowed = self.cells.allowed
        choices: list[Sequence[Pattern]] = [[self.table.fences[number]] for number in self.table.cells[cell][2]]
        if self.finely and all(cell in line.form.joint for line in lines):
            choices.append([fence for line in lines for fence in line.form.joint[cell]])
        return min(
            choices,
            key=lambda fences: (
                (_union(covers for _, _, covers in fences) & allowed).bit_count(),
                (_union(hits for _, hits, _ in fences) & allowed).bit_count(),
            ),
        )

    def _cheaper_to_drop(
        self, lines: Sequence[_Line], stuck: Sequence[tuple[int, tuple[int, ...], Sequence[Pattern]]]
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Return the lines to give up, with the routes they would have opened: what costs less than fences.

        A line may reach many cells that have no harmless fence; what all of their fences together would take is
        held against what the lines are there for.
        """
        best, chosen = 0, None
        for candidate in dict.fromkeys(reaching for _, reaching, _ in stuck):
            taken = 0
            for _, reaching, fences in stuck:
                if set(reaching) <= set(candidate):
                    taken |= _union(covers for _, _, covers in fences) & self.cells.allowed
            kept = sum(
                (self.table.mine[lines[at].group] & self.cells.full & ~taken).bit_count() for at in candidate
            )
            gain = taken.bit_count() - kept
            if taken and gain >= best:
                best, chosen = gain, candidate
        if chosen is None:
            return []
        because = next(self.table.routes_at(cell) for cell, reaching, _ in stuck if set(reaching) <= set(chosen))
        return [(at, because) for at in chosen]

    def _need_beside_own(self, lines: Sequence[_Line], without: int) -> int:
        """Take the own fences of lines that reach cells without a fence; return the cells that still need one.

        Own fences take all that a line reaches beyond its template, so nothing else is needed there for it.
        """
        allowed = self.cells.allowed
        need = 0
        for line in lines:
            form = line.form
            mine = form.hits & self.cells.closed
            if mine & without & ~form.inside and not any(hits & allowed for _, hits in form.own):
                for text, hits in form.own:
                    if hits & mine:
                        self._add(text, 0)
                mine &= form.inside
            need |= mine
        return need

    def _own(self, line: _Line, cell: int) -> bool:
        """Take the line's own fences around a cell beyond its template; False where they would hit too much."""
        if line.form.inside >> cell & 1:
            return False
        allowed = self.cells.allowed
        own = [(text, hits) for text, hits in line.form.own if hits >> cell & 1]
        if any(hits & allowed for _, hits in own):
            return False
        for text, _ in own:
            for spelled in _texts(text, line):
                self._add(spelled, 0)
        return True

    def _narrow(self, cell: int, fences: Sequence[Pattern]) -> None:
        """Take fences that hit granted cells too, and say which."""
        for text, hits, covers in fences:
            self._add(text, covers)
            for hit in bits(hits & self.cells.allowed):
                self._spoil(self.table.routes_at(hit), self.table.routes_at(cell), whole=bool(covers >> hit & 1))

    def _drop(self, line: _Line, because: tuple[int, ...]) -> None:
        group = line.group
        named = tuple(self.table.named[group])
        corner = Corner(self.table.methods, named, because, whole=True)
        # A grant for some values is better than none.
        if (
            not line.values
            and group not in self.loosened
            and combine(self.table, self.grants, group, bound_only=True)
        ):
            self.loosened[group] = Corner(self.table.methods, named, because, whole=False)
        else:
            self.dropped[group] = corner

    def _spoil(self, lost: tuple[int, ...], because: tuple[int, ...], *, whole: bool) -> None:
        self.spoiled[lost, because] = Corner(self.table.methods, lost, because, whole=whole)

    def _fence_bound(self, lines: Sequence[_Line]) -> bool:
        for line in lines:
            if len(_texts(line.form.text, line)) > _MOST_TEXTS:
                self._drop(line, ())
                return False
            mine = self.table.mine[line.group] & self.cells.partial
            if not line.form.aligned and self.table.groups[line.group].template[-1] == GREEDY:
                self._drop(line, ())
                return False
            for cell in bits(line.form.hits & self.cells.partial & ~mine):
                if not self._agrees(line, cell) and not self._fence_values(line, cell):
                    self._drop(line, self.table.routes_at(cell))
                    return False
            for cell in bits(line.form.hits & self.cells.closed):
                if self.fenced >> cell & 1 or self._fence_values(line, cell):
                    continue
                if self._fence(1 << cell) and not self._own_bound(line, cell):
                    self._drop(line, self.table.routes_at(cell))
                    return False
        return True

    def _agrees(self, line: _Line, cell: int) -> bool:
        """True if all that the line reaches of a partly granted cell is granted."""
        if not line.form.aligned:
            return False
        mine = line.bindings()
        return any(
            all(at in mine and set(mine[at]) <= set(spelled) for at, spelled in combination.items())
            for combination in self.cells.combinations[self.table.cells[cell][0]]
        )

    def _apart(self, line: _Line, cell: int) -> bool:
        """True if nothing that the line reaches of a partly granted cell is granted."""
        mine = line.bindings()
        return line.form.aligned and all(
            any(at in mine and set(mine[at]).isdisjoint(spelled) for at, spelled in combination.items())
            for combination in self.cells.combinations[self.table.cells[cell][0]]
        )

    def _fence_values(self, line: _Line, cell: int) -> bool:
        """Take the cell's fence with the line's values in it; False where it would hit too much."""
        if line.spelled:
            from lambda_authorizer.policy.collide import Masks

            found = Masks.of(self.grants.rules, self.table).fence(cell, line.bindings())
        else:
            found = self.table.bound_fence(line.form.positions, cell)
        if found is None or not line.form.aligned or not self._harmless(line, found[1]):
            return False
        for spelled in _texts(found[0], line):
            self._add(spelled, 0)
        return True

    def _own_bound(self, line: _Line, cell: int) -> bool:
        if line.form.inside >> cell & 1:
            return False
        own = [(text, hits) for text, hits in line.form.own if hits >> cell & 1]
        if not all(self._harmless(line, hits) for _, hits in own):
            return False
        for text, _ in own:
            for spelled in _texts(text, line):
                self._add(spelled, 0)
        return True

    def _harmless(self, line: _Line, hits: int) -> bool:
        return not hits & self.cells.full and all(
            self._apart(line, cell) for cell in bits(hits & self.cells.partial)
        )

    def _fence_denials(self) -> None:
        """Add the Deny patterns of deny rules that hold for some values only."""
        for number, found in self.grants.closed.items():
            if self.grants.shut >> number & 1:
                continue  # its cells are closed
            for alternative in found:
                positions = tuple(at for at, _ in alternative.bindings)
                for denial in self.table.denials(number, positions):
                    for choice in product(*(spelled for _, spelled in alternative.bindings)):
                        self._fence_denial(number, denial, choice)

    def _fence_denial(self, number: int, denial: Denial, choice: Sequence[str]) -> None:
        text, hits = _filled(denial.text, choice), denial.hits
        if any(value in self.table.literals[len(self.table.literals) - 1] for value in choice):
            from lambda_authorizer.policy.collide import Masks

            hits = Masks.of(self.grants.rules, self.table).hits(text)
        hits &= self.cells.allowed
        if not hits:
            return
        self._add(text, 0)
        for cell in bits(hits):
            if number not in self.table.cells[cell][1] or not denial.exact:
                self._spoil(self.table.routes_at(cell), (), whole=False)

    # The result

    def _written(self, wide: Sequence[_Wide], unbound: Sequence[_Line], bound: Sequence[_Line]) -> Lines:
        allow: dict[str, int] = {}
        left = self._owed(wide, unbound)
        # One cell stands for each line, so that most merges are ruled out by counting bits.
        marks = 0
        for _, owed, _ in left:
            marks |= owed & -owed
        for number in sorted({number for _, _, wider in left for number in wider}):
            text, hits, covers = self.table.merges[number]
            if (covers & marks).bit_count() < 2 or hits & self.cells.partial:  # noqa: PLR2004 - nothing to merge
                continue
            inside = [owed for _, owed, _ in left if not owed & ~covers]
            if len(inside) > 1 and self._affordable(hits, len(inside)):
                allow[text] = sum(inside)  # no two lines owe the same cell
                left = [line for line in left if line[1] & ~covers]
                marks &= ~covers
        allow |= {text: owed for text, owed, _ in left}
        for line in bound:
            for text in _texts(line.form.text, line):
                allow[text] = self.table.mine[line.group] & self.cells.partial
        corners = (*self.loosened.values(), *self.dropped.values(), *self.spoiled.values())
        deny = tuple(self.deny) if allow else ()
        open_cells = self.cells.full | (self.fenced if allow else 0)
        return Lines(self.table.methods, allow, deny, corners, self.cells.allowed, open_cells)

    def _owed(self, wide: Sequence[_Wide], lines: Sequence[_Line]) -> list[tuple[str, int, Sequence[int]]]:
        """Return each text with the granted cells that it alone opens, and the merges that could replace it."""
        had = 0
        found = []
        for text, covers, wider in [
            *((line.text, line.covers, line.wider) for line in wide),
            *((line.form.text, line.form.covers, self.table.groups[line.group].wider) for line in lines),
        ]:
            found.append((text, covers & self.cells.full & ~had, wider))
            had |= covers
        return found

    def _affordable(self, hits: int, saved: int) -> bool:
        """Take the fences that a wide pattern needs, if they are fewer than the lines it replaces."""
        chosen, left = self._choose(hits & self.cells.closed, most=saved - 2)
        if left or len(chosen) > saved - 2:
            # None is needed where two lines make one.
            return not left and not chosen
        for text, covers in chosen:
            self._add(text, covers)
        return True


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _texts(text: str, line: _Line) -> list[str]:
    """Return a text with the line's values in it, in all spellings."""
    return [_filled(text, choice) for choice in product(*line.values)]


def _filled(text: str, values: Sequence[str]) -> str:
    parts = text.split(BOUND)
    return "".join(part + value for part, value in zip(parts, (*values, ""), strict=True))
