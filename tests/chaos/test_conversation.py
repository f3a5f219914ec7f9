"""Metadata and keys over one connection, and over two where that is not possible."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from tests.fetch.fakes import Token, issuer_of, key_set

from lambda_authorizer.fetch import FetchError, SystemClock
from lambda_authorizer.fetch.http import HttpFetcher, _again
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.fetch.url import split_url
from lambda_authorizer.tokens import KeySourceConfig


class Host:
    """A host that answers metadata and keys, several requests on a connection or as its `manner` says."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.manner = "keep"
        self.keys_at = f"{self.url}/keys"
        self.connections = 0
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while request := connection.recv(65_536):
                self.requests.append(request)
                if self.manner == "stall" and b"/keys" in request:
                    connection.recv(1)
                    return
                if self.manner == "lie" and b"/keys" in request:
                    connection.sendall(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
                    continue
                metadata = json.dumps({"issuer": self.url, "jwks_uri": self.keys_at}).encode()
                body = key_set("a") if b"/keys" in request else metadata
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                if self.manner == "close":
                    head += b"Connection: close\r\n"
                connection.sendall(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                if self.manner in {"close", "hang up"}:
                    return
                if self.manner == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    return


@pytest.fixture
def host() -> Iterator[Host]:
    """Run a host."""
    server = Host()
    yield server
    server.listener.close()


def find(host: Host, left: int = 5_000) -> str | None:
    """Return the kid of the key that is found by discovery."""
    issuer = issuer_of(KeySourceConfig("discover", host.url, host.url, http_loopback=True))
    source = KeySource([issuer])
    return source.find(Token(), issuer, SystemClock().monotonic_ms() + left).kid


def test_metadata_and_keys_share_a_connection(host: Host) -> None:
    """One handshake for a cold start; the second request says that it is the last."""
    assert find(host) == "a"
    assert (host.connections, len(host.requests)) == (1, 2)
    assert b"Connection: keep-alive" in host.requests[0]
    assert b"Connection: close" in host.requests[1]


@pytest.mark.parametrize("manner", ["close", "hang up", "reset"])
def test_a_connection_that_was_closed_is_replaced(host: Host, manner: str) -> None:
    """Announced or not, by an end or by a reset: the keys are fetched over a new connection."""
    host.manner = manner
    assert find(host) == "a"
    assert host.connections == 2


def test_either_sign_of_a_closed_connection_is_understood() -> None:
    """An end where an answer should be, and an error of the socket; a time-out is neither."""
    parts = split_url("https://id.example/keys")
    deadline = SystemClock().monotonic_ms() + 3_000
    for close in (lambda peer: peer.shutdown(socket.SHUT_WR), lambda peer: peer.close()):
        ours, peer = socket.socketpair()
        close(peer)
        assert _again(ours, parts, deadline) is None
        ours.close()
        peer.close()
    ours, peer = socket.socketpair()
    with ours, peer, pytest.raises(TimeoutError):
        _again(ours, parts, SystemClock().monotonic_ms() + 50)


def test_a_refresh_is_one_request_on_a_connection_of_its_own(host: Host) -> None:
    """The address is known by then, and no connection was left open while the sandbox slept."""
    issuer = issuer_of(KeySourceConfig("discover", host.url, host.url, http_loopback=True))
    source = KeySource([issuer])
    source.prefetch()
    source.after_restore()
    assert (host.connections, len(host.requests)) == (2, 3)


def test_keys_on_another_host_have_a_connection_of_their_own(host: Host) -> None:
    """What one host sent is never taken for the answer of another."""
    other = Host()
    host.keys_at = f"{other.url}/keys"
    assert find(host) == "a"
    assert (host.connections, other.connections) == (1, 1)
    other.listener.close()


def test_a_second_answer_that_does_not_come_costs_the_budget(host: Host) -> None:
    """The deadline holds for the whole conversation."""
    host.manner = "stall"
    begin = time.monotonic()
    with pytest.raises(Exception, match="timeout"):
        find(host, 400)
    assert time.monotonic() - begin < 0.9
    assert host.connections == 1


def test_an_error_of_the_second_answer_is_not_asked_for_twice(host: Host) -> None:
    """A status is an answer: only a connection that was gone is replaced."""
    host.manner = "lie"
    with pytest.raises(Exception, match="http_500"):
        find(host)
    assert len(host.requests) == 2


def test_a_single_document_says_so_at_once(host: Host) -> None:
    """No connection is left open after one GET."""
    HttpFetcher()(f"{host.url}/keys", SystemClock().monotonic_ms() + 3_000, http_loopback=True)
    assert b"Connection: close" in host.requests[0]


def test_an_abandoned_conversation_is_closed(host: Host) -> None:
    """Metadata of another issuer ends the conversation, and the connection with it."""
    with HttpFetcher().conversation() as fetch:
        fetch(f"{host.url}/x", SystemClock().monotonic_ms() + 3_000, http_loopback=True)
        assert fetch._kept is not None
        stream = fetch._kept[1]
    assert stream.fileno() == -1
    with HttpFetcher().conversation() as fetch, pytest.raises(FetchError, match="bad_url"):
        fetch("https://", SystemClock().monotonic_ms() + 3_000)
