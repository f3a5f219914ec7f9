"""What a path is, and which routes match it.

Laws of this file: a path is text, compared as it stands and never decoded. A path that some server on the way
might read as another path (`odd`) belongs to no route.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lambda_authorizer.rules.model import GREEDY, METHODS, ODD_ESCAPES, VARIABLE, Route, within


def is_odd(path: str) -> bool:
    """True for a path that belongs to no route, whatever the routes are.

    Those hold a backslash, an encoded slash, backslash, dot or control character, a dot segment, an empty segment,
    a control character, a blank, or anything outside ASCII. A trailing slash is not odd: it makes another path.
    """
    if not path.isascii() or not path.isprintable() or " " in path or "\\" in path:
        return True
    if "//" in path or "/." in path:
        if "//" in path:
            return True
        if any(segment in {".", ".."} for segment in path.split("/")):
            return True
    if "%" in path:
        lower = path.lower()
        return any(escape in lower for escape in ODD_ESCAPES)
    return False


def split(path: str) -> list[str] | None:
    """Return the segments of a path, one empty segment for the root; None for an odd path."""
    if not path.startswith("/") or is_odd(path):
        return None
    return path[1:].split("/")


_VARIABLE: Final = str(VARIABLE)
_GREEDY: Final = str(GREEDY)


class Trie:
    """The routes of one kind, found by segments in time that does not grow with their number."""

    __slots__ = ("_root",)

    def __init__(self, root: Mapping[str, Any]) -> None:
        """Take what `rules.tables.trie_of` made."""
        self._root = root

    def matching(self, method: str, segments: Sequence[str]) -> list[int]:
        """Return the numbers of all routes whose template matches the request, in no order."""
        found: list[int] = []
        self._walk(self._root, method, segments, 0, found)
        return found

    def reaching(self, method: str, segments: Sequence[str]) -> list[int]:
        """Return what matches, and what matches without a trailing slash: for deny patterns."""
        found = self.matching(method, segments)
        if len(segments) > 1 and not segments[-1]:
            found += [number for number in self.matching(method, segments[:-1]) if number not in found]
        return found

    def _walk(
        self, node: Mapping[str, Any], method: str, segments: Sequence[str], at: int, found: list[int]
    ) -> None:
        if at == len(segments):
            self._collect(node, method, found)
            return
        segment = segments[at]
        literal = node.get("/" + segment)
        if literal is not None:
            self._walk(literal, method, segments, at + 1, found)
        if segment:
            if _VARIABLE in node:
                self._walk(node[_VARIABLE], method, segments, at + 1, found)
            if _GREEDY in node:
                self._collect(node[_GREEDY], method, found)

    @staticmethod
    def _collect(node: Mapping[str, Any], method: str, found: list[int]) -> None:
        ends = node.get("")
        if ends is None:
            return
        if method in ends:
            found.append(ends[method])
        if "ANY" in ends and method in METHODS:
            found.append(ends["ANY"])


def most_specific(routes: Sequence[Route], numbers: Sequence[int]) -> list[int]:
    """Return, of routes that match one request, those that no other is more specific than."""
    if len(numbers) < 2:  # noqa: PLR2004 - one route is the most specific of itself
        return list(numbers)
    return sorted(
        number
        for number in numbers
        if not any(other != number and within(routes[other], routes[number]) for other in numbers)
    )


def satisfies(bindings: Iterable[tuple[int, tuple[str, ...]]], segments: Sequence[str]) -> bool:
    """True if each bound segment has one of its spellings."""
    return all(segments[at] in spelled for at, spelled in bindings)


def deciding(routes: Sequence[Route], trie: Trie, method: str, segments: Sequence[str]) -> list[int]:
    """Return the routes a request belongs to, all of which must grant it.

    A trailing slash that no route spells belongs to an open end `{name+}`; the routes of the path without it must
    grant it too, because API Gateway sends both to the same place.
    """
    matching = trie.matching(method, segments)
    found = most_specific(routes, matching)
    if (
        len(segments) > 1
        and not segments[-1]
        and not any(routes[number].segments[-1] == "" for number in matching)
    ):
        without = most_specific(routes, trie.matching(method, segments[:-1])) if found else []
        return sorted({*found, *without})
    return found
