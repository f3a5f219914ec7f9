"""Key sets of an issuer: which keys can be used, for which algorithm, and one signature checked with one of them.

Laws of this file: a key that is not surely fit to verify is left out and its reason word kept; nothing of a
key's material is ever shown; keys are built from their numbers through cryptography's public API when they are
first used, so that importing this module costs nothing. RFC 7517, 7518 section 6, 7638, 8037, 9864.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from lambda_authorizer.encoding import decode_base64url, decode_json_set

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Final

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

    PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

# Algorithm -> kty, crv. Symmetric algorithms and `none` do not exist here: a published set cannot hold their key.
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # RFC 9864: the fully specified name
}

MAX_KEYS: Final = 100
MAX_BODY_BYTES: Final = 512 * 1024
_MIN_RSA_BITS: Final = 2048
_MAX_RSA_BITS: Final = 8192
_MAX_RSA_EXPONENT_BITS: Final = 64
# CVE-2017-15361 (ROCA): a modulus of that faulty generator is a power of 65537 modulo each of these primes. With
# each goes the order of 65537, to which "is a power of it" comes down; chance passes once in 200 million.
_ROCA_PRIMES: Final = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA_ORDERS: Final = (2, 6, 8, 9, 3, 26, 20, 35, 24, 13, 6, 51, 53, 54, 42, 50, 78)
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

# Prime, coefficient b and octets of a coordinate; `a` is -3 on all three (FIPS 186-4, D.1.2).
_CURVES: Final[Mapping[str, tuple[int, int, int]]] = {
    "P-256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        32,
    ),
    "P-384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        48,
    ),
    "P-521": (
        2**521 - 1,
        int(
            "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF1"
            "09E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00",
            16,
        ),
        66,
    ),
}
_ED25519_PRIME: Final = 2**255 - 19
_ED25519_OCTETS: Final = 32
_ED25519_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# y of the points of small order: a "signature" by such a key says nothing (RFC 8032 section 5.1.7, the cofactor).
_ED25519_SMALL_ORDER: Final = frozenset(
    {0, 1, _ED25519_PRIME - 1, _ED25519_ORDER_8, _ED25519_PRIME - _ED25519_ORDER_8}
)


class InvalidKeySetError(ValueError):
    """The document is no JWK Set (RFC 7517 section 5)."""


class _UnusableKeyError(Exception):
    """One key of the set cannot be used; the text is the reason word."""


class Key:
    """One public key that may verify signatures; its repr shows no material."""

    __slots__ = ("_checks", "_numbers", "_public", "alg", "algorithms", "crv", "issuer", "kid", "kty")

    def __init__(  # noqa: PLR0913 - the members of a JWK, as the RFC lists them
        self,
        kid: str | None,
        kty: str,
        crv: str | None,
        *,
        alg: str | None,
        issuer: str | None,
        numbers: tuple[int, int] | bytes,
    ) -> None:
        self.kid = kid
        self.kty = kty
        self.crv = crv
        self.alg = alg
        self.issuer = issuer  # Entra ID only: the one issuer, or pattern of issuers, that signs with this key
        self.algorithms = frozenset(
            name for name, needs in ALGORITHMS.items() if needs == (kty, crv) and alg in {None, name}
        )
        self._numbers = numbers
        self._public: PublicKey | None = None
        self._checks: dict[str, Callable[[bytes, bytes], bool]] = {}

    def __repr__(self) -> str:
        return f"Key(kty={self.kty!r}, crv={self.crv!r}, alg={self.alg!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return (self.kid, self.kty, self.crv, self.alg, self.issuer, self._numbers)

    @property
    def public(self) -> PublicKey:
        """The key as cryptography knows it."""
        if self._public is None:
            self._public = _build(self.kty, self.crv, self._numbers)
        return self._public

    def verify(self, algorithm: str, signature: bytes, signed: bytes) -> bool:
        """Say whether `signature` over `signed` is this key's, made with `algorithm`."""
        check = self._checks.get(algorithm)
        if check is None:
            if algorithm not in self.algorithms:
                return False
            check = self.prepare(algorithm)
        return check(signature, signed)

    def prepare(self, algorithm: str) -> Callable[[bytes, bytes], bool]:
        """Make the check of one of `algorithms` now, so that the first caller does not wait for it."""
        check = self._checks[algorithm] = _check_for(algorithm, self.public)
        return check


class KeySet:
    """The usable keys of one document, and why the others are not."""

    __slots__ = ("_by_kid", "keys", "skipped")

    def __init__(self, keys: tuple[Key, ...], skipped: tuple[str, ...] = ()) -> None:
        self.keys = keys
        self.skipped = skipped
        self._by_kid: dict[str | None, tuple[Key, ...]] = {}
        for key in keys:
            self._by_kid[key.kid] = (*self._by_kid.get(key.kid, ()), key)

    def __repr__(self) -> str:
        return f"KeySet({len(self.keys)} keys, {len(self.skipped)} skipped)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeySet) and self.keys == other.keys

    def __hash__(self) -> int:
        return hash(self.keys)

    def candidates(self, kid: str | None, alg: str) -> tuple[Key, ...]:
        """Return the keys that fit: those of this `kid`, or all where the token names none."""
        named = self.keys if kid is None else self._by_kid.get(kid, ())
        return tuple([key for key in named if alg in key.algorithms])

    def prepare(self, algorithms: Iterable[str]) -> None:
        """Load what these algorithms need and build each key: work for the start, not for the first caller."""
        for algorithm in algorithms:
            for key in self.keys:
                if algorithm in key.algorithms:
                    key.prepare(algorithm)

    def find(self, kid: str | None, alg: str) -> Key | None:
        """Return the one key that fits; `None` where there is none, and where there are several."""
        named = self.keys if kid is None else self._by_kid.get(kid, ())
        if len(named) == 1:  # the usual case, without a second tuple
            return named[0] if alg in named[0].algorithms else None
        fitting = self.candidates(kid, alg)
        return fitting[0] if len(fitting) == 1 else None


def parse_key_set(body: bytes | str) -> KeySet:
    """Return the keys of a JWK Set that may verify signatures.

    Raises:
        InvalidKeySetError: it is no JSON object with a `keys` array, or it is over a bound.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidKeySetError("the key set is too large")
    try:
        document = decode_json_set(body.encode("utf-8") if isinstance(body, str) else body)
    except ValueError:
        raise InvalidKeySetError("the key set is no JSON") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise InvalidKeySetError("the key set is no JSON object with an array `keys`")
    if len(members) > MAX_KEYS:
        raise InvalidKeySetError("the key set has too many keys")
    keys: list[Key] = []
    skipped: list[str] = []
    for member in members:
        try:
            key = _parse_key(member)
        except _UnusableKeyError as error:
            skipped.append(str(error))
        else:
            if key not in keys:  # the same key twice is no ambiguity
                keys.append(key)
    return KeySet(tuple(keys), tuple(skipped))


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638; RFC 8037 section 2 for OKP).

    Raises:
        InvalidKeySetError: a member that the thumbprint is made of is missing or not a string.
    """
    import json
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    names = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
    needed = {name: jwk.get(name) for name in names.get(str(jwk.get("kty")), ())}
    if not needed or not all(isinstance(value, str) for value in needed.values()):
        raise InvalidKeySetError("the key has no thumbprint: a required member is missing")
    text = json.dumps(needed, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


def _parse_key(jwk: object) -> Key:
    if not isinstance(jwk, dict):
        raise _UnusableKeyError("not_an_object_of_unique_members")
    kty = jwk.get("kty")
    if kty == "oct":
        raise _UnusableKeyError("symmetric")
    if kty not in ("RSA", "EC", "OKP"):
        raise _UnusableKeyError("kty")
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise _UnusableKeyError("private")
    if jwk.get("use", "sig") != "sig":
        raise _UnusableKeyError("use")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _UnusableKeyError("key_ops")
    kid, alg, issuer = (_string_or_none(jwk, name) for name in ("kid", "alg", "issuer"))
    crv: str | None = None
    numbers: tuple[int, int] | bytes
    if kty == "RSA":
        numbers = _rsa_numbers(jwk)
    elif kty == "EC":
        crv, numbers = _ec_numbers(jwk)
    else:
        crv, numbers = _ed25519_numbers(jwk)
    key = Key(kid, kty, crv, alg=alg, issuer=issuer, numbers=numbers)
    if not key.algorithms:
        raise _UnusableKeyError("alg")
    return key


def _string_or_none(jwk: dict[str, Any], name: str) -> str | None:
    value = jwk.get(name)
    if name in jwk and not isinstance(value, str):
        raise _UnusableKeyError(name)
    return value


def _octets(jwk: dict[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise _UnusableKeyError(name)
    try:
        return decode_base64url(value.encode("ascii"))
    except ValueError:
        raise _UnusableKeyError("encoding") from None


def _rsa_numbers(jwk: dict[str, Any]) -> tuple[int, int]:
    modulus = int.from_bytes(_octets(jwk, "n"), "big")
    exponent = int.from_bytes(_octets(jwk, "e"), "big")
    if not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS or modulus % 2 == 0:
        raise _UnusableKeyError("size")
    # e = 1 makes every number its own signature; an even e belongs to no RSA key; a huge one only costs time.
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > _MAX_RSA_EXPONENT_BITS:  # noqa: PLR2004
        raise _UnusableKeyError("exponent")
    if all(pow(modulus, order, prime) == 1 for prime, order in zip(_ROCA_PRIMES, _ROCA_ORDERS, strict=True)):
        raise _UnusableKeyError("roca")
    return exponent, modulus


def _ec_numbers(jwk: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    crv = jwk.get("crv")
    if not isinstance(crv, str) or crv not in _CURVES:
        raise _UnusableKeyError("crv")
    prime, b, octets = _CURVES[crv]
    x_octets, y_octets = _octets(jwk, "x"), _octets(jwk, "y")
    if len(x_octets) != octets or len(y_octets) != octets:
        raise _UnusableKeyError("size")
    x, y = int.from_bytes(x_octets, "big"), int.from_bytes(y_octets, "big")
    # The invalid curve attack; the curves have cofactor 1, so that a point on the curve is a point of the group.
    if x >= prime or y >= prime or (y * y - (x * x * x - 3 * x + b)) % prime:
        raise _UnusableKeyError("point")
    return crv, (x, y)


def _ed25519_numbers(jwk: dict[str, Any]) -> tuple[str, bytes]:
    if jwk.get("crv") != "Ed25519":
        raise _UnusableKeyError("crv")
    octets = _octets(jwk, "x")
    if len(octets) != _ED25519_OCTETS:
        raise _UnusableKeyError("size")
    y = int.from_bytes(octets, "little") & (2**255 - 1)
    if y >= _ED25519_PRIME or y in _ED25519_SMALL_ORDER:
        raise _UnusableKeyError("point")
    return "Ed25519", octets


def _build(kty: str, crv: str | None, numbers: tuple[int, int] | bytes) -> PublicKey:
    """Return cryptography's key; each branch imports only what its kind of key needs."""
    if isinstance(numbers, bytes):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(numbers)
    if kty == "RSA":
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

        return RSAPublicNumbers(*numbers).public_key()
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: dict[str, type[ec.EllipticCurve]] = {
        "P-256": ec.SECP256R1,
        "P-384": ec.SECP384R1,
        "P-521": ec.SECP521R1,
    }
    return ec.EllipticCurvePublicNumbers(*numbers, curves[crv or ""]()).public_key()


def _check_for(algorithm: str, public: Any) -> Callable[[bytes, bytes], bool]:
    """Return the signature check of one key under one algorithm, with everything constant made once."""
    if algorithm in {"EdDSA", "Ed25519"}:
        return _plain_check(public.verify)
    from cryptography.hazmat.primitives import hashes

    hashings: dict[str, type[HashAlgorithm]] = {
        "256": hashes.SHA256,
        "384": hashes.SHA384,
        "512": hashes.SHA512,
    }
    hashing = hashings[algorithm[2:]]()
    if algorithm.startswith("ES"):
        return _ecdsa_check(public.verify, hashing, _CURVES[ALGORITHMS[algorithm][1] or ""][2])
    from cryptography.hazmat.primitives.asymmetric import padding

    if algorithm.startswith("PS"):
        # RFC 7518 section 3.5: the salt is as long as the hash, and MGF1 uses the same hash.
        return _plain_check(public.verify, padding.PSS(padding.MGF1(hashing), padding.PSS.DIGEST_LENGTH), hashing)
    return _plain_check(public.verify, padding.PKCS1v15(), hashing)


def _plain_check(verify: Callable[..., None], *arguments: object) -> Callable[[bytes, bytes], bool]:
    from cryptography.exceptions import InvalidSignature

    def check(signature: bytes, signed: bytes) -> bool:
        try:
            verify(signature, signed, *arguments)
        except InvalidSignature:
            return False
        return True

    return check


def _ecdsa_check(
    verify: Callable[..., None], hashing: HashAlgorithm, octets: int
) -> Callable[[bytes, bytes], bool]:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    plain = _plain_check(verify, ECDSA(hashing))
    number = int.from_bytes

    def check(signature: bytes, signed: bytes) -> bool:
        # RFC 7518 section 3.4: R and S side by side at full length. DER has another length, or other numbers.
        if len(signature) != 2 * octets:
            return False
        r, s = number(signature[:octets], "big"), number(signature[octets:], "big")
        # Zero is the "psychic signature", CVE-2022-21449; numbers above the group's order are refused by OpenSSL.
        return bool(r and s) and plain(encode_dss_signature(r, s), signed)

    return check
