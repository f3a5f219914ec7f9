"""The routes of one method as an automaton over segments, and what a wildcard pattern reaches in it.

Laws of this file: a path is a word of non-empty segments, of which only the last may be empty (a trailing slash);
odd paths never come here, every policy denies them first. Segments that no route spells are all alike, so one
symbol stands for them and the answers hold for *all* paths, not for samples.

A *cell* is a set of requests that the rules treat alike: those whose most specific routes and deny patterns are the
same. Where the API's routes are not known, what no route matches is cut into cells as well, one for each place
where it leaves the routes.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from lambda_authorizer.rules.model import GREEDY, VARIABLE, Segment

OTHER: Final = "\x00"  # any non-empty segment that is no literal here
MANY: Final = 2  # in a pattern: `?*` of an Allow line, one or more characters, slashes included
ANY_TEXT: Final = 3  # in a pattern: `*` of a Deny line, any characters or none
STARS: Final = frozenset({MANY, ANY_TEXT})
Pattern = tuple[Segment, ...]
Cell = tuple[tuple[int, ...], tuple[int, ...]]  # most specific routes, deny patterns


class TooComplexError(ValueError):
    """The routes overlap in more ways than the budget allows to look at."""


class _Node:
    """One node of the trie of templates."""

    __slots__ = ("children", "ends", "greedy", "word")

    def __init__(self, word: tuple[Segment, ...]) -> None:
        self.word = word
        self.children: dict[Segment, _Node] = {}
        self.ends: list[int] = []
        self.greedy = bool(word) and word[-1] == GREEDY


class State:
    """One state: what it accepts and where segments lead."""

    __slots__ = ("below", "children", "empty", "here", "other", "word")

    def __init__(self, word: tuple[Segment, ...]) -> None:
        self.word = word  # the template of the paths that come here
        self.here = 0  # cell mask of paths that end here
        self.empty = 0  # cell mask of paths that end here with a trailing slash
        self.children: dict[str, State] = {}
        self.other: State | None = None
        self.below = 0  # all cells of paths that end here or later


class Automaton:
    """Deterministic automaton of the templates of one method."""

    def __init__(
        self,
        templates: Sequence[tuple[int, Sequence[Segment]]],
        most_specific: Any,
        *,
        none_cells: bool,
        budget: int,
    ) -> None:
        """Build it.

        Args:
            templates: numbers and segments; a number occurs once for each template.
            most_specific: numbers that match one path -> the cell they make, or None.
            none_cells: cut what no route matches into cells as well.
            budget: states at most.
        """
        self.cells: list[Cell] = []
        self.words: list[tuple[Segment, ...]] = []  # a template around each cell
        self.literals: set[str] = set()
        self._numbers: dict[Any, int] = {}
        self._cell_of = most_specific
        self._none_cells = none_cells
        self._budget = budget
        trie = _Node(())
        for number, segments in templates:
            node = trie
            for at, segment in enumerate(segments):
                if segment not in node.children:
                    node.children[segment] = _Node(tuple(segments[: at + 1]))
                node = node.children[segment]
                if isinstance(segment, str):
                    self.literals.add(segment)
            node.ends.append(number)
        self._made: dict[frozenset[int], State] = {}
        self.root = self._state([trie], ())

    def _state(self, nodes: list[_Node], word: tuple[Segment, ...]) -> State:
        """Return the state of a set of trie nodes, making everything below it."""
        # Templates have at most some dozens of segments, so this recursion is shallow.
        key = frozenset(map(id, nodes))
        made = self._made.get(key)
        if made is not None:
            return made
        if len(self._made) >= self._budget:
            raise TooComplexError(f"more than {self._budget} states")
        state = self._made[key] = State(word)
        if word:
            ends = [number for node in nodes for number in node.ends]
            state.here = self._mask(ends, word)
        slash = [node.children[""] for node in nodes if "" in node.children]
        greedy = [node for node in nodes if node.greedy]
        state.empty = self._mask([number for node in slash + greedy for number in node.ends], (*word, ""))
        wild: list[_Node] = list(greedy)
        for node in nodes:
            wild += [node.children[kind] for kind in (VARIABLE, GREEDY) if kind in node.children]
        for literal in sorted(
            {segment for node in nodes for segment in node.children if isinstance(segment, str) and segment}
        ):
            exact = [node.children[literal] for node in nodes if literal in node.children]
            state.children[literal] = self._state(exact + wild, (*word, literal))
        if wild:
            if all(node.greedy for node in wild):
                # Nothing but open ends is left: every further segment leads here again.
                state.other = self._state(wild, meet([node.word for node in wild]))
            else:
                state.other = self._state(wild, (*word, VARIABLE))
        elif self._none_cells:
            lost = State((*word, GREEDY))
            lost.here = lost.empty = lost.below = self._none((*word, GREEDY))
            lost.other = lost
            state.other = lost
        state.below = state.here | state.empty
        for after in (*state.children.values(), state.other):
            if after is not None and after is not state:
                state.below |= after.below
        return state

    def _mask(self, numbers: Iterable[int], word: tuple[Segment, ...]) -> int:
        cell = self._cell_of(sorted(numbers))
        if cell is None or not cell[0]:
            return self._none(word) if self._none_cells else 0
        return 1 << self._number(cell, cell, word)

    def _none(self, word: tuple[Segment, ...]) -> int:
        return 1 << self._number(("none", word), ((), ()), word)

    def _number(self, key: Any, cell: Cell, word: tuple[Segment, ...]) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.cells)
            self.cells.append(cell)
            self.words.append(word)
        return self._numbers[key]

    def reach(self, pattern: Pattern, *, anywhere: bool = False) -> tuple[int, int]:
        """Return the cells a pattern hits, and of those the ones it covers wholly.

        Args:
            pattern: literals, VARIABLE, MANY and ANY_TEXT; a literal that no route spells stands for any value
                like it.
            anywhere: the pattern may begin at any later segment as well (a `*` in place of the method).
        """
        size = len(pattern)
        full = 1 << size
        hits = misses = 0
        open_ended = size > 0 and pattern[-1] in STARS
        seen: set[tuple[int, int]] = set()
        stack: list[tuple[State, int]] = [(self.root, 1)]
        while stack:
            state, mask = stack.pop()
            if (id(state), mask) in seen:
                continue
            seen.add((id(state), mask))
            if mask & full:
                if open_ended:
                    hits |= state.below
                    continue
                hits |= state.here
            else:
                misses |= state.here
            if state.empty:
                if _after_slash(pattern, mask):
                    hits |= state.empty
                else:
                    misses |= state.empty
            wanted = {element for at, element in enumerate(pattern) if mask >> at & 1 and isinstance(element, str)}
            wild = _step(pattern, mask, None, anywhere=anywhere)
            for literal, after in state.children.items():
                following = _step(pattern, mask, literal, anywhere=anywhere) if literal in wanted else wild
                if following:
                    stack.append((after, following))
                else:
                    misses |= after.below
            if state.other is not None:
                for literal in wanted:
                    if literal and literal not in state.children:
                        stack.append((state.other, _step(pattern, mask, literal, anywhere=anywhere)))
                if wild:
                    stack.append((state.other, wild))
                else:
                    misses |= state.other.below
        return hits, hits & ~misses


def _step(pattern: Pattern, mask: int, symbol: str | None, *, anywhere: bool) -> int:
    """Return the positions after one non-empty segment; None is a segment that the pattern does not spell."""
    following = 1 if anywhere and mask & 1 else 0
    at = 0
    rest = mask
    while rest:
        if rest & 1:
            if at and pattern[at - 1] in STARS:
                following |= 1 << at
            if at < len(pattern):
                element = pattern[at]
                if element in STARS or element == VARIABLE or (symbol is not None and element == symbol):
                    following |= 1 << at + 1
        rest >>= 1
        at += 1
    return following


def _after_slash(pattern: Pattern, mask: int) -> bool:
    """True if the pattern takes a trailing slash from one of these positions."""
    size = len(pattern)
    if mask >> size & 1 and size and pattern[-1] in STARS:
        return True
    if size and mask >> size - 1 & 1:
        return pattern[-1] == "" or pattern[-1] == ANY_TEXT
    return False


def meet(templates: Sequence[Sequence[Segment]]) -> tuple[Segment, ...]:
    """Return the template of the paths that all of these templates match; they share at least one."""
    size = max(len(template) for template in templates)
    greedy = all(template[-1] == GREEDY for template in templates)
    result: list[Segment] = []
    for at in range(size):
        found: Segment = GREEDY if greedy and at == size - 1 else VARIABLE
        for template in templates:
            if at < len(template) and isinstance(template[at], str):
                found = template[at]
        result.append(found)
    return tuple(result)
