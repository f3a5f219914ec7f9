"""`lambda-authorizer keys`: a live issuer's keys, fetched as the function fetches them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from lambda_authorizer.testing.issuer import FakeIssuer


class Server:
    """An issuer on loopback that serves the documents it is given."""

    def __init__(self) -> None:
        documents: dict[str, object] = {}
        self.documents = documents

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = documents.get(self.path)
                body = json.dumps(found).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server with discovery and one key set, in which one key is not usable."""
    running = Server()
    issuer = FakeIssuer(running.url)
    issuer.rotate("RS256")
    keys = [*issuer.jwks["keys"], {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}]
    keys[0]["d"] = "private"
    running.documents["/.well-known/openid-configuration"] = {
        "issuer": running.url,
        "jwks_uri": f"{running.url}/keys",
    }
    running.documents["/keys"] = {"keys": keys}
    running.documents["/clean"] = issuer.jwks
    yield running
    running.close()


def test_pull_discovers_and_writes_usable_keys_only(lambda_authorizer: Run, folder: Path, server: Server) -> None:
    """A secret or a private member that an issuer published by mistake does not reach the disk."""
    result = lambda_authorizer("keys", "pull", server.url, "--http-loopback")
    assert result.code == 0, result.err
    text = (folder / "jwks.json").read_text(encoding="utf-8")
    assert "private" not in text
    assert "c2VjcmV0" not in text
    document = json.loads(text)
    assert (document["issuer"], document["retrieved_at"] > 0) == (server.url, True)
    assert [key["kty"] for key in document["keys"]] == ["EC"], "a key whose private half is out is no key"
    assert "jwks.json holds 1 keys" in result.err


def test_pull_takes_the_address_of_the_keys_too(lambda_authorizer: Run, server: Server) -> None:
    """`--jwks` names the address and spares the discovery; - writes to standard output."""
    given = ("--jwks", f"{server.url}/clean", "--http-loopback", "-o", "-")
    result = lambda_authorizer("keys", "pull", server.url, *given)
    assert result.code == 0, result.err
    assert len(json.loads(result.out)["keys"]) == 2


def test_pull_takes_the_issuer_of_the_rules(lambda_authorizer: Run, server: Server) -> None:
    """`--rules` says whose keys; an alias that is not there is named."""
    given = ("--rules", "rules.toml", "--env", f"ISSUER={server.url}")
    assert lambda_authorizer("keys", "pull", *given, "--http-loopback").code == 0
    assert lambda_authorizer("keys", "pull", *given).code == 2, "http needs the option, here as in the function"
    assert (
        "found:   'other'" in lambda_authorizer("keys", "pull", "--issuer", "other", "--rules", "rules.toml").err
    )
    inline = lambda_authorizer(
        "keys", "pull", "--rules", "rules.toml", "--env", f"JWKS={json.dumps({'keys': []})}"
    )
    assert inline.code == 2


def test_show_lists_kid_type_and_thumbprint(lambda_authorizer: Run, server: Server) -> None:
    """Each key stands with what it is and its thumbprint, or with the reason why it is not used."""
    result = lambda_authorizer("keys", "show", server.url, "--jwks", f"{server.url}/clean", "--http-loopback")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].split()[:4] == ["kid", "type", "size", "alg"]
    assert lines[1].split()[:5] == ["key-2", "RSA", "2048", "bits", "RS256"]
    assert lines[2].split()[:4] == ["key-1", "EC", "P-256", "ES256"]
    assert len(lines[2].split()[-1]) == 43
    found = lambda_authorizer("keys", "show", server.url, "--http-loopback").out.splitlines()
    assert [("not used: " in line) for line in found[1:]] == [True, False, True]


def test_doctor_explains_and_exits(lambda_authorizer: Run, server: Server) -> None:
    """A healthy issuer gives 0; one that speaks for another gives 1 and the advice."""
    server.documents["/keys"] = server.documents["/clean"]
    healthy = lambda_authorizer("keys", "doctor", server.url, "--http-loopback")
    assert healthy.code == 0, healthy.out
    assert "ok " in healthy.out
    server.documents["/.well-known/openid-configuration"] = {"issuer": "https://other.example", "jwks_uri": "x"}
    ill = lambda_authorizer("keys", "doctor", server.url, "--http-loopback")
    assert ill.code == 1
    assert "problem " in ill.out
    assert "byte for byte" in ill.out


def test_show_reads_a_file(lambda_authorizer: Run, folder: Path) -> None:
    """A key set on the disk needs no network."""
    (folder / "jwks.json").write_text(json.dumps(FakeIssuer().jwks), encoding="utf-8")
    assert "ES256" in lambda_authorizer("keys", "show", "jwks.json").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "pull"),
        ("keys", "pull", "ftp://a.example"),
        ("keys", "pull", "http://127.0.0.1:1"),
        ("keys", "show", "nowhere.json"),
        ("keys", "show", "rules.toml"),
    ],
)
def test_keys_that_cannot_be_had_are_said(lambda_authorizer: Run, arguments: tuple[str, ...]) -> None:
    """Http without the option, no file, no key set: a sentence and exit code 2."""
    result = lambda_authorizer(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")


def test_another_issuer_in_the_metadata_is_refused(lambda_authorizer: Run, server: Server) -> None:
    """Metadata that speaks for another issuer is not believed (RFC 8414 section 3.3)."""
    server.documents["/.well-known/openid-configuration"] = {
        "issuer": "https://other.example",
        "jwks_uri": server.url,
    }
    result = lambda_authorizer("keys", "pull", server.url, "--http-loopback")
    assert (result.code, "found:   issuer_mismatch" in result.err) == (2, True)
