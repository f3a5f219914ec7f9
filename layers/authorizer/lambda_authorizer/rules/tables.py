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

from lambda_authorizer.rules.automaton import (
    ANY_TEXT,
    MANY,
    STARS,
    Automaton,
    Cell,
    Pattern,
    Tail,
    TooComplexError,
    meet,
)
from lambda_authorizer.rules.model import GREEDY, METHODS, VARIABLE, Route, Segment, bits, unpacked, within
from lambda_authorizer.rules.patterns import BOUND, allow_of, exactly, fence_of, joint, packed, pattern_of, text_of

__all__ = ["TooComplexError", "tables_for"]

_MOST_FORMS: Final = 64  # bound forms of one cell
_MOST_JOINT: Final = 8  # ways in which one pattern reaches into one cell
_MOST_TAILS: Final = 200  # routes of one method for which fences by their last segments are looked at
_MOST_SHARED: Final = 600  # patterns that are looked at behind a `*` in place of the method


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
        named = numbers_of(routes, method)
        if named:
            views.setdefault((named, numbers_of(denials, method)), []).append(method)
    built = [
        View(routes, denials, named, denied, methods, bound, bound_denials, routes_known=routes_known)
        for (named, denied), methods in views.items()
    ]
    tables = [view.table() for view in built]
    _add_any_method(built, tables)
    return tables


def trie_of(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the routes by segments, as JSON can hold them and `policy.Trie` reads them.

    A node has its children under `/literal`, `VARIABLE` and `GREEDY`, and under an empty name the routes that end
    there: method → number.
    """
    root: dict[str, Any] = {}
    for number, route in enumerate(routes):
        node = root
        for segment in route.segments:
            node = node.setdefault(f"/{segment}" if isinstance(segment, str) else str(segment), {})
        node.setdefault("", {})[route.method] = number
    return root


def _add_any_method(views: Sequence["View"], tables: Sequence[dict[str, Any]]) -> None:
    """Add to each table what `*/pattern` reaches in it, for patterns that several methods have."""
    methods: dict[str, int] = {}
    for table in tables:
        texts = {form[2] for _, _, forms in table["groups"] for form in forms if not form[0]}
        texts.update(text for text, *_ in table["merges"] + table["fences"])
        for text in texts:
            methods[text] = methods.get(text, 0) + len(table["methods"])
    shared = sorted(text for text, count in methods.items() if count > 1 and text)
    # The widest first: a build should not take minutes for merges that hardly ever happen.
    shared.sort(key=lambda text: (text.count("/"), text))
    for view, table in zip(views, tables, strict=True):
        table["any_method"] = [
            [text, packed(view.automaton.reach(pattern_of(text), anywhere=True)[0])]
            for text in shared[:_MOST_SHARED]
        ]


def numbers_of(routes: Sequence[Route], method: str) -> tuple[int, ...]:
    """Return the numbers of the HTTP routes that a method can match."""
    return tuple(
        number for number, route in enumerate(routes) if route.kind == "http" and route.method in {method, "ANY"}
    )


def _bound_positions(rules: Iterable[Mapping[str, Any]], effect: str) -> dict[int, set[tuple[int, ...]]]:
    """Return, for each route, the sets of variables that rules bind in it."""
    found: dict[int, set[tuple[int, ...]]] = {}
    for rule in rules:
        if rule["effect"] == effect:
            for route, where in rule["targets"]:
                found.setdefault(route, set()).add(tuple(at for at, _ in where))
    return found


class View:
    """Builds the table of one group of methods."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a view is made of
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
        self.small = len(named) <= _MOST_TAILS
        # Routes and deny patterns share one numbering: deny patterns follow the routes.
        self.offset = len(routes)
        templates = [(number, routes[number].segments) for number in named]
        templates += [(self.offset + number, denials[number].segments) for number in denied]
        self.automaton = Automaton(
            templates,
            self,
            none_cells=not routes_known,
            budget=2_000 + 50 * len(templates),
        )

    # The judge of the automaton

    def path(self, ends: Sequence[int]) -> Cell | None:
        """Return the cell of paths without a trailing slash."""
        named, denied = self._apart(ends)
        return self._cell(most_specific(self.routes, named), denied) if named else None

    def slash(self, ends: Sequence[int], spelled: Sequence[int], greedy: Sequence[int]) -> Cell | None:
        """Return the cell of paths with a trailing slash.

        A route that spells the slash has them. Else an open end takes them, together with the routes of the path
        without the slash, because API Gateway sends both to the same place.
        """
        routes, denied = self._apart([*spelled, *greedy])
        if not routes:
            return None
        without, denied_without = self._apart(ends)
        denied = tuple(sorted({*denied, *denied_without}))
        if any(number < self.offset for number in spelled):
            return self._cell(most_specific(self.routes, routes), denied)
        named = most_specific(self.routes, routes)
        cell = self._cell(tuple(sorted({*most_specific(self.routes, without), *named})), denied)
        if cell.word[-1] == GREEDY:
            return cell
        return cell._replace(
            template=cell.template if cell.template[-1] == GREEDY else (*cell.template, ""), word=(*cell.word, "")
        )

    def _apart(self, numbers: Iterable[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        routes = tuple(sorted({number for number in numbers if number < self.offset}))
        return routes, tuple(sorted({number - self.offset for number in numbers if number >= self.offset}))

    def _cell(self, named: tuple[int, ...], denied: tuple[int, ...]) -> Cell:
        routes = [self.routes[number].segments for number in named]
        return Cell(
            named, denied, meet(routes), meet(routes + [self.denials[number].segments for number in denied])
        )

    def table(self) -> dict[str, Any]:
        """Return the table, as JSON can hold it: short lists about all groups, and rows about single things."""
        cells = self.automaton.cells
        groups = sorted({(cell.named, cell.template) for cell in cells if cell.named}, key=repr)
        number_of = {group: number for number, group in enumerate(groups)}
        group_of = [number_of.get((cell.named, cell.template), -1) for cell in cells]
        mine = [0] * len(groups)
        reached: dict[int, int] = {}
        for number, (group, cell) in enumerate(zip(group_of, cells, strict=True)):
            if group >= 0:
                mine[group] |= 1 << number
            for denial in cell.denied:
                reached[denial] = reached.get(denial, 0) | 1 << number
        forms = [
            [self._form(template, form) for form in self._forms(named, template)] for named, template in groups
        ]
        fences = self._all_fences()
        merges = self._merges()
        return {
            "methods": self.methods,
            "named": [list(named) for named, _ in groups],
            "mine": [packed(mask) for mask in mine],
            "denied": [[denial, packed(mask)] for denial, mask in sorted(reached.items())],
            "groups": [
                [list(template), wider, listed]
                for (_, template), wider, listed in zip(groups, _wider(merges, mine), forms, strict=True)
            ],
            "cells": [
                [group, list(cell.denied), covering]
                for group, cell, covering in zip(group_of, cells, _covering(fences, len(cells)), strict=True)
            ],
            "literals": self._literals(),
            "merges": [[text, packed(hits), packed(covers)] for text, hits, covers in merges],
            "fences": [[text, packed(hits), packed(covers)] for text, hits, covers in fences],
            "bound_fences": self._bound_fences(forms),
            "denials": self._bound_denials(),
        }

    def _form(self, template: Sequence[Segment], positions: tuple[int, ...]) -> list[Any]:
        """Return one Allow pattern of a group, with the variables at these positions bound."""
        pattern = allow_of(template, positions)
        hits, covers = self.automaton.reach(pattern)
        inside, _ = self.automaton.reach(exactly(template, positions))
        return [
            list(positions),
            MANY not in pattern[: positions[-1]] if positions else True,
            text_of(pattern),
            packed(hits),
            packed(covers),
            packed(inside),
            self._own_fences(pattern, template),
            [] if positions else self._joint_fences(pattern, hits & ~covers),
        ]

    def _joint_fences(self, pattern: Pattern, cells: int) -> list[list[Any]]:
        """Return, for cells of which a pattern reaches some requests only, fences around just those."""
        found = []
        for number in bits(cells) if self.small else ():
            word = self.automaton.cells[number].word
            if word and word[-1] != GREEDY:
                fences = joint(pattern, word)
                if 0 < len(fences) <= _MOST_JOINT and fences != [fence_of(word)]:
                    found.append(
                        [number, [[text_of(fence), *map(packed, self.automaton.reach(fence))] for fence in fences]]
                    )
        return found

    def _all_fences(self) -> list[tuple[str, int, int]]:
        """Return every candidate for a fence with the cells it hits and covers, the widest first."""
        fences: dict[str, tuple[int, int]] = {}
        for number in range(len(self.automaton.cells)):
            for fence in self._fences(number):
                text = text_of(fence)
                if text not in fences:
                    fences[text] = self.automaton.reach(fence)
        ordered = sorted(fences.items(), key=lambda item: (-item[1][1].bit_count(), len(item[0]), item[0]))
        return [(text, hits, covers) for text, (hits, covers) in ordered]

    def _literals(self) -> list[list[str]]:
        """Return the literals by position, and all of them last."""
        by_position: list[set[str]] = []
        for number in range(self.offset + len(self.denials)):
            segments = (
                self.routes[number] if number < self.offset else self.denials[number - self.offset]
            ).segments
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
            shapes = [template]
            if any(number in cell.denied and cell.word[-1] == "" for cell in self.automaton.cells if cell.named):
                shapes += [(*template, "")] if template[-1] not in {GREEDY, ""} else []
            for positions in sorted(self.bound_denials.get(number, set())):
                if positions:
                    texts = [self._bound_denial(shape, positions) for shape in shapes]
                    found.append([number, list(positions), texts])
        return found

    def _bound_denial(self, template: Sequence[Segment], positions: tuple[int, ...]) -> list[Any]:
        pattern = tuple(BOUND if at in positions else part for at, part in enumerate(fence_of(template)))
        hits, _ = self.automaton.reach(pattern)
        exact = template[-1] != GREEDY or ANY_TEXT not in pattern[: positions[-1]]
        return [text_of(pattern), packed(hits), exact]

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
                found.append([text_of(fence), packed(self.automaton.reach(fence)[0])])
        return found

    def _fences(self, number: int) -> Iterable[Pattern]:
        """Yield Deny patterns around a cell: its subtrees, and for those of routes also itself and its tails."""
        cell = self.automaton.cells[number]
        exact = fence_of(cell.word)
        for kept in range(len(exact)):
            yield (*exact[:kept], ANY_TEXT)
        if cell.named:
            yield exact
            if self.small:
                for start in range(1, len(exact)):
                    if isinstance(exact[start], str) and exact[start]:
                        yield (ANY_TEXT, *exact[start:])

    def _merges(self) -> list[tuple[str, int, int]]:
        """Return Allow patterns of whole subtrees, widest first."""
        prefixes: set[Pattern] = set()
        for template in {cell.template for cell in self.automaton.cells if cell.named}:
            allow = allow_of(template, ())
            prefixes.update((*allow[:kept], MANY) for kept in range(len(allow)))
            for kept, element in enumerate(allow):
                if isinstance(element, str) and element:
                    # `orders*` is `orders` and all below it, and whatever else begins so.
                    prefixes.add((*allow[:kept], Tail(element)))
        found = []
        for pattern in sorted(prefixes, key=lambda item: (len(item), text_of(item))):
            hits, covers = self.automaton.reach(pattern)
            if covers.bit_count() > 1:
                found.append((text_of(pattern), hits, covers))
        return found

    def _bound_fences(self, forms: Sequence[Sequence[Sequence[Any]]]) -> list[list[Any]]:
        """Return, for each cell that a bound pattern hits, the cell's fence with the same values in it."""
        needed: dict[tuple[int, ...], int] = {}
        for positions, _, _, hits, *_ in (form for listed in forms for form in listed if form[0]):
            needed[tuple(positions)] = needed.get(tuple(positions), 0) | unpacked(hits)
        found: list[list[Any]] = []
        for positions, mask in sorted(needed.items()):
            for number in bits(mask):
                word = self.automaton.cells[number].word
                if all(at < len(word) and word[at] == VARIABLE for at in positions):
                    fence = fence_of(tuple(BOUND if at in positions else part for at, part in enumerate(word)))
                    found.append([list(positions), number, text_of(fence), packed(self.automaton.reach(fence)[0])])
        return found


def _covering(fences: Sequence[tuple[str, int, int]], cells: int) -> list[list[int]]:
    """Return, for each cell, the numbers of the fences that cover it wholly."""
    found: list[list[int]] = [[] for _ in range(cells)]
    for number, (_, _, covers) in enumerate(fences):
        for cell in bits(covers):
            found[cell].append(number)
    return found


def _wider(merges: Sequence[tuple[str, int, int]], mine: Sequence[int]) -> list[list[int]]:
    """Return, for each group, the numbers of the merges that cover some of its cells."""
    found: list[list[int]] = [[] for _ in mine]
    group_of = {cell: group for group, mask in enumerate(mine) for cell in bits(mask)}
    for number, (_, _, covers) in enumerate(merges):
        for group in sorted({group_of[cell] for cell in bits(covers) if cell in group_of}):
            found[group].append(number)
    return found


def most_specific(routes: Sequence[Route], numbers: Iterable[int]) -> tuple[int, ...]:
    """Return, of routes that match one path, those that no other is more specific than."""
    numbers = list(numbers)
    return tuple(
        number
        for number in numbers
        if not any(other != number and within(routes[other], routes[number]) for other in numbers)
    )
