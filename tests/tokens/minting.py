"""Tokens of every kind, sound and broken, made by cryptography alone, so that no JWT library stands between."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from lambda_authorizer.jwk import Key, KeySet, parse_key_set
from lambda_authorizer.tokens import Issuer
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import Claims, issuer_for, verify_token

NOW = 1_800_000_000
URL = "https://issuer.example.test/pool"
AUDIENCE = "https://api.example.test"
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
OCTETS = {"ES256": 32, "ES384": 48, "ES512": 66}
NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
CLAIMS: Mapping[str, Any] = {
    "iss": URL,
    "aud": AUDIENCE,
    "sub": "user-1",
    "exp": NOW + 600,
    "iat": NOW - 10,
    "scope": "orders:read",
    "client_id": "app",
}


def b64(data: bytes) -> str:
    """Unpadded base64url."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, octets: int | None = None) -> str:
    """An integer as JWK members hold it."""
    return b64(value.to_bytes(octets or (value.bit_length() + 7) // 8, "big"))


def segment(value: object) -> str:
    """The base64url of bytes as they are, of text as UTF-8, of anything else as JSON."""
    if isinstance(value, bytes):
        return b64(value)
    if isinstance(value, str):
        return b64(value.encode())
    return b64(json.dumps(value, separators=(",", ":")).encode())


def private_key(algorithm: str, name: str = "main") -> Any:
    """One private key for each kind of algorithm and name, made once a run."""
    if algorithm[:2] in {"RS", "PS"}:
        return _rsa(name)
    if algorithm[:2] == "ES":
        return _ec(algorithm, name)
    return _ed(name)


@cache
def _ec(algorithm: str, _name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[algorithm]())


@cache
def _rsa(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _ed(_name: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def public_jwk(algorithm: str, name: str = "main", **members: object) -> dict[str, Any]:
    """The public half, as a key set holds it, with these members over it."""
    key = private_key(algorithm, name).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        jwk = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePublicKey):
        point, octets = key.public_numbers(), OCTETS[algorithm]
        jwk = {
            "kty": "EC",
            "crv": NAMES[algorithm],
            "x": number(point.x, octets),
            "y": number(point.y, octets),
        }
    else:
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_bytes_raw())}
    return {**jwk, "kid": name, **members}


def key_set(*jwks: dict[str, Any]) -> KeySet:
    """A parsed key set of these keys."""
    return parse_key_set(json.dumps({"keys": list(jwks)}))


def key_of(algorithm: str, name: str = "main", **members: object) -> Key:
    """One parsed key."""
    return key_set(public_jwk(algorithm, name, **members)).keys[0]


def raw_signature(algorithm: str, signed: bytes, name: str = "main") -> bytes:
    """A signature in the form that JWS uses."""
    key = private_key(algorithm, name)
    if algorithm[:2] == "Ed":
        return bytes(key.sign(signed))
    hashing = HASHES[algorithm[2:]]()
    if algorithm[:2] == "RS":
        return bytes(key.sign(signed, padding.PKCS1v15(), hashing))
    if algorithm[:2] == "PS":
        scheme = padding.PSS(padding.MGF1(hashing), padding.PSS.DIGEST_LENGTH)
        return bytes(key.sign(signed, scheme, hashing))
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashing)))
    return r.to_bytes(OCTETS[algorithm], "big") + s.to_bytes(OCTETS[algorithm], "big")


def sign(header: object, payload: object, algorithm: str = "ES256", name: str = "main") -> str:
    """Sign whatever is given as header and payload, however broken."""
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{b64(raw_signature(algorithm, signed.encode(), name))}"


def mint(
    claims: Mapping[str, Any] | None = None,
    *,
    without: tuple[str, ...] = (),
    algorithm: str = "ES256",
    header: Mapping[str, Any] | None = None,
    name: str = "main",
) -> str:
    """A sound token, with these claims over the usual ones."""
    payload = {key: value for key, value in {**CLAIMS, **(claims or {})}.items() if key not in without}
    return sign({"alg": algorithm, "kid": name, "typ": "JWT", **(header or {})}, payload, algorithm, name)


def issuer(**table: object) -> Issuer:
    """An issuer that takes the usual claims; what is None is left out."""
    whole = {"name": "main", "url": URL, "audience": [AUDIENCE], "algorithms": list(ALGORITHMS), **table}
    return issuer_from_table(
        {key: value for key, value in whole.items() if value is not None}, file="rules.toml", key="issuer[0]"
    )


def accept(
    token: str,
    trusted: Issuer | None = None,
    *,
    key: Key | None = None,
    now: float = NOW,
    algorithm: str = "ES256",
) -> Claims:
    """The whole way of a token: parse, choose the issuer, verify."""
    trusted = trusted or issuer()
    unverified = parse_token(token)
    return verify_token(unverified, key or key_of(algorithm), issuer_for(unverified, [trusted]), now)
