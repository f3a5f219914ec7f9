"""Grants + table → Allow and Deny patterns of one group of methods: exact, or narrower, never wider.

Laws of this file: an Allow pattern is kept only with fences (Deny patterns) around everything it reaches and the
caller may not call; a fence is taken only if it hits nothing the caller may call. Where no such fence exists the
corner is narrowed: the loss that costs the fewest routes is taken, and said.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from lambda_authorizer.policy.table import BOUND, Denial, Form, Table, cells_in
from lambda_authorizer.rules import Grants
from lambda_authorizer.rules.model import GREEDY, Alternative, Segment

_MOST_TEXTS: Final = 256  # of one bound pattern: spellings multiply
Combination = Mapping[int, tuple[str, ...]]  # variable -> spellings


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
        allow: tuple[str, ...],
        deny: tuple[str, ...],
        corners: tuple[Corner, ...],
        allowed: int,
        reachable: int,
    ) -> None:
        self.methods = methods
        self.allow = allow
        self.deny = deny
        self.corners = corners
        self.allowed = allowed  # cells that the caller may call, wholly or in part
        self.reachable = (
            reachable  # cells that an Allow pattern may reach: wholly granted, or wholly behind a fence
        )


class _Line:
    """One Allow pattern for one caller: `values` are the spellings at the form's positions."""

    __slots__ = ("form", "spelled", "values")

    def __init__(self, form: Form, values: tuple[tuple[str, ...], ...], *, spelled: bool = False) -> None:
        self.form = form
        self.values = values
        self.spelled = spelled  # some route spells one of the values

    def bindings(self) -> Combination:
        return dict(zip(self.form.positions, self.values, strict=True))


def select(table: Table, grants: Grants) -> Lines:
    """Return the patterns of one group of methods for one caller."""
    return _Selection(table, grants).lines()


class _Selection:
    """The search for one caller."""

    def __init__(self, table: Table, grants: Grants) -> None:
        self.table = table
        self.grants = grants
        self.dropped: dict[int, Corner] = {}  # by group
        self.loosened: dict[int, Corner] = {}  # groups of which only bound grants are kept
        self.spoiled: dict[tuple[tuple[int, ...], tuple[int, ...]], Corner] = {}
        self.full = self.partial = self.closed = 0
        self.combinations: dict[int, list[Combination]] = {}
        self.deny: dict[str, int] = {}  # fence -> cells it covers wholly, 0 where that is not known
        self.fenced = 0

    def lines(self) -> Lines:
        """Return the patterns, after as many rounds as grants have to be dropped."""
        while True:
            self._look()
            self.deny = {}
            self.spoiled = {}
            self.fenced = 0
            unbound, bound = self._unbound(), self._bound()
            if self._fence_unbound(unbound) and self._fence_bound(bound):
                self._fence_denials()
                return self._written(unbound, bound)

    # What the caller may do, cell by cell

    def _look(self) -> None:
        routes = self.grants.routes
        shut = {number for number, found in self.grants.denied.items() if not found[0].bindings}
        full = partial = closed = 0
        self.combinations = {}
        for number, (group, denials) in enumerate(self.table.cells):
            open_here = group >= 0 and group not in self.dropped and (not shut or shut.isdisjoint(denials))
            bound = False
            if open_here:
                for route in self.table.groups[group][0]:
                    found = routes.get(route)
                    if found is None:
                        open_here = False
                        break
                    bound = bound or bool(found[0].bindings)
            if open_here and group in self.loosened:
                combinations = self._combine(*self.table.groups[group], bound_only=True)
                partial |= 1 << number
                self.combinations[number] = combinations
            elif not open_here:
                closed |= 1 << number
            elif not bound:
                full |= 1 << number
            else:
                combinations = self._combine(*self.table.groups[group])
                if {} in combinations:
                    full |= 1 << number  # the values are those that the template spells
                elif combinations:
                    partial |= 1 << number
                    self.combinations[number] = combinations
                else:
                    closed |= 1 << number
        self.full, self.partial, self.closed = full, partial, closed

    def _combine(
        self, named: tuple[int, ...], template: Sequence[Segment], *, bound_only: bool = False
    ) -> list[Combination]:
        """Return the ways in which all routes of a cell are granted at once."""
        found: list[Combination] = []
        choices = [self.grants.routes[route] for route in named]
        if not bound_only:
            choices = [(given[0],) if not given[0].bindings else given for given in choices]
        for choice in product(*choices):
            merged = _merged(choice, template)
            if merged is not None and merged not in found and (merged or not bound_only):
                found.append(merged)
        return found

    def _unbound(self) -> list[_Line]:
        """Return the patterns of what is granted without bounds, leaving out what a wider one has."""
        forms = []
        for (group, positions), form in self.table.forms.items():
            if not positions and self.table.of_group[group] & self.full:
                forms.append(form)
        forms.sort(key=lambda form: -form.covers.bit_count())
        had = 0
        lines = []
        for form in forms:
            mine = self.table.of_group[form.group] & self.full
            if mine & ~had:
                had |= form.covers
                lines.append(_Line(form, ()))
        return lines

    def _bound(self) -> list[_Line]:
        lines: dict[tuple[object, ...], _Line] = {}
        for number, combinations in self.combinations.items():
            group = self.table.cells[number][0]
            for combination in combinations:
                positions = tuple(sorted(combination))
                values = tuple(combination[at] for at in positions)
                lines[group, positions, values] = _Line(self.table.forms[group, positions], values)
        found: list[_Line] = []
        for line in lines.values():
            if self.table.collides(line.form, line.values):
                from lambda_authorizer.policy.collide import Masks  # hardly ever

                masks = Masks.of(self.grants.rules, self.table)
                for choice in product(*line.values):
                    values = tuple((value,) for value in choice)
                    found.append(_Line(masks.form(line.form, choice), values, spelled=True))
            else:
                found.append(line)
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
        allowed = self.full | self.partial
        chosen: list[tuple[str, int]] = []
        left: list[int] = []
        pending = need & ~self.fenced
        found = ("", 0)
        while pending:
            low = pending & -pending
            cell = low.bit_length() - 1
            best: tuple[int, int] | None = None
            for number in self.table.fences_of(cell):
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
            clash = line.form.hits & self.partial
            if clash:
                # Some values of a variable are granted and the pattern reaches them all: the bound grant is kept.
                because = self.table.routes_at(cells_in(clash)[0])
                self._drop(line, because)
                return False
            need |= line.form.hits & self.closed
        _, without = self._choose(need)
        if without:
            need = self._need_beside_own(lines, sum(1 << cell for cell in without))
        for cell in self._fence(need):
            reaching = [line for line in lines if line.form.hits >> cell & 1 and not self._own(line, cell)]
            if reaching and not self._narrow(cell, reaching):
                return False
        return True

    def _need_beside_own(self, lines: Sequence[_Line], without: int) -> int:
        """Take the own fences of lines that reach cells without a fence; return the cells that still need one.

        Own fences take all that a line reaches beyond its template, so nothing else is needed there for it.
        """
        allowed = self.full | self.partial
        need = 0
        for line in lines:
            form = line.form
            mine = form.hits & self.closed
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
        allowed = self.full | self.partial
        own = [(text, hits) for text, hits in line.form.own if hits >> cell & 1]
        if any(hits & allowed for _, hits in own):
            return False
        for text, _ in own:
            for spelled in _texts(text, line):
                self._add(spelled, 0)
        return True

    def _narrow(self, cell: int, lines: Sequence[_Line]) -> bool:
        """Give up what costs least: the lines that reach the cell, or what a fence around it hits."""
        because = self.table.routes_at(cell)
        allowed = self.full | self.partial
        best = min(
            (self.table.fences[number] for number in self.table.fences_of(cell)),
            key=lambda fence: ((fence[2] & allowed).bit_count(), (fence[1] & allowed).bit_count()),
        )
        if (best[2] & allowed).bit_count() >= len(lines):
            for line in lines:
                self._drop(line, because)
            return False
        self._add(best[0], best[2])
        for hit in cells_in(best[1] & allowed):
            self._spoil(self.table.routes_at(hit), because, whole=bool(best[2] >> hit & 1))
        return True

    def _drop(self, line: _Line, because: tuple[int, ...]) -> None:
        group = line.form.group
        named, template = self.table.groups[group]
        corner = Corner(self.table.methods, named, because, whole=True)
        # A grant for some values is better than none.
        if not line.values and group not in self.loosened and self._combine(named, template, bound_only=True):
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
            mine = self.table.of_group[line.form.group] & self.partial
            if not line.form.aligned and self.table.groups[line.form.group][1][-1] == GREEDY:
                self._drop(line, ())
                return False
            for cell in cells_in(line.form.hits & self.partial & ~mine):
                if not self._agrees(line, cell) and not self._fence_values(line, cell):
                    self._drop(line, self.table.routes_at(cell))
                    return False
            for cell in cells_in(line.form.hits & self.closed):
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
            for combination in self.combinations[cell]
        )

    def _apart(self, line: _Line, cell: int) -> bool:
        """True if nothing that the line reaches of a partly granted cell is granted."""
        mine = line.bindings()
        return line.form.aligned and all(
            any(at in mine and set(mine[at]).isdisjoint(spelled) for at, spelled in combination.items())
            for combination in self.combinations[cell]
        )

    def _fence_values(self, line: _Line, cell: int) -> bool:
        """Take the cell's fence with the line's values in it; False where it would hit too much."""
        if line.spelled:
            from lambda_authorizer.policy.collide import Masks

            found = Masks.of(self.grants.rules, self.table).fence(cell, line.bindings())
        else:
            found = self.table.bound_fences[line.form.positions].get(cell)
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
        return not hits & self.full and all(self._apart(line, cell) for cell in cells_in(hits & self.partial))

    def _fence_denials(self) -> None:
        """Add the Deny patterns of deny rules that hold for some values only."""
        for number, found in self.grants.denied.items():
            if not found[0].bindings:
                continue  # its cells are closed
            for alternative in found:
                positions = tuple(at for at, _ in alternative.bindings)
                for denial in self.table.denials.get((number, positions), ()):
                    for choice in product(*(spelled for _, spelled in alternative.bindings)):
                        self._fence_denial(number, denial, choice)

    def _fence_denial(self, number: int, denial: Denial, choice: Sequence[str]) -> None:
        text, hits = _filled(denial.text, choice), denial.hits
        if any(value in self.table.literals[-1] for value in choice):
            from lambda_authorizer.policy.collide import Masks

            hits = Masks.of(self.grants.rules, self.table).hits(text)
        hits &= self.full | self.partial
        if not hits:
            return
        self._add(text, 0)
        for cell in cells_in(hits):
            if number not in self.table.cells[cell][1] or not denial.exact:
                self._spoil(self.table.routes_at(cell), (), whole=False)

    # The result

    def _written(self, unbound: Sequence[_Line], bound: Sequence[_Line]) -> Lines:
        allow: dict[str, None] = {}
        left = self._owed(unbound)
        # One cell stands for each line, so that most merges are ruled out by counting bits.
        full = self.full
        marks = 0
        for _, owed in left:
            marks |= owed & -owed
        for text, hits, covers in self.table.merges:
            if (covers & marks).bit_count() < 2 or hits & self.partial:  # noqa: PLR2004 - nothing to merge
                continue
            outside = full & ~covers
            inside = [line for line, owed in left if not owed & outside]
            if len(inside) > 1 and self._affordable(hits, len(inside)):
                allow[text] = None
                left = [(line, owed) for line, owed in left if owed & outside]
                marks &= ~covers
        for line, _ in left:
            allow[line.form.text] = None
        for line in bound:
            for text in _texts(line.form.text, line):
                allow[text] = None
        corners = (*self.loosened.values(), *self.dropped.values(), *self.spoiled.values())
        deny = tuple(self.deny) if allow else ()
        open_cells = self.full | (self.fenced if allow else 0)
        return Lines(self.table.methods, tuple(allow), deny, corners, self.full | self.partial, open_cells)

    def _owed(self, lines: Sequence[_Line]) -> list[tuple[_Line, int]]:
        """Return each line with the cells that it alone opens: its own, and those of lines it made needless."""
        had = 0
        found = []
        for line in lines:
            found.append((line, line.form.covers & self.full & ~had))
            had |= line.form.covers
        return found

    def _affordable(self, hits: int, saved: int) -> bool:
        """Take the fences that a wide pattern needs, if they are fewer than the lines it replaces."""
        chosen, left = self._choose(hits & self.closed, most=saved - 2)
        if left or len(chosen) > saved - 2:
            # None is needed where two lines make one.
            return not left and not chosen
        for text, covers in chosen:
            self._add(text, covers)
        return True


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


def _texts(text: str, line: _Line) -> list[str]:
    """Return a text with the line's values in it, in all spellings."""
    return [_filled(text, choice) for choice in product(*line.values)]


def _filled(text: str, values: Sequence[str]) -> str:
    parts = text.split(BOUND)
    return "".join(part + value for part, value in zip(parts, (*values, ""), strict=True))
