"""An introspection endpoint learns who asks, and nobody else does."""

import json
from base64 import b64decode
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.client_auth import ClientAuth, check_secret, secret_reader
from lambda_authorizer.fetch.secrets import UnavailableError
from lambda_authorizer.tokens import IntrospectionConfig

ISSUER = "https://id.example"


def config(auth: str, secret: str = "env:CLIENT_SECRET") -> IntrospectionConfig:
    """Return the configuration of a client."""
    return IntrospectionConfig("discover", ISSUER, auth, "api:client/1", secret, 60, 10)  # type: ignore[arg-type]


def auth_with(method: str, secret: str) -> ClientAuth:
    """Return a client whose secret is this text."""
    return ClientAuth(config(method), lambda _reference: secret)


def test_client_secret_basic_is_encoded_before_it_is_joined() -> None:
    """A colon or a per cent sign in id or secret arrives as itself (RFC 6749 section 2.3.1)."""
    fields, headers = auth_with("client_secret_basic", "s:e cr%t+ä").apply(ISSUER)
    assert fields == {}
    scheme, _, value = headers["Authorization"].partition(" ")
    assert (scheme, b64decode(value)) == ("Basic", b"api%3Aclient%2F1:s%3Ae+cr%25t%2B%C3%A4")


def test_client_secret_post_puts_both_into_the_form() -> None:
    """No header is sent."""
    assert auth_with("client_secret_post", "s3cret").apply(ISSUER) == (
        {"client_id": "api:client/1", "client_secret": "s3cret"},
        {},
    )


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """Return a private key's PEM text."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEYS: list[
    tuple[str, Callable[[], "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey"]]
] = [
    ("RS256", lambda: rsa.generate_private_key(65537, 2048)),
    ("ES256", lambda: ec.generate_private_key(ec.SECP256R1())),
    ("ES384", lambda: ec.generate_private_key(ec.SECP384R1())),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate),
]


@pytest.mark.parametrize(("algorithm", "make"), KEYS, ids=[name for name, _ in KEYS])
def test_private_key_jwt_signs_an_assertion_for_one_use(
    algorithm: str, make: Callable[[], rsa.RSAPrivateKey]
) -> None:
    """The assertion names client, issuer and a minute, and no two are the same (RFC 7523 section 3)."""
    key = make()
    auth = auth_with("private_key_jwt", pem(key))
    first, headers = auth.apply(ISSUER)
    second, _ = auth.apply(ISSUER)
    assert headers == {}
    assert first["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    claims = jwt.decode(first["client_assertion"], key.public_key(), [algorithm], audience=ISSUER)
    assert (claims["iss"], claims["sub"]) == ("api:client/1", "api:client/1")
    assert claims["exp"] - claims["iat"] == 60
    assert claims["jti"] != jwt.decode(second["client_assertion"], options={"verify_signature": False})["jti"]


def test_a_jwk_brings_its_kid() -> None:
    """The issuer finds the client's key by its kid."""
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = {**jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True), "kid": "client-key"}
    fields, _ = auth_with("private_key_jwt", json.dumps(jwk)).apply(ISSUER)
    assert jwt.get_unverified_header(fields["client_assertion"])["kid"] == "client-key"
    del jwk["kid"]
    fields, _ = auth_with("private_key_jwt", json.dumps(jwk)).apply(ISSUER)
    assert "kid" not in jwt.get_unverified_header(fields["client_assertion"])


@pytest.mark.parametrize(
    "secret",
    [
        "no key at all",
        '{"kty": "EC"}',
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        json.dumps(
            jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
        ),
    ],
    ids=["text", "half a JWK", "public PEM", "public JWK"],
)
def test_what_is_no_private_key_is_refused_without_showing_it(secret: str) -> None:
    """The slug says so; the text stays out of every message."""
    with pytest.raises(FetchError) as caught:
        auth_with("private_key_jwt", secret).apply(ISSUER)
    assert caught.value.slug == "secret_unusable"
    assert caught.value.__suppress_context__


def test_the_secret_is_read_once_and_again_after_it_was_refused() -> None:
    """A rotated secret is picked up without a new deployment."""
    reads: list[str] = []

    def read(reference: str) -> str:
        reads.append(reference)
        return f"secret-{len(reads)}"

    auth = ClientAuth(config("client_secret_post", "ssm:/client"), read)
    assert auth.apply(ISSUER)[0]["client_secret"] == "secret-1"
    assert auth.apply(ISSUER)[0]["client_secret"] == "secret-1"
    auth.forget()
    assert auth.apply(ISSUER)[0]["client_secret"] == "secret-2"
    assert reads == ["ssm:/client"] * 2
    assert "secret" not in repr(auth).replace("client_secret_post", "")


def test_a_secret_of_the_environment() -> None:
    """`env:` is for local runs."""
    assert secret_reader({"CLIENT_SECRET": "s3cret"})("env:CLIENT_SECRET") == "s3cret"


def test_a_secret_of_aws() -> None:
    """Secrets Manager and SSM are read the way usage keys are; the newline that an editor left is dropped."""
    asked: list[tuple[str, str]] = []

    def sdk(service: str, name: str) -> str:
        asked.append((service, name))
        return "s3cret\n"

    read = secret_reader({}, sdk=sdk)
    fields, _ = ClientAuth(config("client_secret_post", "ssm:/client"), read).apply(ISSUER)
    assert fields["client_secret"] == "s3cret"
    assert read("secretsmanager:client") == "s3cret\n"
    assert asked == [("ssm", "/client"), ("secretsmanager", "client")]


def test_a_secret_that_cannot_be_had_is_an_outage() -> None:
    """The slug says so, and nothing of what AWS said."""

    def sdk(_service: str, _name: str) -> str:
        raise UnavailableError("AccessDenied for arn:…")

    with pytest.raises(FetchError) as caught:
        secret_reader({}, sdk=sdk)("ssm:/client")
    assert caught.value.slug == "secret_unavailable"
    assert caught.value.__suppress_context__


def test_a_variable_that_is_not_set_stops_the_start() -> None:
    """The message names the variable."""
    check_secret(config("client_secret_post"), {"CLIENT_SECRET": "s3cret"}, "issuer main")
    check_secret(config("client_secret_post", "ssm:/client"), {}, "issuer main")
    with pytest.raises(ConfigurationError, match="CLIENT_SECRET"):
        check_secret(config("client_secret_post"), {}, "issuer main")
