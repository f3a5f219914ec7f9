"""The routes of one method as an automaton over segments, and what a wildcard pattern reaches in it.

Laws of this file: a path is a word of non-empty segments, of which only the last may be empty (a trailing slash);
odd paths never come here, every policy denies them first. Segments that no route spells are all alike, so one
symbol stands for them and the answers hold for *all* paths, not for samples.

A *cell* is a set of requests that the rules treat alike: those whose most specific routes and deny patterns are
the same. Where the API's routes are not known, what no route matches is cut into cells as well, one for each place
where it leaves the routes.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from lambda_authorizer.rules.model import GREEDY, VARIABLE, Segment

OTHER: Final = "\x00"  # any non-empty segment that is no literal here
MANY: Final = 2  # in a pattern: `?*` of an Allow line, one or more characters, slashes included
ANY_TEXT: Final = 3  # in a pattern: `*` of a Deny line, any characters or none
STARS: Final = frozenset({MANY, ANY_TEXT})


class Tail(str):
    """The last element of a pattern: a segment that begins like this, and whatever follows (`orders*`)."""

    __slots__ = ()


Pattern = tuple[Segment, ...]


class Cell(NamedTuple):
    """Requests that the rules treat alike."""

    named: tuple[int, ...]  # the routes that must all grant them; () for requests of no route
    denied: tuple[int, ...]  # the deny patterns that reach them
    template: tuple[Segment, ...]  # a template around them, deny patterns left out
    word: tuple[Segment, ...]  # the narrowest template around them


class Judge(Protocol):
    """Says to which cell the paths belong that match certain templates."""

    def path(self, ends: Sequence[int]) -> Cell | None:
        """Return the cell of paths without a trailing slash; None if no route matches."""

    def slash(self, ends: Sequence[int], spelled: Sequence[int], greedy: Sequence[int]) -> Cell | None:
        """Return the cell of paths with a trailing slash.

        Args:
            ends: templates that match the path without its slash.
            spelled: templates that spell the slash.
            greedy: templates with an open end, which takes it.
        """


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

    __slots__ = ("_others", "below", "children", "empty", "here", "other", "word")

    def __init__(self, word: tuple[Segment, ...]) -> None:
        self.word = word  # the template of the paths that come here
        self.here = 0  # cell mask of paths that end here
        self.empty = 0  # cell mask of paths that end here with a trailing slash
        self.children: dict[str, State] = {}
        self.other: State | None = None
        self.below = 0  # all cells of paths that end here or later
        self._others: dict[frozenset[str], int] = {}

    def below_others(self, wanted: frozenset[str]) -> int:
        """Return the cells below all literal segments but these."""
        found = self._others.get(wanted)
        if found is None:
            found = 0
            for literal, after in self.children.items():
                if literal not in wanted:
                    found |= after.below
            self._others[wanted] = found
        return found


class Automaton:
    """Deterministic automaton of the templates of one method."""

    def __init__(
        self,
        templates: Sequence[tuple[int, Sequence[Segment]]],
        judge: Judge,
        *,
        none_cells: bool,
        budget: int,
    ) -> None:
        """Build it.

        Args:
            templates: numbers and segments; a number occurs once for each template.
            judge: says which cell the paths make that match certain templates.
            none_cells: cut what no route matches into cells as well.
            budget: states at most.
        """
        self.cells: list[Cell] = []
        self.literals: set[str] = set()
        self._numbers: dict[Cell, int] = {}
        self._judge = judge
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
        self.root = self._state([trie])

    def _state(self, nodes: list[_Node]) -> State:
        """Return the state of a set of trie nodes, making everything below it."""
        # Templates have at most some dozens of segments, so this recursion is shallow.
        key = frozenset(map(id, nodes))
        made = self._made.get(key)
        if made is not None:
            return made
        if len(self._made) >= self._budget:
            raise TooComplexError(f"more than {self._budget} states")
        # Whatever way leads here, the path so far matches the templates of all these nodes.
        word = meet([node.word for node in nodes])
        state = self._made[key] = State(word)
        ends = sorted(number for node in nodes for number in node.ends)
        if word:
            state.here = self._mask(self._judge.path(ends), word)
        spelled = sorted(number for node in nodes if "" in node.children for number in node.children[""].ends)
        greedy = sorted(number for node in nodes if node.greedy for number in node.ends)
        state.empty = self._mask(self._judge.slash(ends, spelled, greedy), (*word, ""))
        wild = [node for node in nodes if node.greedy]
        for node in nodes:
            wild += [node.children[kind] for kind in (VARIABLE, GREEDY) if kind in node.children]
        for literal in sorted(
            {segment for node in nodes for segment in node.children if isinstance(segment, str) and segment}
        ):
            exact = [node.children[literal] for node in nodes if literal in node.children]
            state.children[literal] = self._state(exact + wild)
        if wild:
            state.other = self._state(wild)
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

    def _mask(self, cell: Cell | None, word: tuple[Segment, ...]) -> int:
        if cell is None:
            return self._none(word) if self._none_cells else 0
        return 1 << self._number(cell)

    def _none(self, word: tuple[Segment, ...]) -> int:
        return 1 << self._number(Cell((), (), word, word))

    def _number(self, cell: Cell) -> int:
        number = self._numbers.get(cell)
        if number is None:
            number = self._numbers[cell] = len(self.cells)
            self.cells.append(cell)
        return number

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
        tail = pattern[-1] if size and isinstance(pattern[-1], Tail) else None
        open_ended = size > 0 and (pattern[-1] in STARS or tail is not None)
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
            if tail is not None and mask >> size - 1 & 1:
                wanted.remove(tail)
                wanted.update(literal for literal in state.children if literal.startswith(tail))
                if state.other is not None:
                    hits |= state.other.below  # a value that begins like it
            wild = _step(pattern, mask, None, anywhere=anywhere)
            known = frozenset(literal for literal in wanted if literal in state.children)
            for literal in known:
                after = state.children[literal]
                following = _step(pattern, mask, literal, anywhere=anywhere)
                if following:
                    stack.append((after, following))
                else:
                    misses |= after.below
            if wild:
                stack += [(after, wild) for literal, after in state.children.items() if literal not in known]
            else:
                misses |= state.below_others(known)
            if state.other is not None:
                stack += [
                    (state.other, _step(pattern, mask, literal, anywhere=anywhere))
                    for literal in wanted
                    if literal and literal not in state.children
                ]
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
            if at and (pattern[at - 1] in STARS or isinstance(pattern[at - 1], Tail)):
                following |= 1 << at
            if at < len(pattern):
                element = pattern[at]
                if element in STARS or element == VARIABLE or (symbol is not None and _spells(element, symbol)):
                    following |= 1 << at + 1
        rest >>= 1
        at += 1
    return following


def _spells(element: Segment, symbol: str) -> bool:
    return symbol.startswith(element) if isinstance(element, Tail) else element == symbol


def _after_slash(pattern: Pattern, mask: int) -> bool:
    """True if the pattern takes a trailing slash from one of these positions."""
    size = len(pattern)
    if mask >> size & 1 and size and (pattern[-1] in STARS or isinstance(pattern[-1], Tail)):
        return True
    if size and mask >> size - 1 & 1:
        return pattern[-1] == "" or pattern[-1] == ANY_TEXT
    return False


def meet(templates: Sequence[Sequence[Segment]]) -> tuple[Segment, ...]:
    """Return the template of the paths that all of these templates match; they share at least one."""
    size = max(len(template) for template in templates)
    greedy = size > 0 and all(template[-1] == GREEDY for template in templates)
    result: list[Segment] = []
    for at in range(size):
        found: Segment = GREEDY if greedy and at == size - 1 else VARIABLE
        for template in templates:
            if at < len(template) and isinstance(template[at], str):
                found = template[at]
        result.append(found)
    return tuple(result)
