"""Against a real server in another process: whatever it does, the fetch ends inside its budget with a slug."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.conftest import Chaos, hashed_name
from tests.fetch.fakes import key_set

from lambda_authorizer.fetch import Fetched, FetchError
from lambda_authorizer.fetch.http import HttpFetcher, hashed_directory, tls_context

BUDGET = 400  # milliseconds
SLACK = 0.4  # seconds: two busy cores


def now_ms() -> int:
    """Return the monotonic clock."""
    return time.monotonic_ns() // 1_000_000


def fetch(chaos: Chaos, path: str, listener: str = "http", budget: int = 3_000) -> Fetched:
    """Fetch one behaviour."""
    fetcher = HttpFetcher(ca_directory=chaos.ca_directory)
    return fetcher(chaos.url(path, listener), now_ms() + budget, http_loopback=True)


@contextmanager
def refused(*slugs: str, within: int | None = None) -> Iterator[None]:
    """Assert that the block is refused with one of these slugs, in time."""
    begin = time.monotonic()
    with pytest.raises(FetchError) as caught:
        yield
    assert caught.value.slug in slugs
    if within is not None:
        assert time.monotonic() - begin < within / 1000 + SLACK


@pytest.mark.parametrize("listener", ["http", "https"])
@pytest.mark.parametrize("behaviour", ["ok", "chunked", "until-close", "max-age"])
def test_every_honest_answer_is_read(chaos: Chaos, listener: str, behaviour: str) -> None:
    """Length, chunks and end of stream, over http and https."""
    body = key_set("a", "b")
    chaos.tell("set", body)
    fetched = fetch(chaos, behaviour, listener)
    assert (fetched.body, fetched.max_age) == (body, 900_000 if behaviour == "max-age" else None)


@pytest.mark.parametrize("listener", ["http", "https"])
@pytest.mark.parametrize("behaviour", ["stall", "stall-in-body", "drip-head", "drip-body"])
def test_a_slow_issuer_costs_the_budget_and_no_more(chaos: Chaos, listener: str, behaviour: str) -> None:
    """Silence and a drip of single bytes end at the deadline."""
    with refused("timeout", within=BUDGET):
        fetch(chaos, behaviour, listener, BUDGET)


@pytest.mark.parametrize("listener", ["http", "https"])
@pytest.mark.parametrize(
    ("behaviour", "slug"),
    [
        ("endless-head", "bad_http"),
        ("endless-body", "body_too_large"),
        ("endless-chunks", "body_too_large"),
        ("huge-length", "body_too_large"),
    ],
)
def test_an_endless_answer_is_cut_off_at_its_bound(chaos: Chaos, listener: str, behaviour: str, slug: str) -> None:
    """No more than the bound is read, however fast it comes."""
    with refused(slug, within=3_000):
        fetch(chaos, behaviour, listener)


@pytest.mark.parametrize("listener", ["http", "https"])
@pytest.mark.parametrize(
    ("behaviour", "slug"),
    [
        ("301", "redirect_refused"),
        ("307", "redirect_refused"),
        ("404", "http_404"),
        ("429", "http_429"),
        ("503", "http_503"),
        ("html", "wrong_content_type"),
        ("gzip", "encoding_refused"),
        ("garbage", "bad_http"),
        ("long-length", "truncated"),
        ("short-length", "bad_http"),
        ("silence", "truncated"),
    ],
)
def test_a_lying_issuer_gets_a_slug(chaos: Chaos, listener: str, behaviour: str, slug: str) -> None:
    """Each wrong answer is refused for what it is."""
    chaos.tell("set", key_set("a"))
    with refused(slug, within=3_000):
        fetch(chaos, behaviour, listener)


class TestTls:
    """Who may speak for the issuer's host."""

    def test_an_unknown_authority_is_refused(self, chaos: Chaos) -> None:
        """A certificate for the right name from an authority nobody trusts."""
        with refused("certificate_refused"):
            fetch(chaos, "ok", "other")

    def test_an_expired_certificate_is_refused(self, chaos: Chaos) -> None:
        """Its authority is trusted; its time is over."""
        with refused("certificate_refused"):
            fetch(chaos, "ok", "expired")

    def test_a_certificate_of_another_name_is_refused(self, chaos: Chaos) -> None:
        """The name that was asked for must be in the certificate."""
        port = chaos.ports["https"]
        fetcher = HttpFetcher(ca_directory=chaos.ca_directory, resolve=lambda _host, _port: loopback(port))
        with refused("certificate_refused"):
            fetcher(f"https://id.example:{port}/ok", now_ms() + 3_000)

    def test_a_server_without_tls_is_refused(self, chaos: Chaos) -> None:
        """Https to a port that answers in plain HTTP, or not at all, ends in time."""
        fetcher = HttpFetcher(ca_directory=chaos.ca_directory)
        with refused("tls_failed", "timeout", "connection_failed", within=BUDGET):
            fetcher(f"https://127.0.0.1:{chaos.ports['http']}/ok", now_ms() + BUDGET)

    def test_an_answer_that_is_no_tls_is_refused(self) -> None:
        """A port that talks another protocol at once."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.recv(1)

            thread = threading.Thread(target=answer)
            thread.start()
            with refused("tls_failed"):
                HttpFetcher()(f"https://127.0.0.1:{listener.getsockname()[1]}/", now_ms() + 3_000)
            thread.join(10)

    def test_a_handshake_that_never_ends_is_cut_off(self) -> None:
        """A server that accepts and says nothing costs the budget."""
        with socket.create_server(("127.0.0.1", 0)) as silent, refused("timeout", within=BUDGET):
            HttpFetcher()(f"https://127.0.0.1:{silent.getsockname()[1]}/", now_ms() + BUDGET)

    def test_the_context_is_made_once(self, chaos: Chaos) -> None:
        """Roots are read for the first fetch only."""
        fetcher = HttpFetcher(ca_directory=chaos.ca_directory)
        fetcher(chaos.url("ok", "https"), now_ms() + 3_000)
        context = fetcher._context
        fetcher(chaos.url("ok", "https"), now_ms() + 3_000)
        assert fetcher._context is context

    def test_the_systems_trust_is_the_default(self, chaos: Chaos) -> None:
        """Without a directory the system's roots count, and our test authority is none of them."""
        with refused("certificate_refused"):
            HttpFetcher()(chaos.url("ok", "https"), now_ms() + 3_000)

    def test_an_operators_bundle_is_honoured(self, chaos: Chaos) -> None:
        """SSL_CERT_FILE names a private authority, as it does for every program that uses OpenSSL."""
        root = Path(__file__).resolve().parents[2]
        code = (
            "import sys, time\n"
            "from lambda_authorizer.fetch.http import HttpFetcher\n"
            "deadline = time.monotonic_ns() // 1_000_000 + 5_000\n"
            "print(len(HttpFetcher()(sys.argv[1], deadline).body) > 0)"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, chaos.url("ok", "https")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PYTHONPATH": str(root / "layers/authorizer"), "SSL_CERT_FILE": chaos.ca_file},
        )
        assert (result.stdout, result.stderr) == ("True\n", "")

    def test_only_a_directory_with_hashed_roots_is_taken_for_one(self, chaos: Chaos, tmp_path: Path) -> None:
        """An empty, missing or ordinary directory is no trust store."""
        (tmp_path / "roots.pem").write_text("")
        assert hashed_directory(chaos.ca_directory) == chaos.ca_directory
        assert hashed_directory(str(tmp_path)) is None
        assert hashed_directory(str(tmp_path / "missing")) is None
        assert hashed_directory(None) is None

    def test_peers_are_verified_with_tls_1_2_or_newer(self) -> None:
        """Whichever trust store is used."""
        import ssl

        for context in (tls_context(None), tls_context(None, bundle="x"), tls_context("/nonexistent")):
            assert context.minimum_version == ssl.TLSVersion.TLSv1_2
            assert context.verify_mode == ssl.CERT_REQUIRED
            assert context.check_hostname


class TestConnecting:
    """Names, addresses and ports."""

    def test_http_never_leaves_this_machine(self) -> None:
        """With the loopback switch on, a host that resolves elsewhere is refused before a connection."""
        outside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]
        with refused("scheme_refused"):
            fetcher = HttpFetcher(resolve=lambda _host, _port: outside)
            fetcher("http://localhost/", now_ms() + 3_000, http_loopback=True)

    def test_a_closed_port_is_an_outage(self) -> None:
        """Nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with refused("connection_failed", within=1_000):
            HttpFetcher()(f"https://127.0.0.1:{port}/", now_ms() + 3_000)

    def test_the_next_address_gets_its_turn(self, chaos: Chaos) -> None:
        """A host with a dead and a living address is reached."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            dead = listener.getsockname()[1]
        fetcher = HttpFetcher(resolve=lambda _host, _port: [*loopback(dead), *loopback(chaos.ports["http"])])
        assert fetcher("http://localhost/ok", now_ms() + 3_000, http_loopback=True).body

    def test_an_address_that_does_not_answer_leaves_time_for_the_next(self, chaos: Chaos) -> None:
        """A connect that hangs takes its share of the budget and no more."""
        with full_backlog() as hanging:
            addresses = [*loopback(hanging), *loopback(chaos.ports["http"])]
            fetcher = HttpFetcher(resolve=lambda _host, _port: addresses)
            assert fetcher("http://localhost/ok", now_ms() + 2_000, http_loopback=True).body

    def test_a_connect_that_hangs_costs_the_budget(self) -> None:
        """No answer to the first packet ends at the deadline."""
        with full_backlog() as hanging, refused("timeout", within=BUDGET):
            HttpFetcher()(f"https://127.0.0.1:{hanging}/", now_ms() + BUDGET)

    def test_several_addresses_share_one_budget(self) -> None:
        """Two addresses that both hang cost no more than one."""
        with full_backlog() as hanging:
            addresses = loopback(hanging) * 2

            def resolve(_host: bytes, _port: int) -> list[tuple[Any, ...]]:
                return addresses

            with refused("timeout", within=BUDGET):
                HttpFetcher(resolve=resolve)("https://localhost/", now_ms() + BUDGET)

    def test_a_name_that_does_not_exist(self) -> None:
        """The resolver says no, or says nothing at all."""

        def unknown(_host: bytes, _port: int) -> list[tuple[Any, ...]]:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")

        with refused("name_not_found"):
            HttpFetcher(resolve=unknown)("https://nowhere.example/", now_ms() + 3_000)
        with refused("name_not_found"):
            HttpFetcher(resolve=lambda _host, _port: [])("https://nowhere.example/", now_ms() + 3_000)

    def test_a_resolver_that_hangs_costs_the_budget(self) -> None:
        """The C library's lookup has no time limit of its own; ours holds."""
        release = threading.Event()

        def hang(_host: bytes, _port: int) -> list[tuple[Any, ...]]:
            release.wait(10)
            return []

        with refused("name_timeout", within=3 * BUDGET):
            HttpFetcher(resolve=hang)("https://id.example/", now_ms() + BUDGET)
        release.set()

    def test_a_deadline_in_the_past_is_a_timeout(self) -> None:
        """Nothing is tried when nothing is left."""
        with refused("timeout"):
            HttpFetcher()("https://127.0.0.1:9/", now_ms() - 1)

    def test_proxies_of_the_environment_are_not_used(self, chaos: Chaos) -> None:
        """HTTP_PROXY and its like change nothing: keys come from the issuer or not at all."""
        root = Path(__file__).resolve().parents[2]
        code = (
            "import sys, time\n"
            "from lambda_authorizer.fetch.http import HttpFetcher\n"
            "deadline = time.monotonic_ns() // 1_000_000 + 5_000\n"
            "print(len(HttpFetcher()(sys.argv[1], deadline, http_loopback=True).body) > 0)"
        )
        proxies = dict.fromkeys(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"], "http://127.0.0.1:9")
        result = subprocess.run(
            [sys.executable, "-c", code, chaos.url("ok")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PYTHONPATH": str(root / "layers/authorizer"), **proxies},
        )
        assert (result.stdout, result.stderr) == ("True\n", "")


def loopback(port: int) -> list[tuple[Any, ...]]:
    """Return what a resolver would say for this port of this machine."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@contextmanager
def full_backlog() -> Iterator[int]:
    """Yield a port whose queue is full, so that a further connect gets no answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(listener.getsockname())
            waiting.append(connection)
        try:
            yield listener.getsockname()[1]
        finally:
            for connection in waiting:
                connection.close()


def test_the_hashed_name_is_openssls(chaos: Chaos) -> None:
    """The fixture's directory is one that OpenSSL itself would have made."""
    command = shutil.which("openssl")
    if command is None:
        pytest.skip("no openssl command to compare with")
    arguments = [command, "x509", "-noout", "-hash", "-in", chaos.ca_file]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert f"{result.stdout.strip()}.0" == hashed_name("Test authority")
