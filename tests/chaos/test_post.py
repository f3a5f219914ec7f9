"""The introspection POST against a real server in another process: in time, bounded, and nowhere else."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.chaos.conftest import Chaos

from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.post import MAX_ANSWER, FormPoster

BUDGET = 500  # milliseconds
SLACK = 0.5  # seconds: two busy cores
ACTIVE = b'{"active": true}'


def post(chaos: Chaos, behaviour: str, listener: str = "http", budget: int = 5_000) -> bytes:
    """Post a form."""
    poster = FormPoster(ca_directory=chaos.ca_directory)
    return send(poster, chaos.url(behaviour, listener), budget)


def send(poster: FormPoster, url: str, budget: int = 5_000) -> bytes:
    """Post a form with this poster."""
    deadline = time.monotonic_ns() // 1_000_000 + budget
    return poster(url, {"token": "t&=ä"}, {"X-Test": "1"}, deadline, http_loopback=True)


@contextmanager
def refused(*slugs: str, within: int | None = None) -> Iterator[None]:
    """Assert that the block is refused with one of these slugs, in time."""
    begin = time.monotonic()
    with pytest.raises(FetchError) as caught:
        yield
    assert caught.value.slug in slugs
    assert caught.value.__cause__ is None
    if within is not None:
        assert time.monotonic() - begin < within / 1000 + SLACK


@pytest.mark.parametrize("listener", ["http", "https"])
@pytest.mark.parametrize("behaviour", ["ok", "chunked", "until-close"])
def test_an_honest_answer_is_read(chaos: Chaos, listener: str, behaviour: str) -> None:
    """Over http on loopback, and over https."""
    chaos.tell("set", ACTIVE)
    assert post(chaos, behaviour, listener) == ACTIVE


@pytest.mark.parametrize("behaviour", ["stall", "stall-in-body", "drip-head", "drip-body"])
def test_a_slow_endpoint_costs_the_budget_and_no_more(chaos: Chaos, behaviour: str) -> None:
    """Also a drip of header bytes, of which each read alone would be in time."""
    post(chaos, "ok")  # the import of `requests` is not part of the budget that is measured here
    with refused("timeout", within=BUDGET):
        post(chaos, behaviour, budget=BUDGET)


@pytest.mark.parametrize(
    ("behaviour", "slug"),
    [
        ("302", "redirect_refused"),
        ("307", "redirect_refused"),
        ("401", "http_401"),
        ("500", "http_500"),
        ("html", "wrong_content_type"),
        ("gzip", "encoding_refused"),
        ("endless-body", "body_too_large"),
        ("endless-head", "connection_failed"),
        ("garbage", "connection_failed"),
        ("silence", "connection_failed"),
        ("long-length", "truncated"),
    ],
)
def test_a_wrong_answer_gets_a_slug(chaos: Chaos, behaviour: str, slug: str) -> None:
    """Nothing but 200 with bounded JSON is an answer."""
    chaos.tell("set", ACTIVE)
    with refused(slug):
        post(chaos, behaviour)


def test_an_answer_of_the_bound_is_read(chaos: Chaos) -> None:
    """64 KiB."""
    body = b'{"active": true, "x": "' + b"x" * (MAX_ANSWER - 25) + b'"}'
    assert len(body) == MAX_ANSWER
    chaos.tell("set", body)
    assert post(chaos, "ok") == body
    chaos.tell("set", body + b" ")
    with refused("body_too_large"):
        post(chaos, "ok")


@pytest.mark.parametrize("listener", ["other", "expired"])
def test_an_untrusted_endpoint_gets_no_token(chaos: Chaos, listener: str) -> None:
    """An unknown authority and an expired certificate are refused before the form is sent."""
    with refused("tls_failed"):
        post(chaos, "ok", listener)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/", "http://id.example/", "ftp://localhost/", "http://user@localhost/"]
)
def test_a_token_never_travels_in_the_open(url: str) -> None:
    """Plain http leaves this machine for nowhere."""
    with refused("scheme_refused", "bad_url"):
        send(FormPoster(), url)


def test_a_closed_port_is_an_outage() -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with refused("connection_failed"):
        send(FormPoster(), f"http://localhost:{port}/")


def test_no_time_is_a_timeout() -> None:
    """Nothing is sent when nothing is left."""
    with refused("timeout"):
        send(FormPoster(), "http://127.0.0.1:9/", 0)


class Recorder:
    """A server that answers every request on a connection and remembers what it was sent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/introspect"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        answer = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: %d\r\n\r\n%s"
        )
        data = b""
        with connection, contextlib.suppress(OSError):
            while piece := connection.recv(65_536):
                data += piece
                if data.endswith(b"C3%A4"):
                    self.requests.append(data)
                    data = b""
                    connection.sendall(answer % (len(ACTIVE), ACTIVE))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Run a recording server."""
    server = Recorder()
    yield server
    server.listener.close()


def test_the_token_is_in_the_form_and_nowhere_else(recorder: Recorder) -> None:
    """Not in the request line, not in a header; no cookie comes back."""
    poster = FormPoster()
    send(poster, recorder.url)
    send(poster, recorder.url)
    for request in recorder.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /introspect HTTP/1.1\r\n")
        assert b"t&" not in head
        assert b"cookie" not in head.lower()
        assert b"Accept-Encoding: identity" in head
        assert b"X-Test: 1" in head
        assert body == b"token=t%26%3D%C3%A4"


def test_connections_are_kept_until_closed(recorder: Recorder) -> None:
    """Ten calls take one connection; after `close`, as before a snapshot, a new one is made."""
    poster = FormPoster()
    for _ in range(10):
        send(poster, recorder.url)
    assert (recorder.connections, len(recorder.requests)) == (1, 10)
    poster.close()
    send(poster, recorder.url)
    assert recorder.connections == 2


def test_another_process_makes_connections_of_its_own(recorder: Recorder) -> None:
    """After a fork the session of the parent is not touched: answers could be mixed up."""
    poster = FormPoster()
    send(poster, recorder.url)
    poster._pid = os.getpid() + 1  # as a child would find it
    send(poster, recorder.url)
    assert recorder.connections == 2


def test_proxies_and_netrc_of_the_environment_are_not_used() -> None:
    """The session trusts nothing of its surroundings."""
    assert FormPoster()._pool().trust_env is False


def test_endpoints_that_hang_cannot_pile_up_threads(chaos: Chaos) -> None:
    """Eight requests at most are left behind; the next is refused at once."""
    poster = FormPoster()
    for _ in range(8):
        with refused("timeout"):
            send(poster, chaos.url("drip-head"), 60)
    with refused("timeout", within=0):
        send(poster, chaos.url("ok"))
