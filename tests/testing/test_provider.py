"""The embedded provider behaves as its specifications say, over real sockets of this machine."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests

from lambda_authorizer.testing.issuer import FakeIssuer
from lambda_authorizer.testing.provider import Client, Provider, client_from, main, serve
from lambda_authorizer.testing.tls import authority

GOLD = Client(
    "gold", "s:e+c", "loyalty:read loyalty:write", {"https://airline.example/tier": "gold", "sub": "c-1"}
)


@pytest.fixture
def provider() -> Provider:
    """A provider with one client."""
    return Provider(FakeIssuer("https://issuer.example/realms/x"), (GOLD,), opaque="https://opaque.example")


@pytest.fixture
def address(provider: Provider) -> Iterator[str]:
    """The provider's address while it is served."""
    with serve(provider) as url:
        yield url


def basic(name: str, secret: str) -> str:
    """Return an HTTP Basic header value."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def session() -> requests.Session:
    """Return a client that no proxy or CA setting of the machine changes."""
    made = requests.Session()
    made.trust_env = False
    return made


def test_discovery_leads_to_a_token_that_verifies(provider: Provider, address: str) -> None:
    """Issuer, key set and token endpoint are found by discovery alone, and the token is good."""
    with session() as http:
        metadata = http.get(f"{address}/.well-known/openid-configuration", timeout=5).json()
        assert metadata["issuer"] == address == provider.issuer.url
        keys = http.get(metadata["jwks_uri"], timeout=5)
        assert keys.headers["cache-control"] == "max-age=300"
        answer = http.post(
            metadata["token_endpoint"],
            data={"grant_type": "client_credentials", "scope": "loyalty:read"},
            auth=("gold", "s%3Ae%2Bc"),
            timeout=5,
        ).json()
    claims = jwt.decode(
        answer["access_token"],
        jwt.PyJWK(keys.json()["keys"][0]),
        algorithms=["ES256"],
        audience="https://api.example",
        issuer=address,
    )
    assert answer["token_type"] == "Bearer"
    assert (claims["sub"], claims["scope"], claims["https://airline.example/tier"]) == (
        "c-1",
        "loyalty:read",
        "gold",
    )


def test_an_opaque_token_is_active_until_it_is_revoked(provider: Provider) -> None:
    """Introspection tells the claims of a live token, and nothing of any other."""
    login = basic("gold", "s%3Ae%2Bc")
    root = "/realms/x"
    form = {"grant_type": "client_credentials", "resource": "https://opaque.example"}
    token = provider.answer("POST", f"{root}/token", form, login).body["access_token"]  # type: ignore[index]
    assert token.count(".") == 0
    live = provider.answer("POST", f"{root}/introspect", {"token": token}, login).body
    assert (live["active"], live["sub"], live["aud"]) == (True, "c-1", "https://opaque.example")  # type: ignore[index]
    assert provider.answer("POST", f"{root}/introspect", {"token": "other"}, login).body == {"active": False}
    provider.answer("POST", f"{root}/revoke", {"token": token}, login)
    assert provider.answer("POST", f"{root}/introspect", {"token": token}, login).body == {"active": False}


def test_an_opaque_token_ends_with_its_lifetime() -> None:
    """Introspection calls an expired token inactive."""
    now = [1000.0]
    provider = Provider(FakeIssuer(clock=lambda: now[0]), (GOLD,), lifetime=60)
    login = basic("gold", "s%3Ae%2Bc")
    form = {"grant_type": "client_credentials", "resource": provider.opaque}
    token = provider.answer("POST", "/token", form, login).body["access_token"]  # type: ignore[index]
    now[0] = 1060.0
    assert provider.answer("POST", "/introspect", {"token": token}, login).body == {"active": False}


@pytest.mark.parametrize(
    ("form", "authorization", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, "", 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, basic("gold", "wrong"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, basic("nobody", ""), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, "Basic ???", 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, "Basic /w==", 401, "invalid_client"),
        (
            {"grant_type": "password", "client_id": "gold", "client_secret": "s:e+c"},
            "",
            400,
            "unsupported_grant_type",
        ),
        ({"grant_type": "client_credentials", "scope": "admin"}, basic("gold", "s%3Ae%2Bc"), 400, "invalid_scope"),
    ],
)
def test_a_bad_token_request_gets_the_error_of_rfc_6749(
    provider: Provider, form: dict[str, str], authorization: str, status: int, error: str
) -> None:
    """Wrong credentials, grants and scopes are refused by name."""
    assert provider.answer("POST", "/realms/x/token", form, authorization) == (status, {"error": error})


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/realms/x/nothing"), ("POST", "/realms/x/nothing"), ("POST", "/control/x")]
)
def test_an_unknown_path_is_not_found(provider: Provider, method: str, path: str) -> None:
    """Nothing but the documented endpoints answers."""
    assert provider.answer(method, path, {}, "").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/realms/x/.well-known/openid-configuration",
        "/realms/x/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/realms/x",
    ],
)
def test_metadata_stands_where_each_specification_puts_it(provider: Provider, path: str) -> None:
    """OpenID Connect appends the well-known path, RFC 8414 inserts it; both are served."""
    assert provider.answer("GET", path, {}, "").body == provider.metadata()


def test_control_rotates_breaks_and_counts(address: str) -> None:
    """A test steers the provider over the same socket, and an outage does not reach the controls."""
    with session() as http:
        http.get(f"{address}/jwks", timeout=5)
        rotated = http.post(f"{address}/control/rotate", json={"keep": False}, timeout=5).json()
        assert rotated == {"kid": "key-2", "kids": ["key-2"]}
        assert http.post(f"{address}/control/break", json={}, timeout=5).json() == {"status": 503}
        assert http.get(f"{address}/jwks", timeout=5).status_code == 503
        assert http.post(f"{address}/control/break", json={"status": 0}, timeout=5).json() == {"status": 0}
        http.post(f"{address}/control/clients", json={"id": "n", "secret": "s", "sub": "c-9"}, timeout=5)
        token = http.post(
            f"{address}/token", data={"grant_type": "client_credentials"}, auth=("n", "s"), timeout=5
        )
        claims = jwt.decode(token.json()["access_token"], options={"verify_signature": False})
        assert claims["sub"] == "c-9"
        assert "scope" not in claims
        state = http.get(f"{address}/control/state", timeout=5).json()
    assert state == {"kids": ["key-2"], "requests": {"/jwks": 2, "/token": 1}}


def test_it_speaks_https_with_a_certificate_for_loopback(provider: Provider, tmp_path: Path) -> None:
    """A client that trusts the throw-away authority, and nothing else, reaches it."""
    made = authority(tmp_path)
    with serve(provider, tls=(made.certificate, made.key)) as url, session() as http:
        assert url.startswith("https://127.0.0.1:")
        assert http.get(f"{url}/jwks", verify=made.authority, timeout=5).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            http.get(f"{url}/jwks", timeout=5)


def test_an_issuer_with_a_name_of_its_own_keeps_it(provider: Provider) -> None:
    """An address that only a test knows need not be the issuer's name."""
    with serve(provider, follow_address=False):
        assert provider.issuer.url == "https://issuer.example/realms/x"


def test_a_client_table_needs_no_more_than_id_and_secret() -> None:
    """Scope and claims are optional."""
    assert client_from({"id": "a", "secret": "b"}) == Client("a", "b", "", {})


def test_the_program_serves_until_its_input_ends(tmp_path: Path) -> None:
    """It prints one line that says where it is, serves, and leaves when its starter does."""
    made = authority(tmp_path)
    environment = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "IDP_ALG": "EdDSA",
        "IDP_CLIENTS": json.dumps([{"id": "a", "secret": "b"}]),
        "IDP_TLS_CERT": made.certificate,
        "IDP_TLS_KEY": made.key,
    }
    command = [sys.executable, "-m", "lambda_authorizer.testing.provider"]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        line = json.loads(run.stdout.readline())
        with session() as http:
            keys = http.get(f"{line['url']}/jwks", verify=made.authority, timeout=5).json()["keys"]
        assert line["issuer"] == line["url"]
        assert [(key["kid"], key["alg"]) for key in keys] == [(line["kid"], "EdDSA")]
        run.stdin.close()
        assert run.wait(timeout=5) == 0


def test_the_program_keeps_a_given_issuer(capsys: pytest.CaptureFixture[str]) -> None:
    """IDP_ISSUER is the name, whatever the address."""
    main({"IDP_ISSUER": "https://named.example", "IDP_ALG": "ES256"}, io.StringIO())
    line = json.loads(capsys.readouterr().out)
    assert line["issuer"] == "https://named.example"
    assert line["url"].startswith("http://127.0.0.1:")
