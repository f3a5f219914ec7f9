"""One GET of a small JSON document over a bare socket, inside one time budget.

Laws of this file:

1. Everything (name lookup, connect, TLS, each read) ends at the deadline. A peer that stalls, drips or never ends
   costs the caller the budget and no more.
2. https only; http to a loopback address where the operator allowed it. No redirect, no proxy, no cookie, no
   compression, no authentication: nothing that could carry the request elsewhere or make a small answer large.
3. A refusal is a `FetchError` with a slug; it never holds text of the peer.

`ssl` and `socket` are imported by the first fetch, not before: a function with bundled keys does not pay for them.
`http.client` costs 6 ms more than the reader in `answer.py` and accepts more.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os
import threading
import time
from typing import TYPE_CHECKING

from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.answer import read_answer
from lambda_authorizer.fetch.url import is_loopback, split_url
from lambda_authorizer.version import __version__

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable
    from typing import Any, Final, Self

    from lambda_authorizer.fetch import Fetched
    from lambda_authorizer.fetch.url import Url

    Address = tuple[Any, ...]
    Resolve = Callable[[bytes, int], list[tuple[Any, Any, Any, Any, Address]]]

_READ_SECONDS: Final = 2.0  # of silence
_PIECE: Final = 65_536
_MAX_ADDRESSES: Final = 4
_HASH_LENGTH: Final = 8
_HEX: Final = frozenset("0123456789abcdef")


class HttpFetcher:
    """Fetches JSON documents; holds nothing but the set-up of trust in TLS peers."""

    __slots__ = ("_ca_directory", "_context", "_resolve")

    def __init__(self, *, ca_directory: str | None = None, resolve: Resolve | None = None) -> None:
        self._ca_directory = ca_directory
        self._context: ssl.SSLContext | None = None
        self._resolve = resolve or _resolve

    def __call__(self, url: str, deadline: int, *, http_loopback: bool = False) -> Fetched:
        """Return the document at `url`.

        Args:
            url: https address.
            deadline: monotonic milliseconds at which everything has ended.
            http_loopback: http to a loopback address is accepted.

        Raises:
            FetchError: it could not be had in time, or is not what a key set or metadata document looks like.
        """
        with Conversation(self, last=True) as fetch:
            return fetch(url, deadline, http_loopback=http_loopback)

    def conversation(self) -> Conversation:
        """Return a fetcher for a few documents, to be closed: metadata and keys are mostly on one host."""
        return Conversation(self, last=False)

    def open(self, parts: Url, deadline: int) -> socket.socket:
        """Return a stream to the host, secured where it is https.

        Raises:
            FetchError: no address of the host could be found or may be used.
            OSError: no connection, or no trust.
        """
        lookup = _Lookup(self._resolve, parts)
        context: ssl.SSLContext | None = None
        if parts.scheme == "https":
            # Loading ssl and the roots takes about as long as a name lookup: both at once.
            bundle = os.environ.get("SSL_CERT_FILE")
            context = self._context = self._context or tls_context(self._ca_directory, bundle=bundle)
        connection = _connect(parts, lookup.addresses(deadline), deadline)
        if context is None:
            return connection
        # CPython holds the whole handshake to the socket's timeout, not each step of it.
        connection.settimeout(_left(deadline))
        # The host as bytes, because a str imports the IDNA codec. Ragged ends count: a cut answer is no answer.
        try:
            return context.wrap_socket(connection, server_hostname=parts.host.encode(), suppress_ragged_eofs=False)
        finally:
            connection.close()  # wrapping took the descriptor over; where it failed, this ends the connection


class _Lookup:
    """The addresses of a host.

    The C library's lookup knows no time limit, so it runs in a thread that may be left behind: it ends when the
    resolver gives up, and the failure back-off keeps a second one from following at once.
    """

    __slots__ = ("_errors", "_found", "_host", "_port", "_resolve", "_thread")

    def __init__(self, resolve: Resolve, parts: Url) -> None:
        self._resolve = resolve
        self._host = parts.host.encode()
        self._port = parts.port
        self._found: list[tuple[int, Address]] = []
        self._errors: list[OSError] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.extend((entry[0], entry[4]) for entry in self._resolve(self._host, self._port))
        except OSError as error:
            self._errors.append(error)

    def addresses(self, deadline: int) -> list[tuple[int, Address]]:
        """Return what was found, a few at most.

        Raises:
            FetchError: `name_timeout`.
            OSError: there is no such name.
        """
        self._thread.join(_left(deadline))
        if self._errors:
            raise self._errors[0]
        if self._thread.is_alive():
            raise FetchError("name_timeout")
        return self._found[:_MAX_ADDRESSES]


def _connect(parts: Url, addresses: list[tuple[int, Address]], deadline: int) -> socket.socket:
    """Return a connected socket: each address gets its share of the time that is left."""
    import socket

    failure: OSError | None = None
    for position, (family, address) in enumerate(addresses):
        if parts.scheme == "http" and not is_loopback(address[0]):
            raise FetchError("scheme_refused")
        share = _left(deadline) / (len(addresses) - position)
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the request follows the handshake
        connection.settimeout(share)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise FetchError("name_not_found") if failure is None else failure


class Conversation:
    """Requests one after the other; the next one to the same host goes over the connection of the one before."""

    __slots__ = ("_fetcher", "_kept", "_last")

    def __init__(self, fetcher: HttpFetcher, *, last: bool) -> None:
        self._fetcher = fetcher
        self._last = last
        self._kept: tuple[tuple[str, str, int], socket.socket] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def __call__(self, url: str, deadline: int, *, http_loopback: bool = False) -> Fetched:
        """Return the document at `url`; as `HttpFetcher`."""
        parts = split_url(url, http_loopback=http_loopback)
        try:
            return self._fetch(parts, deadline)
        except OSError as error:
            raise FetchError(_slug(error)) from None

    def _fetch(self, parts: Url, deadline: int) -> Fetched:
        place = (parts.scheme, parts.host, parts.port)
        kept, self._kept = self._kept, None
        if kept is not None:
            with kept[1] as stream:
                if kept[0] == place:
                    fetched = _again(stream, parts, deadline)
                    if fetched is not None:
                        return fetched
        stream = self._fetcher.open(parts, deadline)
        self._kept = (place, stream)  # closed with this object, whatever happens
        fetched = _exchange(stream, parts, deadline, last=self._last)
        if not fetched.reusable:
            self._drop()
        return fetched

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None


def _slug(error: OSError) -> str:
    """Return the word for an error of socket or TLS; its own text may hold what the peer chose."""
    import socket
    import ssl

    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate_refused"
    if isinstance(error, ssl.SSLError):
        return "tls_failed"
    return "name_not_found" if isinstance(error, socket.gaierror) else "connection_failed"


def _again(stream: socket.socket, parts: Url, deadline: int) -> Fetched | None:
    """Return the answer to another request on this connection, None where the peer has closed it meanwhile."""
    try:
        return _exchange(stream, parts, deadline, last=True)
    except TimeoutError:
        raise
    except OSError:
        return None
    except FetchError as error:
        if error.slug == "truncated":
            return None
        raise


def tls_context(directory: str | None, *, bundle: str | None = None) -> ssl.SSLContext:
    """Return a verifying client context with the roots of `directory`, or the system's.

    With a directory of hashed names (`c_rehash`) OpenSSL reads the one root it needs; reading a bundle of 118
    roots takes 14 ms. So the system's own hashed directory is used where there is one, unless `bundle`,
    the variable SSL_CERT_FILE, names a file of the operator's: OpenSSL reads that by itself.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if directory is None and not bundle:
        directory = hashed_directory(ssl.get_default_verify_paths().capath)
    if directory is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(capath=directory)
    return context


def hashed_directory(path: str | None) -> str | None:
    """Return `path` if it is a directory that holds at least one hashed root, else None."""
    if path is None:
        return None
    try:
        with os.scandir(path) as entries:
            return path if any(_is_hashed(entry.name) for entry in entries) else None
    except OSError:
        return None


def _is_hashed(name: str) -> bool:
    stem, _, number = name.partition(".")
    return len(stem) == _HASH_LENGTH and _HEX.issuperset(stem) and number.isdecimal()


def _resolve(host: bytes, port: int) -> list[tuple[Any, Any, Any, Any, Address]]:
    import socket

    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _exchange(stream: socket.socket, parts: Url, deadline: int, *, last: bool) -> Fetched:
    """Send the request and read the answer."""
    connection = "close" if last else "keep-alive"
    stream.settimeout(_left(deadline))
    stream.sendall(
        f"GET {parts.target} HTTP/1.1\r\nHost: {parts.authority}\r\nAccept: application/json\r\n"
        f"Accept-Encoding: identity\r\nUser-Agent: lambda-authorizer-toolkit/{__version__}\r\n"
        f"Connection: {connection}\r\n\r\n".encode()
    )

    def receive() -> bytes:
        stream.settimeout(min(_left(deadline), _READ_SECONDS))
        return stream.recv(_PIECE)

    return read_answer(receive)


def _left(deadline: int) -> float:
    """Return the seconds left.

    Raises:
        FetchError: `timeout`, as nothing is left.
    """
    left = (deadline - time.monotonic_ns() // 1_000_000) / 1000
    if left <= 0:
        raise FetchError("timeout")
    return left
