"""The same tokens through PyJWT and joserfc: where they accept what we refuse, the reason is written down here.

There is no row the other way round: what both oracles refuse, we refuse.
"""

import json
import warnings
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import import_key
from tests.tokens.minting import (
    ALGORITHMS,
    AUDIENCE,
    CLAIMS,
    NOW,
    OCTETS,
    URL,
    accept,
    b64,
    issuer,
    key_set,
    mint,
    number,
    public_jwk,
    raw_signature,
    segment,
    sign,
)

from lambda_authorizer.errors import TokenError

JOSERFC_CLAIMS = joserfc_jwt.JWTClaimsRegistry(
    now=lambda: NOW,
    iss={"essential": True, "value": URL},
    aud={"essential": True, "value": AUDIENCE},
    exp={"essential": True},
)


def ours(token: str, jwk: dict[str, Any], algorithm: str) -> bool:
    """The toolkit's answer."""
    keys = key_set(jwk).keys
    if not keys:
        return False
    try:
        accept(token, issuer(), key=keys[0], algorithm=algorithm)
    except TokenError:
        return False
    return True


def pyjwt(token: str, jwk: dict[str, Any], algorithm: str) -> bool:
    """PyJWT, set up as its documentation says; its reading of the clock is replaced by ours."""
    options = {"require": ["exp", "iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        key = jwt.PyJWK(jwk, algorithm)
        claims = jwt.decode(token, key, algorithms=[algorithm], audience=AUDIENCE, issuer=URL, options=options)  # type: ignore[arg-type]
        # PyJWT reads the clock itself; what it does with the values is int() and two comparisons.
        return int(claims["exp"]) > NOW and int(claims.get("nbf", 0)) <= NOW and int(claims.get("iat", 0)) <= NOW
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return False


def joserfc(token: str, jwk: dict[str, Any], algorithm: str) -> bool:
    """joserfc, with its claims registry."""
    try:
        found = joserfc_jwt.decode(token, import_key(jwk), algorithms=[algorithm])
        JOSERFC_CLAIMS.validate(found.claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return True


HEAD = {"alg": "ES256", "kid": "main", "typ": "JWT"}


def payload_text(front: str) -> str:
    """A payload with this text in front of the usual claims."""
    return "{" + front + "," + json.dumps(dict(CLAIMS))[1:]


def respell(change: Callable[[str], str]) -> str:
    """The usual token with its signature spelled another way."""
    head, _, signature = mint().rpartition(".")
    return f"{head}.{change(signature)}"


# name: (token, members of the key, who accepts it, why we refuse it)
DISAGREEMENTS: dict[str, tuple[str, dict[str, Any], set[str], str]] = {
    "duplicate claims": (
        sign(HEAD, payload_text('"sub":"admin"')),
        {},
        {"pyjwt", "joserfc"},
        "RFC 7519 section 4: another reader may take the other one",
    ),
    "duplicate header members": (
        sign('{"alg":"none","alg":"ES256","kid":"main"}', dict(CLAIMS)),
        {},
        {"pyjwt", "joserfc"},
        "RFC 7515 section 4: the first alg says none",
    ),
    "NaN": (sign(HEAD, payload_text('"a":NaN')), {}, {"pyjwt", "joserfc"}, "RFC 8259 section 6: no JSON"),
    "a payload in UTF-16": (
        sign(HEAD, json.dumps(dict(CLAIMS)).encode("utf-16")),
        {},
        {"pyjwt", "joserfc"},
        "RFC 8725 section 3.7: UTF-8 only",
    ),
    "a byte order mark": (
        sign(HEAD, b"\xef\xbb\xbf" + json.dumps(dict(CLAIMS)).encode()),
        {},
        {"pyjwt", "joserfc"},
        "RFC 8259 section 8.1: none is added",
    ),
    "half a surrogate pair": (
        sign(HEAD, payload_text('"a":"\\ud800"')),
        {},
        {"pyjwt", "joserfc"},
        "RFC 8259 section 8.2: no character, and no UTF-8 can carry it on",
    ),
    "exp as text": (
        mint({"exp": str(NOW + 600)}),
        {},
        {"pyjwt"},
        "RFC 7519 section 2: a NumericDate is a number",
    ),
    "iat as true": (mint({"iat": True}), {}, {"pyjwt"}, "a boolean is no NumericDate"),
    "nbf as true": (mint({"nbf": True}), {}, {"pyjwt"}, "a boolean is no NumericDate"),
    "exp of an impossible year": (
        mint({"exp": 10**15}),
        {},
        {"pyjwt", "joserfc"},
        "later than the year 9999: a mistake, such as milliseconds",
    ),
    "a negative nbf": (mint({"nbf": -1}), {}, {"pyjwt", "joserfc"}, "before 1970: a mistake"),
    "padding behind the signature": (
        respell(lambda signature: signature + "=="),
        {},
        {"pyjwt"},
        "RFC 7515 section 2: no padding",
    ),
    "b64 true, and critical": (
        mint(header={"crit": ["b64"], "b64": True}),
        {},
        {"pyjwt", "joserfc"},
        "RFC 7797 is not done: what is critical and not understood is refused",
    ),
    "a key for encryption": (mint(), {"use": "enc"}, {"pyjwt"}, "RFC 7517 section 4.2"),
    "a key without verify": (mint(), {"key_ops": ["sign"]}, {"pyjwt"}, "RFC 7517 section 4.3"),
    "a key for another algorithm": (mint(), {"alg": "ES384"}, {"pyjwt"}, "RFC 7517 section 4.4"),
    "an ID token": (
        mint({"nonce": "n", "at_hash": "h"}),
        {},
        {"pyjwt", "joserfc"},
        "RFC 8725 section 3.12: it says who somebody is, not what a client may do",
    ),
    "a logout token": (
        mint(header={"typ": "logout+jwt"}),
        {},
        {"pyjwt", "joserfc"},
        "RFC 8725 section 3.11: typed as something else",
    ),
    "seventeen levels of nesting": (
        mint({"a": json.loads("[" * 17 + "]" * 17)}),
        {},
        {"pyjwt", "joserfc"},
        "a bound of ours",
    ),
}


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_each_disagreement_is_as_written_down(name: str) -> None:
    """We refuse; the oracles named accept, in the versions that the lock file pins; nobody else does."""
    token, members, accepting, reason = DISAGREEMENTS[name]
    jwk = public_jwk("ES256", **members)
    assert not ours(token, jwk, "ES256")
    answers = {"pyjwt": pyjwt(token, jwk, "ES256"), "joserfc": joserfc(token, jwk, "ES256")}
    assert {oracle for oracle, accepted in answers.items() if accepted} == accepting
    assert reason


def test_an_rsa_key_of_1024_bits_is_refused_by_us_alone() -> None:
    """RFC 7518 section 3.3: both oracles warn, and accept."""
    key = rsa.generate_private_key(65537, 1024)
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "main", "n": number(numbers.n), "e": number(numbers.e)}
    signed = f"{segment({'alg': 'RS256', 'kid': 'main'})}.{segment(dict(CLAIMS))}"
    token = f"{signed}.{b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    assert not ours(token, jwk, "RS256")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert pyjwt(token, jwk, "RS256")
        assert joserfc(token, jwk, "RS256")
    assert warned


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_all_three_accept_a_sound_token(algorithm: str) -> None:
    """With one gap: PyJWT does not know Ed25519 by the name that RFC 9864 gives it."""
    token, jwk = mint(algorithm=algorithm), public_jwk(algorithm)
    assert ours(token, jwk, algorithm)
    assert joserfc(token, jwk, algorithm)
    assert pyjwt(token, jwk, algorithm) is (algorithm != "Ed25519")


@pytest.mark.parametrize(
    "algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512"]
)
def test_all_three_refuse_a_changed_token(algorithm: str) -> None:
    """Payload, header, signature and key."""
    head, payload, _ = mint(algorithm=algorithm).split(".")
    jwk = public_jwk(algorithm)
    signature = b64(raw_signature(algorithm, f"{head}.{payload}".encode()))
    assert ours(f"{head}.{payload}.{signature}", jwk, algorithm)
    for broken in (
        f"{head}.{segment({**CLAIMS, 'sub': 'admin'})}.{signature}",
        f"{segment({'alg': algorithm, 'kid': 'main', 'x': 1})}.{payload}.{signature}",
        f"{head}.{payload}.{b64(raw_signature(algorithm, b'other'))}",
        f"{head}.{payload}.",
        f"{head}.{payload}.{b64(bytes(OCTETS.get(algorithm, 128) * 2))}",
    ):
        assert (ours(broken, jwk, algorithm), pyjwt(broken, jwk, algorithm), joserfc(broken, jwk, algorithm)) == (
            False,
            False,
            False,
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2 * NOW) | st.text(st.characters(codec="ascii"), max_size=6),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
CHANGES = st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "jti"]), JSON, max_size=3)


@given(CHANGES, st.sets(st.sampled_from(["iss", "aud", "exp", "sub", "iat"]), max_size=1))
def test_what_both_oracles_refuse_we_refuse(changes: dict[str, Any], without: set[str]) -> None:
    """Claims of any kind: nothing passes here that passes nowhere else.

    One exception on purpose: both refuse any `iat` in the future; we leave a minute for drifting clocks.
    """
    token = mint(changes, without=tuple(without))
    jwk = public_jwk("ES256")
    if ours(token, jwk, "ES256"):
        drift = isinstance(changes.get("iat"), int) and NOW < changes["iat"] <= NOW + 60
        assert drift or pyjwt(token, jwk, "ES256") or joserfc(token, jwk, "ES256")
