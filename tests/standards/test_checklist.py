"""docs/security.md promises nothing that no test proves."""

import re
from functools import cache
from pathlib import Path

import pytest

from lambda_authorizer.encoding import MAX_DEPTH, MAX_DIGITS, MAX_FLOAT_CHARS, MAX_MEMBERS
from lambda_authorizer.jwk import _MAX_RSA_BITS, _MIN_RSA_BITS, MAX_BODY_BYTES, MAX_KEYS
from lambda_authorizer.tokens.compact import MAX_HEADER_CHARS, MAX_KEY_ID_CHARS, MAX_TOKEN_CHARS
from lambda_authorizer.tokens.table import MAX_LEEWAY
from lambda_authorizer.tokens.verify import IAT_TOLERANCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
BOXES = re.findall(r"^- \[(.)\] (.+)$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^\s*def (test_\w+)\(", re.MULTILINE)


@cache
def defined() -> frozenset[str]:
    """The name of every test there is."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return frozenset(name for text in texts for name in DEFINED.findall(text))


@pytest.mark.parametrize(("mark", "text"), BOXES)
def test_behind_each_box_stands_a_test_or_a_reason(mark: str, text: str) -> None:
    """`[x]` names tests that exist, `[ ]` says "not yet", `[-]` says because of what."""
    names = NAMED.findall(text)
    assert set(names) <= defined()
    if mark == "x":
        assert names
    elif mark == " ":
        assert "not yet" in text
    else:
        assert mark == "-"
        assert "because" in text


STANDARDS = {7515, 7517, 7518, 7519, 7638, 8037, 8725, 9864, 9068, 6750, 7662, 8414, 8705, 9449, 9470, 9728}


@pytest.mark.parametrize("standard", [str(number) for number in sorted(STANDARDS)])
def test_every_standard_has_its_boxes(standard: str) -> None:
    """In a heading of the list, or among what is not there yet."""
    places = re.findall(r"^(?:### .*|- \[ \] .*)$", PAGE, re.MULTILINE)
    assert any(standard in place for place in places)


def test_rfc_8725_is_answered_point_by_point() -> None:
    """Sections 3.1 to 3.12, each with its own line."""
    answered = {
        int(number) for text in (text for _, text in BOXES) for number in re.findall(r"\b3\.(\d+)\b", text)
    }
    assert answered == set(range(1, 13))


def test_the_bounds_on_the_page_are_those_in_the_code() -> None:
    """A number that is changed in one place only is found here."""
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert rows["token"] == f"{MAX_TOKEN_CHARS:,} characters"
    assert rows["header"] == f"{MAX_HEADER_CHARS:,} characters"
    assert rows["`kid`"] == f"{MAX_KEY_ID_CHARS} characters"
    assert rows["nesting of JSON"] == str(MAX_DEPTH)
    assert rows["members of one object"] == str(MAX_MEMBERS)
    assert rows["an integer"] == f"{MAX_DIGITS} characters"
    assert f"a fraction may have {MAX_FLOAT_CHARS}" in PAGE
    assert rows["key set"] == f"{MAX_BODY_BYTES // 1024} KiB, {MAX_KEYS} keys"
    assert rows["RSA modulus"] == f"{_MIN_RSA_BITS:,} to {_MAX_RSA_BITS:,} bits"
    assert rows["`leeway`"] == f"{MAX_LEEWAY} seconds"
    assert f"more than {IAT_TOLERANCE} seconds" in PAGE
