"""base64url and JSON: one spelling per value."""

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.encoding import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_MEMBERS,
    decode_base64url,
    decode_json,
    decode_json_set,
)

LONE = st.characters(exclude_categories=("Cs",))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(LONE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(LONE), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(st.binary(max_size=200))
def test_every_byte_string_has_one_spelling_that_is_read_back(data: bytes) -> None:
    """Encoding and decoding are inverse."""
    assert decode_base64url(urlsafe_b64encode(data).rstrip(b"=")) == data


@given(st.binary(max_size=40))
def test_whatever_decodes_is_the_canonical_spelling(text: bytes) -> None:
    """No two texts decode to the same bytes: what is accepted encodes back to itself."""
    try:
        data = decode_base64url(text)
    except ValueError:
        return
    assert urlsafe_b64encode(data).rstrip(b"=") == text


@pytest.mark.parametrize(
    "text",
    [
        b"QQ==", b"QUI=", b"QUJD\n", b"QU JD", b"QU+D", b"QU/D", b"A", b"QUJDA", b"Q\x00UJ", b"=", b"QR", b"QUJ",
        b"Q" * 4 + b"\xff" * 4,
    ],
)  # fmt: skip
def test_padding_blanks_foreign_characters_and_spare_bits_are_refused(text: bytes) -> None:
    """RFC 7515 section 2: no padding, no line breaks, nothing else; RFC 4648 section 3.5: zero spare bits."""
    with pytest.raises(ValueError):
        decode_base64url(text)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: object) -> None:
    """Whatever JSON can say within the bounds is read back."""
    assert decode_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{", b'{"a":1} x', b'{"a":1}{"a":1}', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":1' + b"0" * MAX_DIGITS + b"}",
        b'{"a":1.' + b"0" * 50 + b"}", b'{"a":1,"a":2}', b'{"b":{"a":1,"a":1}}', b'{"a":1,"\\u0061":2}',
        b'{"a":"\\ud800"}', b'{"\\udfff":1}', b'{"a":"\x01"}', b"{'a':1}", b'{"a":01}', b'{"a":+1}', b"[1,]",
        b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", b"[" * 100_000,
        b"{" + b",".join(b'"%d":1' % i for i in range(MAX_MEMBERS + 1)) + b"}",
    ],
)  # fmt: skip
def test_what_has_no_one_meaning_is_refused(data: bytes) -> None:
    """Duplicates, NaN, foreign encodings, half surrogates and everything over a bound is a ValueError."""
    with pytest.raises(ValueError):
        decode_json(data)


def test_the_bounds_themselves_are_inside() -> None:
    """The deepest, widest and longest that is taken."""
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert decode_json(deep) == json.loads(deep)
    assert len(decode_json(json.dumps(dict.fromkeys(map(str, range(MAX_MEMBERS)), 0)).encode())) == MAX_MEMBERS
    assert decode_json(b"9" * MAX_DIGITS) == int("9" * MAX_DIGITS)
    assert decode_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert decode_json(b' \t\r\n{"a" : 1.5e3 }\n') == {"a": 1500.0}


def test_brackets_inside_of_strings_are_no_depth() -> None:
    """Depth counts structure, whatever the strings hold."""
    value = {"a": '[{"\\' * 50, "b\\": ["{[" * 50, "\\", '"']}
    assert decode_json(json.dumps(value).encode()) == value


def test_many_shallow_brackets_are_no_depth() -> None:
    """A wide document is not a deep one."""
    value = [[i] for i in range(500)]
    assert decode_json(json.dumps(value).encode()) == value


def test_a_key_set_loses_only_the_object_that_names_a_member_twice() -> None:
    """One broken key does not take the others along; the bounds hold all the same."""
    assert decode_json_set(b'{"keys":[{"a":1,"a":2},{"a":1}]}') == {"keys": [None, {"a": 1}]}
    with pytest.raises(ValueError):
        decode_json_set(b"{" + b",".join(b'"%d":1' % i for i in range(MAX_MEMBERS + 1)) + b"}")
