"""An identity provider in the test's own process: its keys, its good tokens, and its bad ones by name.

1. Every key is made when it is asked for and never leaves the process; only public halves can be exported.
2. Tokens are made with PyJWT, which the toolkit does not verify with: a mistake of one is seen by the other.
3. Nothing here reads a token.

`provider.py` puts the same issuer behind a socket, with discovery, a token endpoint and introspection.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import HMACAlgorithm, get_default_algorithms

from lambda_authorizer.errors import (
    ExpiredError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidSignatureError,
    MalformedTokenError,
    NotYetValidError,
    TokenTooLargeError,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    UntrustedIssuerError,
)

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
    *("EdDSA", "Ed25519"),
)
"""Every signature algorithm that the toolkit verifies."""

_CURVES: Final[Mapping[str, type[ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1]]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
_RSA_BITS: Final = 2048
_RSA_EXPONENT: Final = 65537
_DAY: Final = 86400

Json = dict[str, Any]


def _private_key(algorithm: str) -> Any:
    """Return a fresh private key that fits the algorithm."""
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm.startswith("Ed"):
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS)


def encode_segment(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class SigningKey:
    """One key pair of an issuer; its text shows the `kid` and never the key."""

    __slots__ = ("_private", "_signer", "algorithm", "kid")

    def __init__(self, algorithm: str, kid: str) -> None:
        """Make a fresh key pair.

        Raises:
            ValueError: the algorithm is none of `ALGORITHMS`.
        """
        if algorithm not in ALGORITHMS:
            raise ValueError(f"no signature algorithm; allowed: {', '.join(ALGORITHMS)}")
        self.algorithm = algorithm
        self.kid = kid
        self._private = _private_key(algorithm)
        # RFC 9864 gave EdDSA over Ed25519 a name of its own; the signature is the same.
        self._signer: Any = get_default_algorithms()["EdDSA" if algorithm == "Ed25519" else algorithm]

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm!r}, {self.kid!r})"

    @property
    def jwk(self) -> Json:
        """The public half (RFC 7517)."""
        return {
            **self._signer.to_jwk(self._private.public_key(), as_dict=True),
            "kid": self.kid,
            "use": "sig",
            "alg": self.algorithm,
        }

    @property
    def public_pem(self) -> bytes:
        """The public half as PEM, which an algorithm confusion takes for an HMAC secret."""
        pem: bytes = self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def sign(self, header: Mapping[str, object], payload: bytes) -> str:
        """Return the compact serialization over exactly this header and payload, whatever they say."""
        signed = f"{encode_segment(_json(header))}.{encode_segment(payload)}"
        return f"{signed}.{encode_segment(self._signer.sign(signed.encode(), self._private))}"


class FakeIssuer:
    """An issuer that a test owns.

    Args:
        url: what `iss` says.
        audience: what `aud` says.
        algorithm: of the first key, and of `rotate` unless told otherwise. ES256 is made in a tenth of a
            millisecond, an RSA key in fifty.
        clock: seconds since the epoch; tokens are valid from then.
    """

    def __init__(
        self,
        url: str = "https://issuer.example/",
        *,
        audience: str | list[str] = "https://api.example",
        algorithm: str = "ES256",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = url
        self.audience = audience
        self.algorithm = algorithm
        self.clock = clock
        self._made = 0
        self.keys: list[SigningKey] = []
        self.rotate()

    @property
    def key(self) -> SigningKey:
        """The key that signs: the newest."""
        return self.keys[0]

    @property
    def jwks(self) -> Json:
        """The public key set."""
        return {"keys": [key.jwk for key in self.keys]}

    @property
    def settings(self) -> dict[str, str]:
        """The environment under which a function trusts this issuer alone, with the key set inline."""
        audience = self.audience if isinstance(self.audience, str) else self.audience[0]
        return {"ISSUER": self.url, "AUDIENCE": audience, "JWKS": json.dumps(self.jwks)}

    def rotate(self, algorithm: str | None = None, *, keep: bool = True) -> SigningKey:
        """Put a fresh key first and return it; with `keep=False` the old ones are withdrawn."""
        self._made += 1
        key = SigningKey(algorithm or self.algorithm, f"key-{self._made}")
        self.keys = [key, *(self.keys if keep else ())]
        return key

    def claims(self, claims: Mapping[str, object] | None = None, *, lifetime: float = 300) -> Json:
        """Return a token's claims: the registered ones, and over them the caller's; None leaves one out."""
        now = int(self.clock())
        whole: Json = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "tester",
            "iat": now,
            "exp": now + lifetime,
            **(claims or {}),
        }
        return {name: value for name, value in whole.items() if value is not None}

    def mint(
        self,
        claims: Mapping[str, object] | None = None,
        *,
        lifetime: float = 300,
        key: SigningKey | None = None,
        header: Mapping[str, object] | None = None,
    ) -> str:
        """Return a signed access token (RFC 9068 shape).

        Args:
            claims: laid over `iss`, `aud`, `sub`, `iat` and `exp`; a None leaves that claim out.
            lifetime: seconds until `exp`.
            key: signs, in place of the newest key.
            header: laid over `alg`, `kid` and `typ`; a None leaves that member out.
        """
        signing = key or self.key
        members = {"alg": signing.algorithm, "typ": "at+jwt", "kid": signing.kid, **(header or {})}
        kept = {name: value for name, value in members.items() if value is not None}
        return signing.sign(kept, _json(self.claims(claims, lifetime=lifetime)))

    def bad(self, name: str, claims: Mapping[str, object] | None = None) -> str:
        """Return the bad token of that name; `BAD_TOKENS` tells each name's reason.

        Raises:
            KeyError: no bad token has that name.
        """
        make, _ = _BAD[name]
        return make(self, dict(claims or {}))


def _with(**claims: object) -> Callable[[FakeIssuer, Json], str]:
    return lambda issuer, given: issuer.mint(given | claims)


def _later(*names: str, seconds: float) -> Callable[[FakeIssuer, Json], str]:
    """Make a token with these times shifted from now."""
    return lambda issuer, given: issuer.mint(given | dict.fromkeys(names, int(issuer.clock() + seconds)))


def _other_key(issuer: FakeIssuer, given: Json) -> str:
    """Sign with a key that has the right `kid` and is not the issuer's."""
    return issuer.mint(given, key=SigningKey(issuer.key.algorithm, issuer.key.kid))


def _unknown_key(issuer: FakeIssuer, given: Json) -> str:
    return issuer.mint(given, key=SigningKey(issuer.key.algorithm, "nobody's"))


def _bad_signature(issuer: FakeIssuer, given: Json) -> str:
    """Turn one bit of the signature over, in a character without spare bits."""
    head, _, signature = issuer.mint(given).rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _tampered(issuer: FakeIssuer, given: Json) -> str:
    """Put other claims under a good signature."""
    head, _, signature = issuer.mint(given).split(".")
    payload = _json(issuer.claims(given | {"sub": "somebody-else"}))
    return f"{head}.{encode_segment(payload)}.{signature}"


def _unsigned(issuer: FakeIssuer, given: Json) -> str:
    return jwt.encode(issuer.claims(given), "", algorithm="none", headers={"kid": issuer.key.kid})


def _confused(issuer: FakeIssuer, given: Json) -> str:
    """Use the public key as an HMAC secret (CVE-2015-9235)."""
    header = _json({"alg": "HS256", "typ": "at+jwt", "kid": issuer.key.kid})
    signed = f"{encode_segment(header)}.{encode_segment(_json(issuer.claims(given)))}"
    mac = HMACAlgorithm(HMACAlgorithm.SHA256).sign(signed.encode(), issuer.key.public_pem)
    return f"{signed}.{encode_segment(mac)}"


def _not_json(issuer: FakeIssuer, _given: Json) -> str:
    return issuer.key.sign({"alg": issuer.key.algorithm, "kid": issuer.key.kid}, b"sub=tester")


_BAD: Final[Mapping[str, tuple[Callable[[FakeIssuer, Json], str], str]]] = {
    "expired": (_later("exp", seconds=-_DAY), ExpiredError.reason),
    "not-yet-valid": (_later("nbf", "exp", seconds=_DAY), NotYetValidError.reason),
    "issued-in-the-future": (_later("iat", "exp", seconds=_DAY), NotYetValidError.reason),
    "no-expiry": (_with(exp=None), InvalidClaimError.reason),
    "text-expiry": (_with(exp="tomorrow"), InvalidClaimError.reason),
    "wrong-audience": (_with(aud="https://other.example"), InvalidAudienceError.reason),
    "no-audience": (_with(aud=None), InvalidAudienceError.reason),
    "wrong-issuer": (_with(iss="https://evil.example/"), UntrustedIssuerError.reason),
    "bad-signature": (_bad_signature, InvalidSignatureError.reason),
    "tampered": (_tampered, InvalidSignatureError.reason),
    "other-key": (_other_key, InvalidSignatureError.reason),
    "unknown-key": (_unknown_key, UnknownKeyError.reason),
    "alg-none": (_unsigned, UnsupportedAlgorithmError.reason),
    "hmac-with-public-key": (_confused, UnsupportedAlgorithmError.reason),
    "critical-header": (
        lambda issuer, given: issuer.mint(given, header={"crit": ["b64"], "b64": False}),
        MalformedTokenError.reason,
    ),
    "truncated": (lambda issuer, given: issuer.mint(given).rpartition(".")[0], MalformedTokenError.reason),
    "padded": (lambda issuer, given: issuer.mint(given) + "==", MalformedTokenError.reason),
    "encrypted": (lambda issuer, given: issuer.mint(given) + ".e30.e30", MalformedTokenError.reason),
    "not-json": (_not_json, MalformedTokenError.reason),
    "not-a-token": (lambda _issuer, _given: "opaque-text", MalformedTokenError.reason),
    "too-large": (_with(padding="x" * 64_000), TokenTooLargeError.reason),
}

BAD_TOKENS: Final[Mapping[str, str]] = {name: reason for name, (_, reason) in _BAD.items()}
"""Name of each bad token to the reason slug with which the toolkit refuses it."""
