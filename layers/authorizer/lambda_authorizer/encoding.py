"""base64url and JSON with one spelling per value; everything else is refused.

Laws of this file: every refusal is a `ValueError` that says nothing of the input; bounds are checked before
the work that they bound. RFC 7515 section 2 (base64url without padding), RFC 8259, RFC 8725 section 3.7.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from binascii import a2b_base64
from json.decoder import JSONDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

MAX_DEPTH: Final = 16  # nested objects and arrays
MAX_MEMBERS: Final = 256  # members of one object
MAX_DIGITS: Final = 20  # characters of an integer: 64 bits and a sign
MAX_FLOAT_CHARS: Final = 40

# The standard alphabet and padding become a byte that the strict decoder refuses.
_ALPHABET: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING: Final = (b"", b"", b"==", b"=")
# Last characters whose spare bits are zero, by length modulo 4; without this one signature has several spellings.
_LAST: Final = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b'{}[]"')


def decode_base64url(text: bytes) -> bytes:
    """Return the bytes that `text` spells.

    Raises:
        ValueError: padding, whitespace, a character outside the alphabet, or spare bits that are not zero.
    """
    rest = len(text) & 3
    if rest == 0:
        return a2b_base64(text.translate(_ALPHABET), strict_mode=True)
    if text[-1] not in _LAST[rest]:
        raise ValueError("no base64url: impossible length, or spare bits are not zero")
    return a2b_base64(text.translate(_ALPHABET) + _PADDING[rest], strict_mode=True)


def decode_json(data: bytes) -> Any:
    """Return the JSON value that `data` holds.

    Raises:
        ValueError: no UTF-8 (or UTF-8 with a byte order mark), no JSON, a member name twice in one object, NaN or
            an infinity, half a surrogate pair, or a bound of this module is passed.
    """
    return _decode(data, _DECODER)


def decode_json_set(data: bytes) -> Any:
    """Return the JSON value that `data` holds, with `None` in place of each object that names a member twice.

    One broken key of a key set is left out so; it does not take the others along.
    """
    return _decode(data, _SET_DECODER)


def _decode(data: bytes, decoder: JSONDecoder) -> Any:
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _is_too_deep(data):
        raise ValueError("JSON is nested too deeply")
    text = data.decode("utf-8").strip(" \t\r\n")
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError("JSON has something behind its end")
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _is_too_deep(data: bytes) -> bool:
    """Say whether the brackets outside of strings nest too deeply, without parsing."""
    skeleton = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_BRACKETS)
    depth = 0
    for byte in b"".join(skeleton.split(b'"')[::2]):
        depth += 1 if byte in b"{[" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _refuse_lone_surrogates(value: object) -> None:
    """Raise `UnicodeEncodeError`, a `ValueError`, for a string that no UTF-8 can carry."""
    import json  # only a text with \u escapes pays for it

    json.dumps(value, ensure_ascii=False).encode("utf-8")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs) <= MAX_MEMBERS:
        return members
    raise ValueError("a JSON object names a member twice, or has too many")


def _members_or_none(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
    return _members(pairs) if len({name for name, _ in pairs}) == len(pairs) else None


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a JSON number has too many digits")
    return int(text)


def _float(text: str) -> float:
    number = float(text) if len(text) <= MAX_FLOAT_CHARS else float("inf")
    if number - number != 0:  # true for infinity and NaN only, without importing math
        raise ValueError("a JSON number is too long or too large")
    return number


def _constant(text: str) -> Any:  # noqa: ARG001 - the decoder's hook has this shape
    raise ValueError("JSON has no NaN and no Infinity")


_DECODER: Final = JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
_SET_DECODER: Final = JSONDecoder(
    object_pairs_hook=_members_or_none, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
