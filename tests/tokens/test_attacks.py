"""Published attacks on JWT verifiers: each row of tests/vectors/attacks.toml is refused for its own reason."""

import hashlib
import hmac
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.tokens.minting import (
    CLAIMS,
    accept,
    b64,
    issuer,
    key_of,
    key_set,
    mint,
    number,
    private_key,
    public_jwk,
    raw_signature,
    segment,
    sign,
)

from lambda_authorizer.errors import InvalidSignatureError, TokenError

VECTORS = Path(__file__).parents[1] / "vectors"
ATTACKS: list[dict[str, Any]] = tomllib.loads((VECTORS / "attacks.toml").read_text(encoding="utf-8"))["attack"]
PKCS1_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
Row = dict[str, Any]


def whole(header: object, payload: object = None) -> str:
    """Header and payload without a signature."""
    return f"{segment(header)}.{segment(dict(CLAIMS) if payload is None else payload)}"


def alg_none(row: Row) -> str:
    """The signature is left out, and the header says so."""
    return whole({"alg": row["value"]}) + "."


def hmac_token(secret: bytes) -> str:
    """A token whose secret is something public."""
    signed = whole({"alg": "HS256", "kid": "main"})
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def hmac_with_public_pem(_: Row) -> str:
    """The public key as PEM text."""
    key = private_key("RS256").public_key()
    return hmac_token(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def hmac_with_public_ssh(_: Row) -> str:
    """The public key as OpenSSH writes it."""
    key = private_key("EdDSA").public_key()
    return hmac_token(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def hmac_with_public_jwk(_: Row) -> str:
    """The public key as its JWK's text."""
    return hmac_token(json.dumps(public_jwk("RS256")).encode())


def brought_along(row: Row) -> str:
    """The attacker's own key, named in the header, under the kid of the good one."""
    jwk = public_jwk("ES256", "attacker", kid="main")
    member = {"jwk": jwk, "jku": "http://127.0.0.1:9/k", "x5u": "http://127.0.0.1:9/c", "x5c": ["MIIB"]}[
        row["value"]
    ]
    return mint(name="attacker", header={"kid": "main", row["value"]: member})


def kid(row: Row) -> str:
    """A key id that is more than a name to some verifiers."""
    return mint(header={"kid": row["value"]})


def psychic(_: Row) -> str:
    """Zeros."""
    return whole({"alg": "ES256", "kid": "main"}) + "." + b64(b"\0" * 64)


def empty_signature(_: Row) -> str:
    """Two dots and nothing."""
    return mint().rpartition(".")[0] + "."


def der_signature(_: Row) -> str:
    """The right numbers in the wrong form."""
    signed = whole({"alg": "ES256", "kid": "main"})
    raw = raw_signature("ES256", signed.encode())
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    return f"{signed}.{b64(der)}"


def bleichenbacher(_: Row) -> str:
    """A cube root whose cube begins like a PKCS #1 block: made without any private key."""
    signed = whole({"alg": "RS256", "kid": "main"})
    block = b"\0\1\xff\0" + PKCS1_SHA256 + hashlib.sha256(signed.encode()).digest()
    target = int.from_bytes(block + b"\xff" * (256 - len(block)), "big")
    low, high = 0, 1 << 700
    while low < high:  # the largest number whose cube is not above the target
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= target else (low, middle - 1)
    assert (low**3).to_bytes(256, "big").startswith(block)
    return f"{signed}.{b64(low.to_bytes(256, 'big'))}"


def header(row: Row) -> str:
    """Properly signed, with these header members."""
    return mint(header=row["header"])


def raw_header(row: Row) -> str:
    """Properly signed, whatever the header says."""
    return sign(row["value"], dict(CLAIMS))


def raw_payload(row: Row) -> str:
    """Properly signed, with this text in front of the usual claims."""
    nested = row.get("value_nested", 0)
    value = row.get("value") or f'"a":{"[" * nested}{"]" * nested}'
    return sign({"alg": "ES256", "kid": "main"}, "{" + value + "," + json.dumps(dict(CLAIMS))[1:])


def polyglot(_: Row) -> str:
    """A JSON object one of whose member names is a compact token."""
    head, payload, signature = mint().split(".")
    forged = segment({**CLAIMS, "sub": "admin"})
    return json.dumps({f" {head}.{forged}.": "", "protected": head, "payload": payload, "signature": signature})


def jwe(row: Row) -> str:
    """Five segments."""
    return f"{segment(row['value'])}.AAAA.AAAA.AAAA.AAAA"


def append(row: Row) -> str:
    """One character more."""
    return mint() + str(row["value"])


def spare_bits(_: Row) -> str:
    """The last character's unused bits are set."""
    token = mint()
    return token[:-1] + chr(ord(token[-1]) + 1)


def claims(row: Row) -> str:
    """Properly signed, with these claims."""
    return mint(row["claims"])


def without(row: Row) -> str:
    """Properly signed, without this claim."""
    return mint(without=(row["value"],))


def other_key(_: Row) -> str:
    """Signed by somebody else's key under the same kid."""
    return mint(name="other issuer", header={"kid": "main"})


def utf16(_: Row) -> str:
    """Properly signed, in another encoding."""
    return sign({"alg": "ES256", "kid": "main"}, json.dumps(dict(CLAIMS)).encode("utf-16"))


def huge(_: Row) -> str:
    """Properly signed, with a megabyte of claims."""
    return mint({"a": "A" * 1_000_000})


def pss_as_pkcs1(_: Row) -> str:
    """The other RSA scheme."""
    signed = whole({"alg": "RS256", "kid": "main"})
    return f"{signed}.{b64(raw_signature('PS256', signed.encode()))}"


CRAFTS: dict[str, Callable[[Row], str]] = {
    craft.__name__: craft
    for craft in (
        *(alg_none, hmac_with_public_pem, hmac_with_public_ssh, hmac_with_public_jwk, brought_along, kid, psychic),
        *(empty_signature, der_signature, bleichenbacher, header, raw_header, raw_payload, polyglot, jwe, append),
        *(spare_bits, claims, without, other_key, utf16, huge, pss_as_pkcs1),
    )
}
KEY_SETS: dict[str, dict[str, Any]] = {
    "rsa_1024": {"kty": "RSA", "n": number(2**1023 + 1), "e": "AQAB"},
    "rsa_exponent_1": {"kty": "RSA", "n": number(2**2047 + 1), "e": "AQ"},
    "off_curve": {"kty": "EC", "crv": "P-256", "x": b64(b"\1" * 32), "y": b64(b"\2" * 32)},
    "small_order": {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\1" + b"\0" * 31)},
    "symmetric": {"kty": "oct", "alg": "HS256", "k": "AAAA"},
    "encryption": {"kty": "RSA", "use": "enc", "n": number(2**2047 + 1), "e": "AQAB"},
}


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row["name"])
def test_each_published_attack_is_refused_for_its_own_reason(row: Row) -> None:
    """Against the key that the attack is about, under an issuer that allows every algorithm."""
    if row["expect"] == "key skipped":
        found = key_set(KEY_SETS[row["value"]])
        assert not found.keys
        assert len(found.skipped) == 1
        return
    algorithm = "RS256" if row["craft"] in {"bleichenbacher", "pss_as_pkcs1"} else "ES256"
    key = key_of(algorithm)
    if row["craft"] == "bleichenbacher":
        modulus = private_key("RS256").public_key().public_numbers().n
        key = key_set({"kty": "RSA", "kid": "main", "n": number(modulus), "e": "Aw"}).keys[0]
    with pytest.raises(TokenError) as caught:
        accept(CRAFTS[row["craft"]](row), issuer(), key=key)
    assert caught.value.reason == row["expect"]


def test_every_row_has_a_reference_and_every_craft_is_used() -> None:
    """The table is complete, and nothing in this file is idle."""
    assert all(row["reference"] for row in ATTACKS)
    assert len({row["name"] for row in ATTACKS}) == len(ATTACKS) >= 40
    assert {row["craft"] for row in ATTACKS} == {*CRAFTS, "key_set"}
    assert {row["value"] for row in ATTACKS if row["craft"] == "key_set"} == set(KEY_SETS)


def test_the_usual_token_is_accepted() -> None:
    """So that each refusal above is about the attack."""
    assert accept(mint(), issuer()).values["sub"] == "user-1"
    with pytest.raises(InvalidSignatureError):
        accept(mint(name="attacker", header={"kid": "main"}), issuer())
