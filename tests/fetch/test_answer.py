"""HTTP answers are read strictly and within bounds, however they are cut into pieces."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.fetch import Fetched, FetchError
from lambda_authorizer.fetch.answer import MAX_HEAD, read_answer
from lambda_authorizer.jwk import MAX_BODY_BYTES

TYPE = b"Content-Type: application/json\r\n"
OK = b"HTTP/1.1 200 OK\r\n" + TYPE


def read(*pieces: bytes) -> Fetched:
    """Return what is read from these pieces, after which the stream ends."""
    waiting = iter(pieces)
    return read_answer(lambda: next(waiting, b""))


def slug(*pieces: bytes) -> str:
    """Return the slug with which these pieces are refused."""
    with pytest.raises(FetchError) as caught:
        read(*pieces)
    return caught.value.slug


class TestBody:
    """The three ways in which a body ends."""

    def test_by_length(self) -> None:
        """Content-Length says where the body ends, and the connection may stay open."""
        assert read(OK + b"Content-Length: 2\r\n\r\n{}").body == b"{}"

    def test_by_the_end_of_the_stream(self) -> None:
        """Without a length the body is everything until the end."""
        assert read(OK + b"\r\n{", b"}").body == b"{}"

    def test_by_chunks(self) -> None:
        """Chunks are joined; extensions and trailers are dropped."""
        answer = OK + b'Transfer-Encoding: Chunked\r\n\r\n1;a="b"\r\n{\r\nA \r\n0123456789\r\n0\r\nX: y\r\n\r\n'
        assert read(answer).body == b"{0123456789"

    @pytest.mark.parametrize(
        "answer",
        [
            OK + b"Content-Length: 11\r\n\r\nhello world",
            OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            OK + b"\r\nhello world",
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + b"Content-Length: 11\r\n\r\nhello world",
        ],
    )
    def test_byte_by_byte_is_the_same_answer(self, answer: bytes) -> None:
        """Where the network cuts the answer makes no difference."""
        assert read(*[bytes([byte]) for byte in answer]).body == b"hello world"

    def test_a_type_with_parameters_or_a_json_suffix_is_json(self) -> None:
        """`application/jwk-set+json` is the registered type of a key set."""
        for media in (b"application/json; charset=utf-8", b"Application/JWK-Set+JSON", b"application/json;x=y"):
            assert read(b"HTTP/1.0 200\r\nContent-Type: " + media + b"\r\n\r\n{}").body == b"{}"


class TestRefused:
    """Each unusable answer has its slug."""

    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
    def test_redirects(self, status: int) -> None:
        """No redirect is followed: keys come from the configured address."""
        head = f"HTTP/1.1 {status} Moved\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n"
        assert slug(head.encode()) == "redirect_refused"

    @pytest.mark.parametrize("status", [201, 204, 206, 400, 404, 429, 500, 503, 599])
    def test_other_statuses(self, status: int) -> None:
        """Only 200 brings keys."""
        assert slug(f"HTTP/1.1 {status} X\r\n".encode() + TYPE + b"\r\n{}") == f"http_{status}"

    @pytest.mark.parametrize(
        "line",
        [
            b"HTTP/1.1 200OK",
            b"HTTP/1.1  200 OK",
            b"HTTP/2 200 OK",
            b"http/1.1 200 OK",
            b"HTTP/1.1 20 OK",
            b"HTTP/1.1 2x0 OK",
            b"HTTP/1.1 000 OK",
            b"HTTP/1.1 600 OK",
            b"SSH-2.0-OpenSSH_9",
            b"",
        ],
    )
    def test_lines_that_no_http_server_says(self, line: bytes) -> None:
        """A status line is read exactly as RFC 9112 section 4 has it."""
        assert slug(line + b"\r\n" + TYPE + b"\r\n{}") == "bad_http"

    @pytest.mark.parametrize(
        "field",
        [
            b"Content-Length : 2",
            b" folded: 2",
            b"no colon",
            b": no name",
            b"X: a\nY: b",
            b"X: a\rY: b",
            b"Content-Length: 2\r\nContent-Length: 2",
            b"Content-Length: 2\r\nTransfer-Encoding: chunked",
            b"Content-Length: -2",
            b"Content-Length: +2",
            b"Content-Length: 0x2",
            b"Content-Length:",
            b"Content-Length: 99999999999",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        ],
    )
    def test_heads_with_two_readings(self, field: bytes) -> None:
        """Whatever two readers could read in two ways is refused."""
        assert slug(OK + field + b"\r\n\r\n{}") == "bad_http"

    def test_chunks_in_an_http_1_0_answer(self) -> None:
        """HTTP/1.0 has no chunks."""
        head = b"HTTP/1.0 200 OK\r\n" + TYPE + b"Transfer-Encoding: chunked\r\n\r\n"
        assert slug(head + b"0\r\n\r\n") == "bad_http"

    @pytest.mark.parametrize(
        "chunks",
        [b"\r\n", b"x\r\n", b"-1\r\n", b"2\r\n{}X\r\n0\r\n\r\n", b"11111111111\r\n", b"1" * 300, b";\r\n"],
    )
    def test_broken_chunks(self, chunks: bytes) -> None:
        """A chunk size is at most ten hex digits, and its data ends where it says."""
        assert slug(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) == "bad_http"

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK",
            OK,
            OK + b"Content-Length: 3\r\n\r\n{}",
            OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
            OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
        ],
    )
    def test_answers_cut_short(self, answer: bytes) -> None:
        """Half an answer is none."""
        assert slug(answer) == "truncated"

    def test_more_than_the_length_said(self) -> None:
        """A length that lies in the other direction is refused as well."""
        assert slug(OK + b"Content-Length: 2\r\n\r\n{}{}") == "bad_http"

    @pytest.mark.parametrize(
        "field", [b"", b"Content-Type: text/html\r\n", TYPE + TYPE, b"Content-Type: text/json\r\n"]
    )
    def test_other_types(self, field: bytes) -> None:
        """A page, a missing type and two types are no key set."""
        assert slug(b"HTTP/1.1 200 OK\r\n" + field + b"\r\n{}") == "wrong_content_type"

    def test_compressed_bodies(self) -> None:
        """Compression was not asked for; a bomb is not unpacked."""
        assert slug(OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b") == "encoding_refused"
        assert read(OK + b"Content-Encoding: identity\r\n\r\n{}").body == b"{}"


class TestBounds:
    """Nothing a peer sends makes the reader keep more than it said."""

    def test_a_body_of_exactly_the_bound_is_read_and_one_byte_more_is_not(self) -> None:
        """512 KiB, whichever way the body ends."""
        body = b" " * MAX_BODY_BYTES
        assert len(read(OK + b"\r\n", body).body) == MAX_BODY_BYTES
        assert slug(OK + b"\r\n", body, b" ") == "body_too_large"
        assert slug(OK + f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode()) == "body_too_large"
        chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
        assert slug(chunked + f"{MAX_BODY_BYTES + 1:x}\r\n".encode()) == "body_too_large"
        assert slug(chunked + b"1\r\n \r\n", f"{MAX_BODY_BYTES:x}\r\n".encode()) == "body_too_large"

    def test_an_endless_head_is_cut_off(self) -> None:
        """A head is at most 16 KiB, in one field or in many."""
        assert slug(OK, *[b"X: " + b"a" * 1_000 + b"\r\n"] * 100) == "bad_http"
        assert slug(OK + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n{}") == "bad_http"

    def test_endless_interim_answers_are_cut_off(self) -> None:
        """Four 1xx answers at most."""
        assert slug(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 10) == "bad_http"

    def test_endless_wrapping_is_cut_off(self) -> None:
        """Tiny chunks are counted, and endless trailers meet a bound on the whole answer."""
        head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
        end = b"0\r\n\r\n"
        assert len(read(head, b"1\r\n \r\n" * 2_048, end).body) == 2_048
        assert slug(head, b"1\r\n \r\n" * 2_049, end) == "body_too_large"
        trailer = b"X: " + b"y" * 1_000 + b"\r\n"
        assert slug(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", *[trailer] * 2_000) == "body_too_large"


class TestReuse:
    """Whether the connection may carry another request."""

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (OK + b"Content-Length: 2\r\n\r\n{}", True),
            (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
            (OK + b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", True),
            (OK + b"Connection: X, Close\r\nContent-Length: 2\r\n\r\n{}", False),
            (OK + b"\r\n{}", False),
            (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nHTTP/1.1 200 OK", False),
            (b"HTTP/1.0 200 OK\r\n" + TYPE + b"Content-Length: 2\r\n\r\n{}", False),
        ],
    )
    def test_only_a_clean_end_is_a_beginning(self, answer: bytes, expected: bool) -> None:  # noqa: FBT001 - a table
        """An answer whose end is not certain is never followed by another on its connection."""
        assert read(answer).reusable is expected


class TestMaxAge:
    """How long the sender calls its answer fresh."""

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            (b"", None),
            (b"Cache-Control: public\r\n", None),
            (b"Cache-Control: public, max-age=600\r\n", 600_000),
            (b'Cache-Control: Max-Age="600"\r\n', 600_000),
            (b"Cache-Control: max-age=600\r\nAge: 100\r\n", 500_000),
            (b"Cache-Control: max-age=600\r\nAge: 700\r\n", 0),
            (b"Cache-Control: max-age=600, max-age=60\r\n", 60_000),
            (b"Cache-Control: max-age=600\r\nCache-Control: no-store\r\n", 0),
            (b"Cache-Control: no-cache\r\n", 0),
            (b"Cache-Control: max-age=-1\r\n", 0),
            (b"Cache-Control: max-age=99999999999999999999\r\n", 0),
            (b"Cache-Control: max-age=600\r\nAge: soon\r\n", 600_000),
            (b"Cache-Control: s-maxage=5\r\n", None),
        ],
    )
    def test_cache_control(self, fields: bytes, expected: int | None) -> None:
        """The shortest of what it says, less the time it has spent in caches; nonsense counts as nothing."""
        assert read(OK + fields + b"\r\n{}").max_age == expected


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_are_an_answer_or_refused(pieces: list[bytes]) -> None:
    """No byte sequence leads anywhere but to an answer or a `FetchError`."""
    for head in (b"", OK + b"\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n"):
        with contextlib.suppress(FetchError):
            assert isinstance(read(head, *pieces), Fetched)
