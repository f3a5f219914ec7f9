"""What patterns share, and how they are written."""

from collections.abc import Sequence
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.policy.machine import glob_matches
from lambda_authorizer.rules.automaton import ANY_TEXT, MANY
from lambda_authorizer.rules.model import VARIABLE, bits, unpacked
from lambda_authorizer.rules.patterns import allow_of, joint, packed, pattern_of, text_of

TEMPLATES = st.lists(st.sampled_from(["a", "b", VARIABLE]), min_size=1, max_size=4)
WORDS = st.tuples(TEMPLATES, st.sampled_from([(), ("",)])).map(lambda pair: (*pair[0], *pair[1]))
SEGMENTS = ("a", "b", "x")


def paths_of(word: Sequence[str | int]) -> list[str]:
    """Return paths of a template, with literals and another value for its variables."""
    return [
        "/".join(parts) for parts in product(*(SEGMENTS if part == VARIABLE else [str(part)] for part in word))
    ]


@given(TEMPLATES, WORDS)
def test_fences_around_what_two_share_are_around_all_of_it_and_no_path_of_another_length(
    template: Sequence[str | int], word: Sequence[str | int]
) -> None:
    """Each path of the template that the Allow pattern reaches is behind a fence; so is no other of its paths."""
    allow = allow_of(template, ())
    fences = [text_of(fence) for fence in joint(allow, word)]
    for path in paths_of(word):
        reached = glob_matches(text_of(allow), path)
        assert any(glob_matches(fence, path) for fence in fences) >= reached
        if not reached:
            assert not any(fence == path for fence in fences)


def test_a_line_is_fenced_off_where_a_value_is_spelled_like_its_literal() -> None:
    """`p/{x}/c` reaches `p/{x}/b/{y}` only where `y` is `c`."""
    assert joint(("p", MANY, "c"), ("p", VARIABLE, "b", VARIABLE)) == [("p", ANY_TEXT, "b", "c")]
    assert joint(("p", MANY, "c"), ("p", VARIABLE, "b", "d")) == []
    assert joint(("p", MANY), ("p", VARIABLE, "")) == [("p", ANY_TEXT, "")]
    assert joint(("p", MANY), ("p", "")) == []


@given(st.integers(0, 2**200))
def test_masks_come_back_as_they_were(mask: int) -> None:
    """Packed, and as the numbers of their bits."""
    assert unpacked(packed(mask)) == mask
    assert sum(1 << number for number in bits(mask)) == mask


def test_a_pattern_comes_back_from_its_text() -> None:
    """Text is how patterns stand in the compiled rules."""
    for text in ("a/?*/b", "*", "orders*", "a/*/"):
        assert text_of(pattern_of(text)) == text
