"""Patterns that read one text side by side, character by character: what the proof runs documents and rules on.

Laws of this file: a state is a set of positions, one bit each; a pattern keeps its positions for good, so a state
means the same to every caller whose patterns are among those of the machine. It shares no code with the search
that makes policies.
"""

from collections.abc import Hashable, Sequence
from typing import Final

OTHER: Final = "\x00"  # any printable character that no pattern spells
NOWHERE: Final = ("\x01",)  # a pattern that no path matches
# What a pattern is made of, beside single characters: one character, or any number; of any kind, or no slash.
ANY, ANY_LOOP, SEGMENT, SEGMENT_LOOP = "any", "any*", "segment", "segment*"


class Machine:
    """Patterns run side by side."""

    __slots__ = (
        "_any_char", "_any_loop", "_char_at", "_chars", "_earlier", "_ends", "_label_at", "_segment_char",
        "_segment_loop", "_size", "_spelled", "_starts", "absorbing", "accepting",
    )  # fmt: skip

    def __init__(self) -> None:
        self._size = 0
        self._starts: dict[tuple[Hashable, tuple[str, ...]], int] = {}
        self._ends: dict[tuple[Hashable, tuple[str, ...]], int] = {}
        self._chars: dict[str, int] = {}  # character -> positions that it moves
        self._char_at: dict[int, str] = {}
        self._label_at: dict[int, Hashable] = {}
        self._spelled = 0  # positions that one character alone moves
        self._any_char = 0  # positions that every character moves
        self._any_loop = 0  # positions that every character keeps
        self._segment_char = 0  # the same for every character but the slash
        self._segment_loop = 0
        self._earlier: dict[int, int] = {}  # loop over everything -> earlier positions of its pattern
        self.accepting = 0
        self.absorbing = 0  # loops over everything that accept

    def add(self, label: Hashable, tokens: Sequence[str]) -> int:
        """Return the bit where a pattern starts, which is added unless it is there already."""
        key = (label, tuple(tokens))
        start = self._starts.get(key)
        if start is not None:
            return start
        first = at = self._size
        for token in tokens:
            bit = 1 << at
            if token == ANY_LOOP:
                self._any_loop |= bit
                self._earlier[bit] = bit - (1 << first)
                continue
            if token == SEGMENT_LOOP:
                self._segment_loop |= bit
                continue
            if token == ANY:
                self._any_char |= bit
            elif token == SEGMENT:
                self._segment_char |= bit
            else:
                self._chars[token] = self._chars.get(token, 0) | bit
                self._char_at[at] = token
                self._spelled |= bit
            at += 1
        self._label_at[at] = label
        self.accepting |= 1 << at
        self.absorbing |= self._any_loop & 1 << at
        self._size = at + 1
        self._starts[key] = 1 << first
        self._ends[key] = 1 << at
        return 1 << first

    def end_of(self, label: Hashable, tokens: Sequence[str]) -> int:
        """Return the bit where a pattern of the machine accepts."""
        return self._ends[label, tuple(tokens)]

    def positions_of(self, label: Hashable, tokens: Sequence[str]) -> int:
        """Return all positions of a pattern of the machine, the one where it accepts included."""
        key = (label, tuple(tokens))
        return (self._ends[key] << 1) - self._starts[key]

    def step(self, state: int, char: str) -> int:
        """Return the positions after one character."""
        moved = state & (self._chars.get(char, 0) | self._any_char)
        kept = state & self._any_loop
        if char != "/":
            moved |= state & self._segment_char
            kept |= state & self._segment_loop
        after = moved << 1 | kept
        # What an earlier position of the same pattern could still match, a loop over everything matches too.
        entered = moved << 1 & self._any_loop & ~state
        while entered:
            bit = entered & -entered
            after &= ~self._earlier[bit]
            entered ^= bit
        return after

    def steps(self, state: int, chars: Sequence[str]) -> list[int]:
        """Return the positions after each of these characters."""
        other: int | None = None
        found = []
        for char in chars:
            if char == "/" or state & self._chars.get(char, 0):
                found.append(self.step(state, char))
            else:
                # All characters that nothing here spells do the same.
                other = self.step(state, OTHER) if other is None else other
                found.append(other)
        return found

    def wanted(self, state: int) -> set[str]:
        """Return the characters that some pattern spells next."""
        live = state & self._spelled
        if live.bit_count() > len(self._chars):
            return {char for char, positions in self._chars.items() if live & positions}
        found = set()
        while live:
            bit = live & -live
            found.add(self._char_at[bit.bit_length() - 1])
            live ^= bit
        return found

    def labels(self, state: int) -> list[Hashable]:
        """Return the labels of the patterns that accept here."""
        found = []
        left = state & self.accepting
        while left:
            bit = left & -left
            found.append(self._label_at[bit.bit_length() - 1])
            left ^= bit
        return found


def glob_after(pattern: str, text: str) -> set[str]:
    """Return what is left to match of a Resource pattern once it has read a text, in all ways of reading it."""
    left = {pattern}
    for char in text:
        after = set()
        for rest in left:
            stars = len(rest) - len(rest.lstrip("*"))
            if stars:
                after.add("*" + rest[stars:])
            if rest[stars : stars + 1] in {char, "?"}:
                after.add(rest[stars + 1 :])
        left = after
    return left


def glob_matches(pattern: str, text: str) -> bool:
    """True if a pattern with `*` and `?` matches the whole of a text."""
    return any(not rest.strip("*") for rest in glob_after(pattern, text))


def glob_tokens(pattern: str) -> list[str]:
    """Return a Resource pattern as a machine reads it; its wildcards take slashes."""
    return [ANY_LOOP if char == "*" else ANY if char == "?" else char for char in pattern]
