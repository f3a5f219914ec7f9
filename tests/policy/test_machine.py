"""Patterns side by side match what each of them matches alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.policy.machine import (
    ANY,
    ANY_LOOP,
    OTHER,
    SEGMENT,
    SEGMENT_LOOP,
    Machine,
    glob_after,
    glob_matches,
    glob_tokens,
)

GLOBS = st.text(alphabet="ab/*?", max_size=8)
TEXTS = st.text(alphabet="ab/c", max_size=8)
TOKENS = st.lists(st.sampled_from(["a", "b", "/", ANY, ANY_LOOP, SEGMENT, SEGMENT_LOOP]), max_size=6)
MEANING = {ANY: ".", ANY_LOOP: ".*", SEGMENT: "[^/]", SEGMENT_LOOP: "[^/]*"}


def expression(tokens: list[str]) -> re.Pattern[str]:
    """Return the same pattern for the standard library's matcher."""
    return re.compile("".join(MEANING.get(token) or re.escape(token) for token in tokens), re.DOTALL)


@given(st.lists(TOKENS, min_size=1, max_size=4), TEXTS)
def test_patterns_side_by_side_match_as_they_do_alone(patterns: list[list[str]], text: str) -> None:
    """Loops that take over from earlier positions lose nothing, whatever stands beside them."""
    machine = Machine()
    state = 0
    for number, tokens in enumerate(patterns):
        state |= machine.add(number, tokens)
    for char in text:
        wanted = sorted({*machine.wanted(state), char, OTHER})
        state = dict(zip(wanted, machine.steps(state, wanted), strict=True))[char]
    expected = [number for number, tokens in enumerate(patterns) if expression(tokens).fullmatch(text)]
    assert machine.labels(state) == expected


@given(GLOBS, TEXTS, TEXTS)
def test_a_glob_that_has_read_a_text_matches_the_rest(pattern: str, read: str, rest: str) -> None:
    """Reading a text first and matching the rest is matching both."""
    whole = bool(expression(glob_tokens(pattern)).fullmatch(read + rest))
    assert glob_matches(pattern, read + rest) == whole
    assert any(glob_matches(left, rest) for left in glob_after(pattern, read)) == whole


def test_a_pattern_is_added_once_and_keeps_its_place() -> None:
    """A state means the same after other patterns came."""
    machine = Machine()
    first = machine.add("one", ["a", "b"])
    end = machine.end_of("one", ["a", "b"])
    machine.add("two", ["a", ANY_LOOP])
    assert machine.add("one", ["a", "b"]) == first
    assert machine.step(machine.step(first, "a"), "b") == end
    assert machine.labels(end) == ["one"]


def test_a_pattern_that_is_not_there_has_no_end() -> None:
    """Nobody may ask for what was never added."""
    with pytest.raises(KeyError):
        Machine().end_of("one", ["a"])
