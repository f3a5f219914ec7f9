"""What can be known about wildcards before any caller comes: which requests each pattern reaches.

A *view* is the routes of methods that have the same routes. For each view the table lists its cells (see
`automaton`), the Allow patterns with the cells they hit, and candidates for fences (Deny patterns) with the cells
they hit and cover. `policy.select` picks from it for one caller with a few operations on bit masks.

Laws of this file: masks are exact, worked out on the automaton for all paths; what is not listed here is never
emitted. Work of a build, not of a start.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final

from lambda_authorizer.rules.automaton import ANY_TEXT, MANY, STARS, Automaton, Pattern, TooComplexError, meet
from lambda_authorizer.rules.model import GREEDY, METHODS, VARIABLE, Route, Segment

__all__ = ["TooComplexError", "tables_for"]

BOUND: Final = "\x01"  # stands in a pattern's text where a bound value goes
_MOST_FORMS: Final = 64  # bound forms of one cell


def tables_for(
    routes: Sequence[Route],
    denials: Sequence[Route],
    rules: Iterable[Mapping[str, Any]],
    *,
    routes_known: bool,
) -> list[dict[str, Any]]:
    """Return one table for each group of methods that have the same routes.

    Raises:
        TooComplexError: the routes overlap in more ways than the budget allows to look at.
    """
    rules = list(rules)
    bound, bound_denials = _bound_positions(rules, "allow"), _bound_positions(rules, "deny")
    views: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for method in METHODS:
        named = _numbers_of(routes, method)
        if named:
            views.setdefault((named, _numbers_of(denials, method)), []).append(method)
    return [
        _View(routes, denials, named, denied, methods, bound, bound_denials, routes_known=routes_known).table()
        for (named, denied), methods in views.items()
    ]


def _numbers_of(routes: Sequence[Route], method: str) -> tuple[int, ...]:
    return tuple(
        number
        for number, route in enumerate(routes)
        if route.kind == "http" and route.method in {method, "ANY"}
    )


def _bound_positions(rules: Iterable[Mapping[str, Any]], effect: str) -> dict[int, set[tuple[int, ...]]]:
    """Return, for each route, the sets of variables that rules bind in it."""
    found: dict[int, set[tuple[int, ...]]] = {}
    for rule in rules:
        if rule["effect"] == effect:
            for route, where in rule["targets"]:
                found.setdefault(route, set()).add(tuple(at for at, _ in where))
    return found


class _View:
    """Builds the table of one group of methods."""

    def __init__(
        self,
        routes: Sequence[Route],
        denials: Sequence[Route],
        named: tuple[int, ...],
        denied: tuple[int, ...],
        methods: list[str],
        bound: Mapping[int, set[tuple[int, ...]]],
        bound_denials: Mapping[int, set[tuple[int, ...]]],
        *,
        routes_known: bool,
    ) -> None:
        self.routes = routes
        self.denials = denials
        self.methods = methods
        self.denied = denied
        self.bound = bound
        self.bound_denials = bound_denials
        self.routes_known = routes_known
        # Routes and deny patterns share one numbering: deny patterns follow the routes.
        self.offset = len(routes)
        templates = [(number, routes[number].segments) for number in named]
        templates += [(self.offset + number, denials[number].segments) for number in denied]
        self.automaton = Automaton(
            templates,
            self._cell,
            none_cells=not routes_known,
            budget=2_000 + 50 * len(templates),
        )

    def _cell(self, numbers: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        matching = [number for number in numbers if number < self.offset]
        if not matching:
            return None
        denied = tuple(number - self.offset for number in numbers if number >= self.offset)
        return tuple(_most_specific(self.routes, matching)), denied

    def table(self) -> dict[str, Any]:
        """Return the table, as JSON can hold it."""
        allows: list[list[Any]] = []
        fences: dict[str, tuple[int, int]] = {}
        bound_fences: dict[str, dict[str, list[Any]]] = {}
        for named in sorted({cell[0] for cell in self.automaton.cells if cell[0]}):
            template = meet([self.routes[number].segments for number in named])
            for positions in self._forms(named, template):
                pattern = _pattern(template, positions)
                hits, covers = self.automaton.reach(pattern)
                inside, _ = self.automaton.reach(_exactly(template, positions))
                allows.append(
                    [
                        list(named),
                        list(positions),
                        MANY not in pattern[: positions[-1]] if positions else True,
                        _text(pattern),
                        f"{hits:x}",
                        f"{covers:x}",
                        f"{inside:x}",
                        self._own_fences(pattern, template),
                    ]
                )
        for number in range(len(self.automaton.cells)):
            for fence in self._fences(number):
                text = _text(fence)
                if text not in fences:
                    fences[text] = self.automaton.reach(fence)
        for entry in allows:
            if entry[1]:
                self._bound_fences(entry, bound_fences)
        ordered = sorted(fences.items(), key=lambda item: (-item[1][1].bit_count(), len(item[0]), item[0]))
        return {
            "methods": self.methods,
            "cells": [[list(named), list(denied)] for named, denied in self.automaton.cells],
            "literals": self._literals(),
            "allows": allows,
            "merges": self._merges(),
            "fences": [[text, f"{hits:x}", f"{covers:x}"] for text, (hits, covers) in ordered],
            "bound_fences": bound_fences,
            "denials": self._bound_denials(),
        }

    def _literals(self) -> list[list[str]]:
        """Return the literals by position, and all of them last."""
        by_position: list[set[str]] = []
        for number in range(self.offset + len(self.denials)):
            segments = (self.routes[number] if number < self.offset else self.denials[number - self.offset]).segments
            for at, segment in enumerate(segments):
                while len(by_position) <= at:
                    by_position.append(set())
                if isinstance(segment, str):
                    by_position[at].add(segment)
        return [sorted(found) for found in by_position] + [sorted(set().union(*by_position))]

    def _bound_denials(self) -> list[list[Any]]:
        """Return the Deny patterns of deny rules that bind variables."""
        found = []
        for number in self.denied:
            template = self.denials[number].segments
            for positions in sorted(self.bound_denials.get(number, set())):
                if positions:
                    pattern = tuple(BOUND if at in positions else part for at, part in enumerate(_fence(template)))
                    hits, _ = self.automaton.reach(pattern)
                    exact = template[-1] != GREEDY or ANY_TEXT not in pattern[: positions[-1]]
                    found.append([number, list(positions), _text(pattern), f"{hits:x}", exact])
        return found

    def _forms(self, named: tuple[int, ...], template: Sequence[Segment]) -> list[tuple[int, ...]]:
        """Return the sets of positions that rules bind in this template, the empty one first."""
        choices = [sorted(self.bound.get(number, set())) for number in named]
        if not all(choices):
            return []  # no rule grants one of the routes
        forms = set()
        for combination in product(*choices):
            forms.add(tuple(sorted({at for form in combination for at in form if template[at] == VARIABLE})))
            if len(forms) > _MOST_FORMS:
                raise TooComplexError(f"more than {_MOST_FORMS} ways to bind the variables of one route")
        return sorted(forms, key=lambda form: (len(form), form))

    def _own_fences(self, pattern: Pattern, template: Sequence[Segment]) -> list[list[str]]:
        """Return fences that together take away all that a pattern reaches beyond its own template."""
        found = []
        for at, element in enumerate(pattern):
            if element == MANY and template[at] == VARIABLE:
                wide = (*pattern[:at], ANY_TEXT, ANY_TEXT, *pattern[at + 1 :])
                fence = tuple(ANY_TEXT if part in STARS else part for part in wide)
                found.append([_text(fence), f"{self.automaton.reach(fence)[0]:x}"])
        return found

    def _template(self, number: int) -> tuple[Segment, ...]:
        """Return a template around a cell."""
        named, denied = self.automaton.cells[number]
        if not named:
            return self.automaton.words[number]
        return meet(
            [self.routes[route].segments for route in named] + [self.denials[pattern].segments for pattern in denied]
        )

    def _fences(self, number: int) -> Iterable[Pattern]:
        """Yield Deny patterns around a cell: the cell itself, its subtrees, and its tails."""
        exact = _fence(self._template(number))
        yield exact
        for kept in range(len(exact)):
            yield (*exact[:kept], ANY_TEXT)
        for start in range(1, len(exact)):
            if isinstance(exact[start], str) and exact[start]:
                yield (ANY_TEXT, *exact[start:])

    def _merges(self) -> list[list[str]]:
        """Return Allow patterns of whole subtrees, widest first."""
        prefixes: set[Pattern] = set()
        for named in {cell[0] for cell in self.automaton.cells if cell[0]}:
            allow = _pattern(meet([self.routes[number].segments for number in named]), ())
            prefixes.update((*allow[:kept], MANY) for kept in range(len(allow)))
        found = []
        for pattern in sorted(prefixes, key=lambda item: (len(item), _text(item))):
            hits, covers = self.automaton.reach(pattern)
            if covers.bit_count() > 1:
                found.append([_text(pattern), f"{hits:x}", f"{covers:x}"])
        return found

    def _bound_fences(self, entry: Sequence[Any], found: dict[str, dict[str, list[Any]]]) -> None:
        """Add, for each cell that a bound pattern hits, the cell's fence with the same values in it."""
        _, positions, _, _, hits, *_ = entry
        per_cell = found.setdefault(",".join(map(str, positions)), {})
        mask = int(hits, 16)
        while mask:
            low = mask & -mask
            number = low.bit_length() - 1
            mask ^= low
            if str(number) in per_cell:
                continue
            template = self._template(number)
            bound = [at for at in positions if at < len(template) and template[at] == VARIABLE]
            if len(bound) == len(positions):
                fence = _fence(tuple(BOUND if at in bound else part for at, part in enumerate(template)))
                hit, _ = self.automaton.reach(fence)
                per_cell[str(number)] = [_text(fence), f"{hit:x}"]


def _most_specific(routes: Sequence[Route], numbers: Sequence[int]) -> list[int]:
    return [
        number
        for number in numbers
        if not any(other != number and _inside(routes[other], routes[number]) for other in numbers)
    ]


def _inside(left: Route, right: Route) -> bool:
    """True if `left` is at least as specific as `right`; both match a common request, so they differ."""
    if left.method != right.method and right.method != "ANY":
        return False
    for at, segment in enumerate(right.segments):
        other = left.segments[at] if at < len(left.segments) else None
        if segment == GREEDY:
            return other is not None
        if segment == VARIABLE and other != VARIABLE and not isinstance(other, str):
            return False
        if isinstance(segment, str) and segment != other:
            return False
    return len(left.segments) == len(right.segments)


def _pattern(template: Sequence[Segment], bound: Iterable[int]) -> Pattern:
    """Return a template as an Allow pattern; bound variables are a literal that no route spells."""
    positions = set(bound)
    return tuple(
        BOUND if at in positions else MANY if segment in {VARIABLE, GREEDY} else segment
        for at, segment in enumerate(template)
    )


def _fence(template: Sequence[Segment]) -> Pattern:
    """Return a template as a Deny pattern."""
    return tuple(ANY_TEXT if segment in {VARIABLE, GREEDY} else segment for segment in template)


def _exactly(template: Sequence[Segment], bound: Iterable[int]) -> Pattern:
    """Return a template as a pattern that reaches its own paths and no others."""
    positions = set(bound)
    return tuple(
        BOUND if at in positions else MANY if segment == GREEDY else segment for at, segment in enumerate(template)
    )


def _text(pattern: Pattern) -> str:
    """Return a pattern as it stands in a Resource behind the method's slash."""
    return "/".join("?*" if part == MANY else "*" if part == ANY_TEXT else str(part) for part in pattern)
