"""Key sets: which keys may verify, and why the others may not."""

import json
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.minting import OCTETS, b64, key_of, key_set, number, private_key, public_jwk, raw_signature

from lambda_authorizer.jwk import (
    _ED25519_SMALL_ORDER,
    _ROCA_ORDERS,
    _ROCA_PRIMES,
    ALGORITHMS,
    InvalidKeySetError,
    KeySet,
    parse_key_set,
    thumbprint,
)

P521_PRIME = 2**521 - 1
ED_PRIME = 2**255 - 19


def skipped(jwk: object) -> str:
    """The reason word of a set of this one key."""
    found = parse_key_set(json.dumps({"keys": [jwk, public_jwk("ES256", "good")]}))
    assert [key.kid for key in found.keys] == ["good"]
    return found.skipped[0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_verifies_what_its_key_signed(algorithm: str) -> None:
    """RFC 7518 section 3 and RFC 8037 section 3.1: RS, PS, ES in three sizes, EdDSA and Ed25519."""
    signature = raw_signature(algorithm, b"signed")
    key = key_of(algorithm)
    assert key.verify(algorithm, signature, b"signed")
    assert key.verify(algorithm, signature, b"signed")
    assert not key.verify(algorithm, signature, b"Signed")
    assert not key.verify(algorithm, bytes([signature[0] ^ 1]) + signature[1:], b"signed")
    assert not key.verify(algorithm, b"", b"signed")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_only_algorithms_of_its_kind(algorithm: str) -> None:
    """An algorithm of another kty or curve is refused, whatever the signature (RFC 8725 section 3.1)."""
    key = key_of(algorithm)
    for other, needs in ALGORITHMS.items():
        fits = needs == ALGORITHMS[algorithm]
        assert (other in key.algorithms) is fits
        if not fits:
            assert not key.verify(other, raw_signature(algorithm, b"signed"), b"signed")
    assert not key.verify("none", b"", b"signed")
    assert not key.verify("HS256", b"", b"signed")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_jwk_alg_narrows_the_key_to_that_algorithm(algorithm: str) -> None:
    """RFC 7517 section 4.4: where `alg` is present it must equal the token's."""
    assert key_of(algorithm, alg=algorithm).algorithms == {algorithm}


def test_jwk_alg_that_does_not_fit_the_key_is_never_selected() -> None:
    """An `alg` of another kind, an unknown one, and a symmetric one."""
    assert skipped(public_jwk("RS256", alg="ES256")) == "alg"
    assert skipped(public_jwk("ES256", alg="ES384")) == "alg"
    assert skipped(public_jwk("ES256", alg="HS256")) == "alg"
    assert skipped(public_jwk("RS256", alg="RSA-OAEP")) == "alg"
    assert skipped(public_jwk("RS256", alg=5)) == "alg"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":null}', b'{"keys":"x"}', b"\xff", b'{"keys":[],"keys":[]}', "x"],
)
def test_a_set_without_an_array_of_keys_is_an_error(body: bytes | str) -> None:
    """RFC 7517 section 5."""
    with pytest.raises(InvalidKeySetError):
        parse_key_set(body)


def test_a_set_over_a_bound_is_an_error() -> None:
    """512 KiB and 100 keys."""
    with pytest.raises(InvalidKeySetError, match="too large"):
        parse_key_set(b" " * (512 * 1024 + 1))
    with pytest.raises(InvalidKeySetError, match="too many"):
        parse_key_set(json.dumps({"keys": [{}] * 101}))
    assert len(parse_key_set(json.dumps({"keys": [{}] * 100})).skipped) == 100


def test_an_empty_set_is_read_as_empty() -> None:
    """Whether that counts as a failed refresh is the key source's business."""
    assert parse_key_set(b' {"keys": []}\n').keys == ()


@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        ("x", "not_an_object_of_unique_members"),
        (None, "not_an_object_of_unique_members"),
        ({}, "kty"),
        ({"kty": "XYZ"}, "kty"),
        ({"kty": ["RSA"]}, "kty"),
        ({"kty": "oct", "k": "AAAA"}, "symmetric"),
        (public_jwk("RS256", d="AAAA"), "private"),
        (public_jwk("RS256", p="AAAA"), "private"),
        (public_jwk("ES256", k="AAAA"), "private"),
        (public_jwk("EdDSA", d="AAAA"), "private"),
        (public_jwk("ES256", kid=7), "kid"),
        (public_jwk("ES256", kid=None), "kid"),
        (public_jwk("ES256", issuer=["x"]), "issuer"),
    ],
)  # fmt: skip
def test_a_broken_key_is_skipped_and_the_set_stands(jwk: object, reason: str) -> None:
    """Unknown kty and broken members skip that key, not the set; private and symmetric members are reported."""
    assert skipped(jwk) == reason


def test_a_key_that_names_a_member_twice_is_skipped() -> None:
    """RFC 7517 section 4: member names are unique; which one counts would be a guess."""
    good = json.dumps(public_jwk("ES256", "good"))
    found = parse_key_set('{"keys":[{"kty":"EC","kty":"RSA"},' + good + "]}")
    assert [key.kid for key in found.keys] == ["good"]
    assert found.skipped == ("not_an_object_of_unique_members",)


@pytest.mark.parametrize("use", ["enc", "SIG", "", None, 1, ["sig"]])
def test_use_other_than_sig_is_never_selected(use: object) -> None:
    """RFC 7517 section 4.2; values are case-sensitive."""
    assert skipped(public_jwk("RS256", use=use)) == "use"
    assert key_of("RS256", use="sig").kid == "main"


@pytest.mark.parametrize("operations", [[], ["sign"], ["encrypt", "Verify"], "verify", None, {"verify": 1}])
def test_key_ops_without_verify_is_never_selected(operations: object) -> None:
    """RFC 7517 section 4.3."""
    assert skipped(public_jwk("RS256", key_ops=operations)) == "key_ops"
    assert key_of("RS256", key_ops=["verify", "wrapKey"]).kid == "main"


def rsa_jwk(n: int, e: int) -> dict[str, Any]:
    """An RSA key of these numbers, sound or not."""
    return {"kty": "RSA", "kid": "x", "n": number(n), "e": number(e)}


@pytest.mark.parametrize(
    ("n", "e", "reason"),
    [
        (2**1023 + 1, 65537, "size"),
        (2**2046 + 1, 65537, "size"),
        (2**8192 + 1, 65537, "size"),
        (2**2047 + 2, 65537, "size"),
        (2**2047 + 1, 1, "exponent"),
        (2**2047 + 1, 2, "exponent"),
        (2**2047 + 1, 65536, "exponent"),
        (2**2047 + 1, 2**64 + 1, "exponent"),
    ],
)
def test_rsa_keys_below_2048_bits_or_with_a_weak_exponent_are_refused(n: int, e: int, reason: str) -> None:
    """RFC 7518 section 3.3; e = 1 would make every text its own signature."""
    assert skipped(rsa_jwk(n, e)) == reason


def test_rsa_keys_of_2048_to_8192_bits_are_taken() -> None:
    """The bounds themselves are inside."""
    assert len(key_set(rsa_jwk(2**2047 + 1, 3), rsa_jwk(2**8191 + 1, 2**63 + 1)).keys) == 2


@pytest.mark.parametrize("value", ["AAA=", "A+/A", "AA A", "AB", "", 5, None, "é"])
def test_members_that_are_no_base64url_skip_the_key(value: object) -> None:
    """Padding, the other alphabet, blanks, spare bits: the key is left out."""
    assert skipped(public_jwk("RS256", n=value)) in {"encoding", "n", "size"}
    assert skipped(public_jwk("ES256", x=value)) in {"encoding", "x", "size"}
    assert skipped(public_jwk("EdDSA", x=value)) in {"encoding", "x", "size"}


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_points_off_the_curve_or_of_another_length_are_refused(algorithm: str) -> None:
    """The invalid curve attack; RFC 7518 section 6.2.1.2: coordinates have their full length."""
    numbers, octets = private_key(algorithm).public_key().public_numbers(), OCTETS[algorithm]
    assert skipped(public_jwk(algorithm, y=number(numbers.y ^ 1, octets))) == "point"
    assert skipped(public_jwk(algorithm, x=number(0, octets), y=number(0, octets))) == "point"
    assert skipped(public_jwk(algorithm, x=number(numbers.x, octets + 1))) == "size"
    assert skipped(public_jwk(algorithm, y=b64(b"\0" * (octets - 1)))) == "size"
    others = {"P-256", "P-384", "P-521"} - {public_jwk(algorithm)["crv"]}
    for crv in others:
        assert skipped(public_jwk(algorithm, crv=crv)) == "size"
    for unknown in ("secp256k1", "Ed25519", None, 1):
        assert skipped(public_jwk(algorithm, crv=unknown)) == "crv"


def test_a_coordinate_at_or_above_the_prime_is_refused() -> None:
    """One point has one spelling."""
    y = private_key("ES512").public_key().public_numbers().y
    assert skipped(public_jwk("ES512", y=number(y + P521_PRIME, 66))) == "point"
    assert skipped(public_jwk("ES512", x=number(P521_PRIME, 66))) == "point"


@pytest.mark.parametrize("crv", ["Ed448", "X25519", "P-256", None])
def test_other_okp_curves_are_refused(crv: object) -> None:
    """RFC 8037 and RFC 9864: only Ed25519 is taken; X25519 signs nothing."""
    assert skipped(public_jwk("EdDSA", crv=crv)) == "crv"


@pytest.mark.parametrize(
    "y",
    [
        0,
        1,
        ED_PRIME - 1,
        ED_PRIME,
        ED_PRIME + 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    ],
)
def test_ed25519_points_of_small_order_and_second_spellings_are_refused(y: int) -> None:
    """Under such a key one signature fits every text."""
    for sign in (0, 1 << 255):
        assert skipped({"kty": "OKP", "crv": "Ed25519", "x": b64((y | sign).to_bytes(32, "little"))}) == "point"


def test_the_points_of_small_order_are_those_that_eight_takes_to_the_neutral_point() -> None:
    """The list in the code is proven, not typed: by the curve's own law 8·P is neutral for each of its points."""
    d = -121665 * pow(121666, -1, ED_PRIME) % ED_PRIME
    for start in _ED25519_SMALL_ORDER:
        y = start
        x_squared = (y * y - 1) * pow(d * y * y + 1, -1, ED_PRIME) % ED_PRIME
        x = pow(x_squared, (ED_PRIME + 3) // 8, ED_PRIME)
        if (x * x - x_squared) % ED_PRIME:
            x = x * pow(2, (ED_PRIME - 1) // 4, ED_PRIME) % ED_PRIME
        assert (x * x - x_squared) % ED_PRIME == 0
        for _ in range(3):  # doubling on -x² + y² = 1 + dx²y²
            k = d * x * x * y * y % ED_PRIME
            x, y = (
                2 * x * y * pow(1 + k, -1, ED_PRIME) % ED_PRIME,
                (y * y + x * x) * pow(1 - k, -1, ED_PRIME) % ED_PRIME,
            )
        assert (x, y) == (0, 1)
    assert len(_ED25519_SMALL_ORDER) == 5


def test_an_ed25519_key_of_another_length_is_refused() -> None:
    """32 octets, no more and no less."""
    assert skipped(public_jwk("EdDSA", x=b64(b"\1" * 31))) == "size"
    assert skipped(public_jwk("EdDSA", x=b64(b"\1" * 33))) == "size"


def test_two_keys_with_one_kid_are_told_apart_by_kind_or_refused() -> None:
    """Selected by kty and alg; where that leaves several, none."""
    rsa, second, point = public_jwk("RS256", "a"), public_jwk("RS256", "b"), public_jwk("ES256", "a")
    mixed = key_set(rsa, point)
    assert mixed.find("a", "RS256") == mixed.keys[0]
    assert mixed.find("a", "ES256") == mixed.keys[1]
    twice = key_set(rsa, {**second, "kid": "a"}, point)
    assert twice.find("a", "RS256") is None
    assert len(twice.candidates("a", "RS256")) == 2
    assert twice.find("a", "ES256") == twice.keys[2]


def test_the_same_key_listed_twice_is_one_key() -> None:
    """No ambiguity where there is none."""
    assert key_set(public_jwk("RS256"), public_jwk("RS256")).find("main", "RS256") is not None


def test_kid_is_only_compared() -> None:
    """RFC 8725 section 3.10: a path, SQL or template in `kid` names no key, and does nothing else."""
    keys = key_set(public_jwk("ES256"))
    for kid in ("../../dev/null", "' OR 1=1 --", "{{7*7}}", "MAIN", "main\0", ""):
        assert keys.find(kid, "ES256") is None
    assert keys.find("main", "ES256") is keys.keys[0]


def test_a_token_without_kid_finds_the_one_key_that_fits() -> None:
    """And none where several fit."""
    keys = key_set(public_jwk("ES256", "a"), public_jwk("RS256", "b"))
    assert keys.find(None, "ES256") is keys.keys[0]
    assert key_set(public_jwk("ES256", "a"), public_jwk("ES256", "b")).find(None, "ES256") is None


def test_a_key_without_kid_is_found_by_tokens_without_one_only() -> None:
    """`kid` is compared exactly, absence included."""
    jwk = public_jwk("ES256")
    del jwk["kid"]
    keys = key_set(jwk)
    assert keys.find(None, "ES256") is keys.keys[0]
    assert keys.find("main", "ES256") is None


def test_sets_are_equal_when_their_keys_are() -> None:
    """The same kid with other material is another set: a rotation in place takes effect."""
    one, same, other = (
        key_set(public_jwk("ES256")),
        key_set(public_jwk("ES256")),
        key_set(public_jwk("ES256", "b", kid="main")),
    )
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "a set"
    assert one.keys[0] != "a key"


def test_neither_key_nor_set_shows_material() -> None:
    """A repr in a log or traceback tells nothing of kid or numbers."""
    keys = key_set(public_jwk("RS256", "secret-kid"))
    assert repr(keys.keys[0]) == "Key(kty='RSA', crv=None, alg=None)"
    assert repr(keys) == "KeySet(1 keys, 0 skipped)"


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_ecdsa_signatures_are_r_and_s_at_full_length(algorithm: str) -> None:
    """RFC 7518 section 3.4: 64, 96, 132 octets; DER is refused; zero R or S is refused (CVE-2022-21449)."""
    key, octets = key_of(algorithm), OCTETS[algorithm]
    signature = raw_signature(algorithm, b"signed")
    assert len(signature) == 2 * octets
    r, s = int.from_bytes(signature[:octets], "big"), int.from_bytes(signature[octets:], "big")
    assert not key.verify(algorithm, encode_dss_signature(r, s), b"signed")
    zero = b"\0" * octets
    for broken in (
        zero + zero,
        zero + signature[octets:],
        signature[:octets] + zero,
        signature + b"\0",
        signature[1:],
    ):
        assert not key.verify(algorithm, broken, b"signed")
    assert not key.verify(algorithm, b"\xff" * (2 * octets), b"signed")


def test_pss_salt_of_another_length_is_refused() -> None:
    """RFC 7518 section 3.5: the salt is as long as the hash."""
    for length in (0, 20, 64):
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), length)
        signature = private_key("PS256").sign(b"signed", scheme, hashes.SHA256())
        assert not key_of("PS256").verify("PS256", signature, b"signed")


def test_rsa_schemes_are_not_exchangeable() -> None:
    """A PS256 signature is no RS256 signature, and SHA-512 is not SHA-256."""
    key = key_of("RS256")
    for made, asked in (("PS256", "RS256"), ("RS256", "PS256"), ("RS512", "RS256"), ("RS256", "RS384")):
        assert not key.verify(asked, raw_signature(made, b"signed"), b"signed")


def test_thumbprint_is_that_of_rfc_7638() -> None:
    """RFC 7638 section 3.1 and RFC 8037 appendix A.3."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
        "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL"
        "5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(okp) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert len(thumbprint(public_jwk("ES256"))) == 43


@pytest.mark.parametrize("jwk", [{}, {"kty": "RSA", "n": "AA"}, {"kty": "oct", "k": "AA"}, {"kty": "EC", "x": 1}])
def test_what_lacks_a_member_has_no_thumbprint(jwk: dict[str, object]) -> None:
    """Private and symmetric keys have none here."""
    with pytest.raises(InvalidKeySetError):
        thumbprint(jwk)


@given(st.binary(max_size=300) | st.text(max_size=100))
def test_parsing_a_set_raises_nothing_but_its_error(body: bytes | str) -> None:
    """Any body is a set or an InvalidKeySetError."""
    with suppress(InvalidKeySetError):
        assert isinstance(parse_key_set(body), KeySet)


MEMBERS = st.sampled_from(["kty", "n", "e", "crv", "x", "y", "use", "key_ops", "alg", "kid", "d", "issuer"])
ODD = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5) | st.sampled_from(
    ["RSA", "EC", "OKP", "oct", "sig", "RS256", "P-256", "Ed25519", "AQAB"]
) | st.lists(st.just("verify"), max_size=2)  # fmt: skip


@given(st.sampled_from(["RS256", "ES256", "EdDSA"]), st.dictionaries(MEMBERS, ODD, max_size=4))
def test_any_change_to_a_key_leaves_a_usable_key_or_a_reason(algorithm: str, changes: dict[str, object]) -> None:
    """Every key of a set is either usable, and then has algorithms and builds, or has a reason word."""
    found = key_set({**public_jwk(algorithm), **changes})
    assert len(found.keys) + len(found.skipped) == 1
    for key in found.keys:
        assert key.algorithms
        assert not key.verify(min(key.algorithms), b"x", b"y")


def test_keys_of_the_roca_generator_are_refused() -> None:
    """CVE-2017-15361: such a modulus can be factored; here one that has its mark, and one that just lacks it."""
    product = 1
    for prime in _ROCA_PRIMES:
        product *= prime
    assert skipped(rsa_jwk(2 * product * (2**2047 // (2 * product) + 1) + 1, 65537)) == "roca"
    assert key_set(rsa_jwk(2**2047 + 1, 65537)).skipped == ()


def test_the_orders_in_the_roca_test_are_those_of_65537() -> None:
    """Computed, not typed."""
    for prime, order in zip(_ROCA_PRIMES, _ROCA_ORDERS, strict=True):
        powers = {pow(65537, exponent, prime) for exponent in range(prime)}
        assert len(powers) == order < prime - 1


def test_keys_can_be_made_ready_before_the_first_caller_comes() -> None:
    """Afterwards nothing is left to build or import for the algorithms named; others are passed over."""
    keys = key_set(public_jwk("ES256", "a"), public_jwk("RS256", "b"))
    keys.prepare(["ES256", "RS256", "EdDSA"])
    assert [sorted(key._checks) for key in keys.keys] == [["ES256"], ["RS256"]]
    assert keys.keys[0].verify("ES256", raw_signature("ES256", b"signed", "a"), b"signed")
    assert keys.keys[1].verify("RS512", raw_signature("RS512", b"signed", "b"), b"signed")
