"""Read one HTTP/1.1 answer from a stream of pieces: strict, bounded, without a socket.

Laws of this file:

1. `receive()` gives the next piece, b"" at the end, and raises when time is up. It asks for nothing else.
2. Sizes are checked before bytes are kept: head 16 KiB, body 512 KiB, twice the body on the wire.
3. An answer that could be read in two ways (RFC 9112 section 11: smuggling, splitting) is refused.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING

from lambda_authorizer.fetch import Fetched, FetchError
from lambda_authorizer.jwk import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

MAX_HEAD: Final = 16 * 1024
_MAX_WIRE: Final = 2 * MAX_BODY_BYTES
_MAX_INTERIM: Final = 4  # 1xx answers before the real one
_MAX_CHUNK_LINE: Final = 256
_MAX_CHUNKS: Final = 2_048  # a dripped key set of chunks of one byte would cost seconds of work
_MAX_DIGITS: Final = 10
_OK: Final = b"200"
_DIGITS: Final = frozenset(b"0123456789")
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WANTED: Final = frozenset({
    b"age", b"cache-control", b"connection", b"content-encoding", b"content-length", b"content-type",
    b"transfer-encoding",
})  # fmt: skip


def read_answer(receive: Callable[[], bytes]) -> Fetched:
    """Return the body of a 200 answer of a JSON type.

    Raises:
        FetchError: `http_NNN`, `redirect_refused`, `wrong_content_type`, `encoding_refused`, `body_too_large`,
            `truncated`, or `bad_http` for everything that no HTTP server says.
    """
    stream = _Stream(receive)
    for _ in range(_MAX_INTERIM):
        version, status, fields = _head(stream)
        if not status.startswith(b"1"):
            break
    else:
        raise FetchError("bad_http")
    if status.startswith(b"3"):
        raise FetchError("redirect_refused")
    if status != _OK:
        raise FetchError(f"http_{status.decode()}")
    _check_type(fields)
    body = _body(stream, version, fields)
    return Fetched(body, _max_age(fields), reusable=_reusable(stream, version, fields))


class _Stream:
    """The pieces received, as one buffer with a bound on all that ever went through it."""

    __slots__ = ("_receive", "_total", "buffer")

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._total = 0
        self.buffer = bytearray()

    def more(self) -> bool:
        """Take one more piece; False at the end of the stream."""
        piece = self._receive()
        self._total += len(piece)
        if self._total > _MAX_WIRE:
            raise FetchError("body_too_large")
        self.buffer += piece
        return bool(piece)

    def line(self, mark: bytes, most: int, too_long: str) -> bytes:
        """Return everything before `mark` and drop both."""
        searched = 0
        while (at := self.buffer.find(mark, searched)) < 0:
            if len(self.buffer) > most:
                raise FetchError(too_long)
            searched = max(0, len(self.buffer) - len(mark) + 1)
            if not self.more():
                raise FetchError("truncated")
        if at > most:
            raise FetchError(too_long)
        return self.exactly(at + len(mark))[: -len(mark)]

    def exactly(self, count: int) -> bytes:
        """Return the next `count` bytes and drop them."""
        while len(self.buffer) < count:
            if not self.more():
                raise FetchError("truncated")
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken


def _head(stream: _Stream) -> tuple[bytes, bytes, dict[bytes, list[bytes]]]:
    """Return version, status and the few fields that matter."""
    lines = stream.line(b"\r\n\r\n", MAX_HEAD, "bad_http").split(b"\r\n")
    version, _, rest = lines[0].partition(b" ")
    status, gap = rest[:3], rest[3:4]
    if version not in {b"HTTP/1.1", b"HTTP/1.0"} or len(status) != 3 or not _DIGITS.issuperset(status):  # noqa: PLR2004
        raise FetchError("bad_http")
    if gap not in {b"", b" "} or not b"1" <= status[:1] <= b"5":
        raise FetchError("bad_http")
    fields: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        # A folded line, a space before the colon and a lone CR or LF are the classic ways to be read twice.
        if not colon or not name or not _TOKEN.issuperset(name) or b"\n" in value or b"\r" in value:
            raise FetchError("bad_http")
        lower = name.lower()
        if lower in _WANTED:
            fields.setdefault(lower, []).append(value.strip(b" \t"))
    return version, status, fields


def _check_type(fields: dict[bytes, list[bytes]]) -> None:
    """Refuse what does not call itself plain JSON: an error page, a login page, a compressed body."""
    encodings = fields.get(b"content-encoding", [])
    if any(value.lower() not in {b"", b"identity"} for value in encodings):
        raise FetchError("encoding_refused")
    types = fields.get(b"content-type", [])
    media = types[0].partition(b";")[0].strip(b" \t").lower() if len(types) == 1 else b""
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        raise FetchError("wrong_content_type")


def _body(stream: _Stream, version: bytes, fields: dict[bytes, list[bytes]]) -> bytes:
    lengths = fields.get(b"content-length", [])
    encodings = fields.get(b"transfer-encoding", [])
    if encodings:
        if lengths or version != b"HTTP/1.1" or [value.lower() for value in encodings] != [b"chunked"]:
            raise FetchError("bad_http")
        return _chunked(stream)
    if lengths:
        if len(lengths) != 1 or not 0 < len(lengths[0]) <= _MAX_DIGITS or not _DIGITS.issuperset(lengths[0]):
            raise FetchError("bad_http")
        length = int(lengths[0])
        if length > MAX_BODY_BYTES:
            raise FetchError("body_too_large")
        body = stream.exactly(length)
        if stream.buffer:
            raise FetchError("bad_http")
        return body
    while stream.more():
        if len(stream.buffer) > MAX_BODY_BYTES:
            raise FetchError("body_too_large")
    return bytes(stream.buffer)


def _chunked(stream: _Stream) -> bytes:
    """Return a body that comes in chunks (RFC 9112 section 7.1); extensions and trailers are dropped."""
    body = bytearray()
    for _ in range(_MAX_CHUNKS + 1):
        size_text = stream.line(b"\r\n", _MAX_CHUNK_LINE, "bad_http").partition(b";")[0].rstrip(b" \t")
        if not 0 < len(size_text) <= _MAX_DIGITS or not _HEX.issuperset(size_text):
            raise FetchError("bad_http")
        size = int(size_text, 16)
        if size == 0:
            while stream.line(b"\r\n", MAX_HEAD, "bad_http"):
                pass
            return bytes(body)
        if len(body) + size > MAX_BODY_BYTES:
            raise FetchError("body_too_large")
        body += stream.exactly(size)
        if stream.exactly(2) != b"\r\n":
            raise FetchError("bad_http")
    raise FetchError("body_too_large")


def _reusable(stream: _Stream, version: bytes, fields: dict[bytes, list[bytes]]) -> bool:
    """Say whether the connection is at the beginning of another answer (RFC 9112 section 9.3)."""
    if version != b"HTTP/1.1" or stream.buffer or not ({b"content-length", b"transfer-encoding"} & fields.keys()):
        return False
    options = b",".join(fields.get(b"connection", [])).lower().split(b",")
    return b"close" not in {option.strip(b" \t") for option in options}


def _max_age(fields: dict[bytes, list[bytes]]) -> int | None:
    """Return how many milliseconds the answer stays fresh (RFC 9111 section 5.2.2), None where it does not say."""
    found: list[int] = []
    for directive in b",".join(fields.get(b"cache-control", [])).lower().split(b","):
        name, _, value = directive.strip(b" \t").partition(b"=")
        if name in {b"no-store", b"no-cache"}:
            found.append(0)
        elif name == b"max-age":
            found.append(_seconds(value.strip(b'"')))
    if not found:
        return None
    spent = max((_seconds(value) for value in fields.get(b"age", [])), default=0)
    return max(0, min(found) - spent) * 1000


def _seconds(text: bytes) -> int:
    """Return a delta-seconds; what is none counts as 0, the side on which keys are asked for sooner."""
    return int(text) if 0 < len(text) <= _MAX_DIGITS and _DIGITS.issuperset(text) else 0
