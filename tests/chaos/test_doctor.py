"""The doctor against a real server in another process."""

import socket

from tests.chaos.conftest import Chaos
from tests.fetch.fakes import key_set

from lambda_authorizer.fetch.doctor import _probe, doctor


def test_a_redirecting_issuer_is_explained(chaos: Chaos) -> None:
    """Where it leads is found by a request of its own, which does not follow it."""
    url = chaos.url("301")
    findings = doctor("https://id.example", jwks=url, http_loopback=True)
    assert [finding.level for finding in findings] == ["problem", "note"]
    assert findings[1].text == f"{url} redirects to /ok"


def test_a_working_issuer_over_https(chaos: Chaos) -> None:
    """With the roots of a private authority."""
    chaos.tell("set", key_set("a", "b"))
    findings = doctor("https://id.example", jwks=chaos.url("ok", "https"), ca_directory=chaos.ca_directory)
    assert {finding.level for finding in findings} == {"ok", "note"}
    untrusted = doctor("https://id.example", jwks=chaos.url("ok", "https"))
    assert "certificate_refused" in untrusted[0].text


def test_a_probe_of_nobody_finds_nothing() -> None:
    """What only explains may fail."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _probe(f"http://127.0.0.1:{port}/", None) == {}
