"""Keys, rotation, introspection and revocation against npm `oidc-provider`, an implementation not ours."""

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.chaos.conftest import hashed_name
from tests.idp.conftest import AUDIENCE, OPAQUE, Provider, Start

from lambda_authorizer.errors import (
    InactiveTokenError,
    IntrospectionUnavailableError,
    KeysUnavailableError,
    UnknownKeyError,
)
from lambda_authorizer.fetch import SystemClock
from lambda_authorizer.fetch.introspection import Introspector
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.keys import Limits
from lambda_authorizer.testing.tls import authority
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import Claims, issuer_for, verify_token

if TYPE_CHECKING:
    from lambda_authorizer.tokens import Issuer

pytestmark = pytest.mark.node
LIMITS = Limits()


class OffsetClock(SystemClock):
    """The machine's clocks, with time added by the test instead of slept."""

    __slots__ = ("offset",)

    def __init__(self) -> None:
        self.offset = 0

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return super().wall_ms() + self.offset

    def monotonic_ms(self) -> int:
        """Return the monotonic clock."""
        return super().monotonic_ms() + self.offset


class Verifier:
    """A key source and one issuer, and the way from a token's text to its claims."""

    def __init__(self, provider: Provider, *, ca_directory: str | None = None, **table: object) -> None:
        self.clock = OffsetClock()
        self.issuer: Issuer = issuer_from_table(
            {"name": "idp", "url": provider.issuer, "audience": [AUDIENCE], "preset": "rfc9068", **table},
            file="rules.toml",
            key="issuer[0]",
            http_loopback=True,
        )
        self.source = KeySource([self.issuer], clock=self.clock, ca_directory=ca_directory)

    def claims(self, text: str) -> Claims:
        """Return the claims of a token."""
        token = parse_token(text)
        issuer = issuer_for(token, [self.issuer])
        key = self.source.find(token, issuer, self.clock.monotonic_ms() + 10_000)
        return verify_token(token, key, issuer, self.clock.wall_ms() / 1_000)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_tokens_of_each_algorithm_are_verified_by_discovered_keys(start: Start, algorithm: str) -> None:
    """Discovery, keys and a real `at+jwt` access token with its custom claims."""
    provider = start(IDP_ALG=algorithm)
    claims = Verifier(provider).claims(provider.token())
    assert claims.issuer == "idp"
    assert claims.values["sub"] == "c-1"
    assert claims.values["https://airline.example/tier"] == "gold"
    assert claims.values["groups"] == ["partners"]
    assert claims.values["scope"] == "loyalty:read"


def test_a_live_rotation_is_followed(start: Start) -> None:
    """New keys are found 2 s after the last look; old tokens verify while their key is published."""
    provider = start(IDP_ALG="ES256")
    verifier = Verifier(provider)
    old = provider.token()
    verifier.claims(old)
    provider.post("rotate", {})
    new = provider.token()
    assert parse_token(new).key_id != parse_token(old).key_id
    verifier.clock.offset += LIMITS.unknown_gap
    verifier.claims(new)
    verifier.claims(old)
    provider.post("rotate", {"keep": False})
    newest = provider.token()
    verifier.clock.offset += LIMITS.unknown_gap
    verifier.claims(newest)
    for withdrawn in (old, new):
        with pytest.raises(UnknownKeyError):
            verifier.claims(withdrawn)
    assert provider.requests("/jwks") == 3
    assert provider.requests("/.well-known/openid-configuration") == 1


def test_an_outage_is_bridged_and_ends(start: Start) -> None:
    """While the provider answers 503, known keys go on verifying, until the hard age."""
    provider = start(IDP_ALG="ES256", IDP_TTL="40000")
    verifier = Verifier(provider)
    token = provider.token()
    verifier.claims(token)
    provider.post("break", {"status": 503})
    verifier.clock.offset += LIMITS.soft_default
    verifier.claims(token)
    assert verifier.source.health()[0].last_error == "http_503"
    verifier.clock.offset += LIMITS.hard
    with pytest.raises(KeysUnavailableError):
        verifier.claims(token)
    provider.post("break", {"status": 0})
    verifier.clock.offset += LIMITS.backoff_most
    verifier.claims(token)


def test_an_issuer_with_a_path(start: Start) -> None:
    """Its metadata is found below the path, and names the issuer with it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    provider = start(IDP_ALG="ES256", IDP_PORT=str(port), IDP_ISSUER=f"http://127.0.0.1:{port}/tenant/a")
    assert Verifier(provider).claims(provider.token()).values["iss"] == provider.issuer


def test_over_https_with_a_private_authority(start: Start, tmp_path: Path) -> None:
    """The same over TLS, with the hashed root directory that the settings name."""
    files = authority(tmp_path)
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / hashed_name("Test authority")).write_bytes(Path(files.authority).read_bytes())
    provider = start(
        IDP_ALG="ES256", IDP_TLS_CERT=files.certificate, IDP_TLS_KEY=files.key, verify=files.authority
    )
    assert provider.issuer.startswith("https://")
    token = provider.token()
    assert Verifier(provider, ca_directory=str(roots)).claims(token)
    with pytest.raises(KeysUnavailableError, match="certificate_refused"):
        Verifier(provider).claims(token)


class Asking:
    """An introspector of the provider's opaque tokens."""

    def __init__(self, provider: Provider, auth: str, client_id: str, secret: str) -> None:
        self.clock = OffsetClock()
        introspection = {
            "client_id": client_id,
            "auth": auth,
            "secret": "env:SECRET",
            "cache": 60,
            "negative_cache": 10,
        }
        self.issuer = issuer_from_table(
            {"name": "idp", "url": provider.issuer, "audience": [OPAQUE], "introspection": introspection},
            file="rules.toml",
            key="issuer[0]",
            http_loopback=True,
        )
        self.introspector = Introspector([self.issuer], environ={"SECRET": secret}, clock=self.clock)

    def claims(self, token: str) -> Claims:
        """Ask."""
        return self.introspector.claims(token, self.issuer, self.clock.monotonic_ms() + 10_000)


@pytest.mark.parametrize(
    ("auth", "client_id", "secret"),
    [
        ("client_secret_basic", "authorizer", "s3cret:with%signs"),
        ("client_secret_post", "authorizer-post", "post-secret"),
    ],
)
def test_a_revoked_token_is_refused_when_its_answer_is_due(
    start: Start, auth: str, client_id: str, secret: str
) -> None:
    """Active, cached for at most the setting, and inactive from then on."""
    provider = start(IDP_ALG="ES256")
    asking = Asking(provider, auth, client_id, secret)
    token = provider.token(resource=OPAQUE)
    assert "." not in token
    claims = asking.claims(token)
    assert claims.values["scope"] == "loyalty:read"
    assert claims.values["https://airline.example/tier"] == "gold"
    asking.claims(token)
    assert provider.requests("/token/introspection") == 1
    provider.revoke(token)
    asking.clock.offset += 60_000
    with pytest.raises(InactiveTokenError):
        asking.claims(token)
    with pytest.raises(InactiveTokenError):
        asking.claims("never issued")


def test_a_client_that_signs_assertions(start: Start) -> None:
    """`private_key_jwt`, with a key that the provider knows by its kid."""
    provider = start(IDP_ALG="ES256")
    key = ec.generate_private_key(ec.SECP256R1())
    private = {**jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True), "kid": "client", "alg": "ES256"}
    public = {name: value for name, value in private.items() if name not in {"d", "key_ops"}}
    provider.post("clients", {"id": "signer", "auth_method": "private_key_jwt", "jwks": {"keys": [public]}})
    asking = Asking(provider, "private_key_jwt", "signer", json.dumps(private))
    for _ in range(2):  # a second request with a second assertion: none is used twice
        assert asking.claims(provider.token(resource=OPAQUE)).values["aud"] == OPAQUE


def test_refused_credentials_and_an_outage_are_no_statement_about_the_token(start: Start) -> None:
    """A wrong client secret and a broken provider are 500."""
    provider = start(IDP_ALG="ES256")
    token = provider.token(resource=OPAQUE)
    with pytest.raises(IntrospectionUnavailableError, match="http_401"):
        Asking(provider, "client_secret_basic", "authorizer", "wrong").claims(token)
    asking = Asking(provider, "client_secret_basic", "authorizer", "s3cret:with%signs")
    provider.post("break", {"status": 500})
    with pytest.raises(IntrospectionUnavailableError, match="http_500"):
        asking.claims(token)
    provider.post("break", {"status": 0})
    assert asking.claims(token)
