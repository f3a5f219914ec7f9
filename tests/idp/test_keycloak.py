"""Keys, rotation and introspection against Keycloak, a second implementation in another language.

It takes Java 17 and the distribution, 153 MB from Maven Central: `tests/idp/get-keycloak` puts it into
`.local/keycloak`. Without either these tests are skipped; they take about a minute.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from tests.idp.test_oidc_provider import OffsetClock

from lambda_authorizer.errors import InactiveTokenError, UnknownKeyError
from lambda_authorizer.fetch.introspection import Introspector
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.keys import Limits
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import Claims, issuer_for, verify_token

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits()
START_SECONDS = 240


class Keycloak(NamedTuple):
    """A running server with the realm `airline`."""

    url: str

    @property
    def issuer(self) -> str:
        """The realm's issuer."""
        return f"{self.url}/realms/airline"

    def form(self, path: str, **fields: str) -> dict[str, Any]:
        """Post a form to the realm."""
        secret = {"client_id": "gold-app", "client_secret": "gold-secret"}
        answer = requests.post(f"{self.issuer}/protocol/openid-connect/{path}", {**secret, **fields}, timeout=30)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def token(self) -> str:
        """Return an access token of `gold-app`."""
        return str(self.form("token", grant_type="client_credentials")["access_token"])

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Call the administration API."""
        login = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": "admin"}
        url = f"{self.url}/realms/master/protocol/openid-connect/token"
        token = requests.post(url, login, timeout=30).json()["access_token"]
        answer = requests.request(
            method,
            f"{self.url}/admin/realms{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def add_key(self, priority: int) -> None:
        """Add an ES256 key of this priority; the highest signs."""
        realm = self.admin("GET", "/airline")["id"]
        provider = {
            "name": f"ecdsa-{priority}",
            "providerId": "ecdsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm,
            "config": {"priority": [str(priority)], "ecdsaEllipticCurveKey": ["P-256"]},
        }
        self.admin("POST", "/airline/components", provider)

    def drop_key(self, priority: int) -> None:
        """Withdraw that key."""
        components = self.admin("GET", "/airline/components?type=org.keycloak.keys.KeyProvider")
        (found,) = [each["id"] for each in components if each["name"] == f"ecdsa-{priority}"]
        self.admin("DELETE", f"/airline/components/{found}")


REALM = {
    "realm": "airline",
    "enabled": True,
    "defaultSignatureAlgorithm": "ES256",
    "roles": {"realm": [{"name": "partner"}]},
    "clients": [
        {
            "clientId": "gold-app",
            "secret": "gold-secret",
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
            "publicClient": False,
            "protocolMappers": [
                {
                    "name": "audience",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {
                        "included.custom.audience": "airline-api",
                        "access.token.claim": "true",
                        "introspection.token.claim": "true",
                    },
                }
            ],
        }
    ],
    "users": [
        {
            "username": "service-account-gold-app",
            "enabled": True,
            "serviceAccountClientId": "gold-app",
            "realmRoles": ["partner"],
        }
    ],
}


@pytest.fixture(scope="module")
def keycloak() -> Iterator[Keycloak]:
    """Run Keycloak with the realm; or skip and say why."""
    home = Path(os.environ.get("KEYCLOAK_HOME", ROOT / ".local" / "keycloak"))
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    if not (home / "bin" / "kc.sh").is_file():
        pytest.skip("Keycloak is not there: tests/idp/get-keycloak fetches it from Maven Central (153 MB)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(home / "bin" / "kc.sh"), "start-dev", "--db=dev-mem", "--http-host=127.0.0.1"]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ},
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin",
    }
    with subprocess.Popen(
        [*command, f"--http-port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            server = Keycloak(f"http://127.0.0.1:{port}")
            _wait(server.url, process)
            server.admin("POST", "", REALM)
            server.add_key(200)
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Return when the server answers; skip if it ends or takes too long."""
    begin = time.monotonic()
    while time.monotonic() - begin < START_SECONDS:
        try:
            # A starting server refuses connections: waiting for its end with a limit is the pause in between.
            requests.get(f"{url}/realms/master", timeout=10).raise_for_status()
        except requests.RequestException:
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                continue
            pytest.skip("Keycloak ended at start: see `bin/kc.sh start-dev`")
        else:
            return
    pytest.skip(f"Keycloak did not start within {START_SECONDS} s")


class Verifier:
    """A key source of the realm, and the way from a token's text to its claims."""

    def __init__(self, keycloak: Keycloak) -> None:
        self.clock = OffsetClock()
        table = {"name": "kc", "url": keycloak.issuer, "audience": ["airline-api"], "preset": "keycloak"}
        self.issuer = issuer_from_table(table, file="rules.toml", key="issuer[0]", http_loopback=True)
        self.source = KeySource([self.issuer], clock=self.clock)

    def claims(self, text: str) -> Claims:
        """Return the claims of a token."""
        token = parse_token(text)
        issuer = issuer_for(token, [self.issuer])
        key = self.source.find(token, issuer, self.clock.monotonic_ms() + 10_000)
        return verify_token(token, key, issuer, self.clock.wall_ms() / 1_000)


def test_a_token_is_verified_by_discovered_keys(keycloak: Keycloak) -> None:
    """Discovery below the realm's path, its mixed key set, a real access token with realm roles."""
    verifier = Verifier(keycloak)
    claims = verifier.claims(keycloak.token())
    assert claims.values["iss"] == keycloak.issuer
    assert "partner" in claims.values["realm_access"]["roles"]
    (health,) = verifier.source.health()
    assert health.state == "fresh"
    assert health.skipped  # its encryption key is no signature key


def test_a_live_rotation_is_followed(keycloak: Keycloak) -> None:
    """A new key signs and is found; a withdrawn key is gone at the next refresh."""
    verifier = Verifier(keycloak)
    old = keycloak.token()
    verifier.claims(old)
    keycloak.add_key(300)
    new = keycloak.token()
    assert parse_token(new).key_id != parse_token(old).key_id
    verifier.clock.offset += LIMITS.unknown_gap
    verifier.claims(new)
    verifier.claims(old)
    keycloak.drop_key(300)
    verifier.source.after_restore()
    with pytest.raises(UnknownKeyError):
        verifier.claims(new)
    verifier.claims(keycloak.token())


def test_introspection_sees_a_revocation(keycloak: Keycloak) -> None:
    """Active, then revoked (RFC 7009), then inactive once the kept answer is due."""
    clock = OffsetClock()
    table = {
        "name": "kc",
        "url": keycloak.issuer,
        "audience": ["airline-api"],
        "preset": "keycloak",
        "introspection": {"client_id": "gold-app", "secret": "env:SECRET", "cache": 30, "negative_cache": 5},
    }
    issuer = issuer_from_table(table, file="rules.toml", key="issuer[0]", http_loopback=True)
    introspector = Introspector([issuer], environ={"SECRET": "gold-secret"}, clock=clock)
    token = keycloak.token()
    claims = introspector.claims(token, issuer, clock.monotonic_ms() + 10_000)
    assert claims.values["client_id"] == "gold-app"
    keycloak.form("revoke", token=token)
    clock.offset += 30_000
    with pytest.raises(InactiveTokenError):
        introspector.claims(token, issuer, clock.monotonic_ms() + 10_000)
