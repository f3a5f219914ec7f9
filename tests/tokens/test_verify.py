"""From an unverified token to claims: the signature first, then every claim."""

import inspect
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.minting import (
    ALGORITHMS,
    AUDIENCE,
    CLAIMS,
    NOW,
    URL,
    accept,
    b64,
    issuer,
    key_of,
    mint,
    raw_signature,
    segment,
    sign,
)

from lambda_authorizer.errors import (
    ExpiredError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidSignatureError,
    NotYetValidError,
    TokenError,
    UnknownKeyError,
    UnsupportedAlgorithmError,
    UntrustedIssuerError,
    WrongTokenUseError,
)
from lambda_authorizer.tokens import verify
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.verify import Claims, issuer_for, verify_token


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_sound_token_of_each_algorithm_is_accepted(algorithm: str) -> None:
    """Its claims come out as they went in."""
    claims = accept(mint(algorithm=algorithm), algorithm=algorithm)
    assert claims.values == CLAIMS
    assert (claims.issuer, claims.key_id, claims.expires_at) == ("main", "main", NOW + 600)


def test_claims_do_not_show_themselves() -> None:
    """A repr in a log names the issuer's alias and nothing of the caller."""
    assert repr(Claims("main", "kid", 1, {"sub": "secret"})) == "Claims(issuer='main')"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_changed_token_is_refused(algorithm: str) -> None:
    """Header, payload and signature are all covered."""
    head, payload, signature = mint(algorithm=algorithm).split(".")
    other = segment({**CLAIMS, "sub": "admin"})
    with pytest.raises(InvalidSignatureError):
        accept(f"{head}.{other}.{signature}", algorithm=algorithm)
    with pytest.raises(InvalidSignatureError):
        accept(f"{segment({'alg': algorithm, 'kid': 'main'})}.{payload}.{signature}", algorithm=algorithm)
    broken = b64(raw_signature(algorithm, b"something else"))
    with pytest.raises(InvalidSignatureError):
        accept(f"{head}.{payload}.{broken}", algorithm=algorithm)


def test_a_truncated_or_lengthened_signature_is_refused() -> None:
    """Nothing is cut off, filled up or ignored."""
    for algorithm in ("RS256", "ES256", "EdDSA"):
        head, payload, _ = mint(algorithm=algorithm).split(".")
        signature = raw_signature(algorithm, f"{head}.{payload}".encode())
        for broken in (signature[:-1], signature + b"\0", b"\0" + signature, signature * 2):
            with pytest.raises(InvalidSignatureError):
                accept(f"{head}.{payload}.{b64(broken)}", algorithm=algorithm)


def test_the_header_cannot_widen_the_issuers_algorithms() -> None:
    """RFC 8725 sections 3.1 and 3.2: configured per issuer; the header only chooses among them."""
    with pytest.raises(UnsupportedAlgorithmError):
        accept(mint(algorithm="RS512"), issuer(algorithms=["RS256"]), algorithm="RS512")
    with pytest.raises(UnsupportedAlgorithmError):
        accept(mint(algorithm="Ed25519"), issuer(algorithms=["EdDSA"]), algorithm="EdDSA")


def test_jwk_alg_must_equal_the_tokens() -> None:
    """RFC 7517 section 4.4; EdDSA and Ed25519 are different names."""
    with pytest.raises(UnknownKeyError):
        accept(mint(algorithm="RS512"), key=key_of("RS512", alg="RS256"))
    with pytest.raises(UnknownKeyError):
        accept(mint(algorithm="Ed25519"), key=key_of("Ed25519", alg="EdDSA"))
    assert accept(mint(algorithm="Ed25519"), key=key_of("Ed25519", alg="Ed25519"))


def test_curve_and_algorithm_must_agree() -> None:
    """RFC 9864 and RFC 8037: ES256 is P-256, EdDSA here is Ed25519; a key of another kind is not tried."""
    for made, given_key in (("ES256", "ES384"), ("ES512", "ES256"), ("EdDSA", "ES256"), ("ES256", "RS256")):
        with pytest.raises(UnknownKeyError):
            accept(mint(algorithm=made), key=key_of(given_key))


def test_a_key_of_another_kid_is_refused_even_if_it_was_handed_in() -> None:
    """The key source chooses by kid; verification checks the choice."""
    with pytest.raises(UnknownKeyError):
        accept(mint(header={"kid": "other"}))


def test_a_token_without_kid_may_use_the_one_key() -> None:
    """RFC 7515 section 4.1.4: `kid` is optional."""
    assert accept(sign({"alg": "ES256"}, dict(CLAIMS))).key_id == "main"


def test_a_token_of_issuer_a_signed_by_a_key_of_issuer_b_is_refused() -> None:
    """RFC 8725 section 3.8: a key is bound to its issuer; here the key of B signs in the name of A."""
    trusted = [issuer(name="a"), issuer(name="b", url="https://b.example.test")]
    forged = parse_token(mint(name="key-of-b", header={"kid": "main"}))
    assert issuer_for(forged, trusted) is trusted[0]
    with pytest.raises(InvalidSignatureError):
        verify_token(forged, key_of("ES256"), trusted[0], NOW)
    with pytest.raises(UntrustedIssuerError):
        verify_token(parse_token(mint()), key_of("ES256"), trusted[1], NOW)


@pytest.mark.parametrize(
    "url",
    [
        URL + "/",
        URL[:-1],
        URL.upper(),
        URL.replace("https", "http"),
        " " + URL,
        URL + "?x=1",
        URL + "#",
        "",
        None,
        5,
        [URL],
        {"url": URL},
        True,
        "https://issuer.example.test.attacker.test/pool",
        URL + "\0",
    ],
)
def test_iss_is_compared_byte_for_byte(url: object) -> None:
    """No prefix, no case, no trailing slash; and no key is looked up for any other issuer."""
    with pytest.raises(UntrustedIssuerError):
        issuer_for(parse_token(mint({"iss": url})), [issuer(), issuer(name="b", url="https://b.example.test")])


def test_iss_missing_is_refused() -> None:
    """A token that names no issuer is nobody's."""
    with pytest.raises(UntrustedIssuerError):
        issuer_for(parse_token(mint(without=("iss",))), [issuer()])
    with pytest.raises(UntrustedIssuerError):
        issuer_for(parse_token(mint()), [])


def test_choosing_an_issuer_can_do_no_io() -> None:
    """An unknown issuer costs no network call: the function has nothing that could make one."""
    assert list(inspect.signature(issuer_for).parameters) == ["token", "issuers"]
    assert not {"socket", "ssl", "urllib", "http"} & set(vars(verify))


@pytest.mark.parametrize("leeway", [0, 30, 300])
def test_a_token_ends_at_exp_and_leeway_shifts_exp_and_nbf_alike(leeway: int) -> None:
    """RFC 7519 sections 4.1.4 and 4.1.5: refused at time = exp, accepted one tick before."""
    trusted = issuer(leeway=leeway)
    token = mint({"exp": NOW, "nbf": NOW - 1000, "iat": NOW - 1000})
    assert accept(token, trusted, now=math.nextafter(NOW + leeway, 0))
    for late in (NOW + leeway, NOW + leeway + 1, math.inf):
        with pytest.raises(ExpiredError):
            accept(token, trusted, now=late)
    token = mint({"exp": NOW + 2000, "nbf": NOW, "iat": NOW - 1000})
    assert accept(token, trusted, now=NOW - leeway)
    for early in (math.nextafter(NOW - leeway, 0), NOW - leeway - 1, -math.inf):
        with pytest.raises(NotYetValidError):
            accept(token, trusted, now=early)


def test_a_broken_clock_never_accepts() -> None:
    """NaN compares false with everything: the comparisons are written so that this refuses."""
    with pytest.raises(TokenError):
        accept(mint(), now=math.nan)
    with pytest.raises(TokenError):
        accept(mint({"nbf": 0}), now=math.nan)


def test_exp_is_required() -> None:
    """A token that never ends is refused."""
    with pytest.raises(InvalidClaimError):
        accept(mint(without=("exp",)))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    ["1800000600", "", True, False, None, [NOW], {"t": NOW}, -1, -0.5, 1e15, 253402300800, 9999999999999999999],
)
def test_times_that_are_no_seconds_are_refused(name: str, value: object) -> None:
    """RFC 7519 section 2: a NumericDate is a number; strings, booleans, negative and huge ones are none."""
    with pytest.raises(InvalidClaimError):
        accept(mint({name: value}))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_times_that_json_does_not_know_are_refused(name: str, text: str) -> None:
    """No exception but a TokenError comes out."""
    payload = segment({**CLAIMS, name: 0})
    whole = '{"iss":"' + URL + '","' + name + '":' + text + "}"
    assert payload
    with pytest.raises(TokenError):
        accept(sign({"alg": "ES256", "kid": "main"}, whole))


def test_fractional_times_work() -> None:
    """RFC 7519 section 2: non-integer values can be represented."""
    token = mint({"exp": NOW + 0.5, "nbf": NOW - 0.25, "iat": NOW - 0.25})
    assert accept(token).expires_at == NOW + 0.5
    with pytest.raises(ExpiredError):
        accept(token, now=NOW + 0.5)


def test_a_token_from_the_future_is_refused() -> None:
    """Beyond a minute of drift between the clocks, `iat` in the future says that one of them is wrong."""
    assert accept(mint({"iat": NOW + 60}))
    with pytest.raises(NotYetValidError):
        accept(mint({"iat": NOW + 61}))
    assert accept(mint({"iat": NOW + 65}), issuer(leeway=5))


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["x", AUDIENCE], [AUDIENCE, AUDIENCE]])
def test_one_exact_audience_is_enough(audience: object) -> None:
    """RFC 7519 section 4.1.3: a string or a list."""
    assert accept(mint({"aud": audience}))


@pytest.mark.parametrize(
    "audience",
    [
        AUDIENCE + "/",
        AUDIENCE.upper(),
        AUDIENCE[:-1],
        "",
        "*",
        [],
        [[AUDIENCE]],
        ["x"],
        [AUDIENCE, 5],
        [AUDIENCE, None],
        5,
        None,
        True,
        {"aud": AUDIENCE},
        {AUDIENCE: 1},
    ],
)
def test_other_audiences_empty_lists_and_non_strings_are_refused(audience: object) -> None:
    """At least one exact match, and nothing but strings."""
    with pytest.raises(InvalidAudienceError):
        accept(mint({"aud": audience}))


def test_a_missing_audience_is_refused() -> None:
    """Unless the check is off, on purpose."""
    with pytest.raises(InvalidAudienceError):
        accept(mint(without=("aud",)))
    unchecked = issuer(audience="unchecked, on purpose")
    assert accept(mint(without=("aud",)), unchecked)
    assert accept(mint({"aud": ["anything"]}), unchecked)
    for broken in (5, [], [5], None, {"a": 1}):
        with pytest.raises(InvalidAudienceError):
            accept(mint({"aud": broken}), unchecked)


@pytest.mark.parametrize("name", ["sub", "jti"])
@pytest.mark.parametrize("value", [5, None, True, ["a"], {"a": 1}])
def test_sub_and_jti_are_strings(name: str, value: object) -> None:
    """RFC 7519 sections 4.1.2 and 4.1.7."""
    with pytest.raises(InvalidClaimError):
        accept(mint({name: value}))


@pytest.mark.parametrize(
    "kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", "rt+jwt", "token-introspection+jwt", ""]
)
def test_a_token_typed_as_something_else_is_refused(kind: str) -> None:
    """RFC 8725 section 3.11: explicit typing keeps kinds of tokens apart."""
    with pytest.raises(WrongTokenUseError):
        accept(mint(header={"typ": kind}))


@given(st.data())
def test_no_bit_flipped_token_verifies(data: st.DataObject) -> None:
    """Flipping any bit of a token's text, or of its decoded signature, is seen."""
    text = mint().encode()
    at = data.draw(st.integers(0, len(text) * 8 - 1))
    changed = bytearray(text)
    changed[at // 8] ^= 1 << (at % 8)
    with pytest.raises(TokenError):
        accept(changed.decode("latin-1"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "client_id", "typ", "token_use", "tid"]
)


@given(st.dictionaries(NAMES, JSON, max_size=5), st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_signed_nonsense_is_claims_or_a_token_error(claims: dict[str, Any], header: dict[str, Any]) -> None:
    """Even an issuer gone mad causes nothing but errors of the tree."""
    try:
        token = sign({"alg": "ES256", "kid": "main", **header}, {**CLAIMS, **claims})
    except UnicodeEncodeError:
        return
    try:
        accepted = accept(token)
    except TokenError:
        return
    assert accepted.values["iss"] == URL
    assert accepted.expires_at > NOW


@given(st.text(max_size=300) | st.lists(st.binary(max_size=60).map(b64), min_size=3, max_size=3).map(".".join))
def test_parsing_any_text_raises_nothing_but_a_token_error(text: str) -> None:
    """Parsers never raise outside the error tree."""
    with pytest.raises(TokenError):
        accept(text)
