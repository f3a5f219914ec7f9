"""Refusals cost little, whatever the input: counted in work done, not by the clock."""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from tests.tokens.minting import b64, mint, segment

from lambda_authorizer.encoding import MAX_DEPTH, MAX_MEMBERS
from lambda_authorizer.errors import TokenError
from lambda_authorizer.jwk import InvalidKeySetError, parse_key_set
from lambda_authorizer.tokens.compact import MAX_TOKEN_CHARS, parse_token

HEADER = segment({"alg": "ES256", "kid": "main"})
ROOM = (MAX_TOKEN_CHARS - len(HEADER) - 10) * 3 // 4  # bytes that a payload may have


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python run until `work` ends: the same on every machine, at any load."""
    count = 0

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001 - the interpreter's signature
        nonlocal count
        count += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def refusal(text: str) -> Callable[[], object]:
    """Parse and be refused."""

    def work() -> None:
        with pytest.raises(TokenError):
            parse_token(text)

    return work


def payload(data: bytes) -> str:
    """A token with these bytes as payload, as many as fit."""
    return f"{HEADER}.{b64(data[:ROOM])}.AAAA"


HOSTILE = {
    "megabytes": "A" * 10_000_000,
    "dots": "." * MAX_TOKEN_CHARS,
    "open brackets": payload(b"[" * ROOM),
    "open braces": payload(b'{"a":' * ROOM),
    "closed depth": payload(b"[" * (ROOM // 2) + b"]" * (ROOM // 2)),
    "many shallow": payload(b'{"a":[' + b"[]," * (ROOM // 3 - 3) + b"1]"),
    "brackets and quotes": payload(b'["' * ROOM),
    "backslashes": payload(b'{"' + b"\\" * ROOM),
    "quotes": payload(b'{"a":' + b'"' * ROOM),
    "digits": payload(b'{"exp":' + b"9" * (ROOM - 8) + b"}"),
    "fraction": payload(b'{"exp":0.' + b"1" * (ROOM - 10) + b"}"),
    "exponent": payload(b'{"exp":1e' + b"9" * (ROOM - 10) + b"}"),
    "members": payload(b"{" + b",".join(b'"%d":0' % i for i in range(2000))[: ROOM - 2] + b"}"),
    "duplicates": payload(b"{" + b'"a":0,' * 1000 + b'"a":0}'),
    "surrogates": payload(b'{"a":"' + b"\\ud800" * 1000 + b'"}'),
    "spaces": payload(b" " * ROOM),
    "not UTF-8": payload(b"\xff" * ROOM),
    "header": "A" * (MAX_TOKEN_CHARS - 10) + ".AAAA.AAAA",
    "padding": "=" * (MAX_TOKEN_CHARS // 3) + "." + "=" * (MAX_TOKEN_CHARS // 3) + ".",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_refusal_takes_a_bounded_amount_of_work(name: str) -> None:
    """At most four lines of Python for each character of a token, and mostly a hundred in all: far below 50 ms.

    The dearest are a turn for each bracket, and a call for each number; no line of them handles more than 10 KB.
    """
    work = lines_run(refusal(HOSTILE[name]))
    assert work <= (4 * MAX_TOKEN_CHARS if name in {"members", "duplicates", "many shallow"} else 200)


def test_work_does_not_grow_with_what_is_over_the_bound() -> None:
    """Ten times the size, the same few lines."""
    small, large = (lines_run(refusal("A" * size)) for size in (MAX_TOKEN_CHARS + 1, 10 * MAX_TOKEN_CHARS))
    assert small == large <= 100


def test_a_sound_token_takes_few_lines() -> None:
    """The common path is short; the header is remembered from the first time."""
    token = mint()
    parse_token(token)
    assert lines_run(lambda: parse_token(token)) <= 60


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 512 * 1024,
        b'{"keys":[' + b"{}," * 101 + b"{}]}",
        b'{"keys":[' + b"[" * 1000,
        b"{" * 200_000,
        b" " * (10 * 1024 * 1024),
        b'{"keys":' + b"9" * 100_000 + b"}",
    ],
)
def test_hostile_key_sets_take_bounded_work(body: bytes) -> None:
    """Half a megabyte and a hundred keys at most."""

    def work() -> None:
        with pytest.raises(InvalidKeySetError):
            parse_key_set(body)

    assert lines_run(work) <= 2000


def test_memory_for_a_refusal_is_a_small_multiple_of_the_token() -> None:
    """Measured in bytes allocated, by the interpreter's own counter."""
    for text in HOSTILE.values():
        tracemalloc.start()
        try:
            refusal(text)()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100 * MAX_TOKEN_CHARS


def test_the_bounds_are_what_the_documents_say() -> None:
    """docs/security.md names them."""
    assert (MAX_TOKEN_CHARS, MAX_DEPTH, MAX_MEMBERS) == (10_240, 16, 256)
