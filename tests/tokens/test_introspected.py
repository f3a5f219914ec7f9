"""Opaque tokens: an introspection answer is checked as a token's claims are."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.minting import AUDIENCE, CLAIMS, NOW, URL, issuer

from lambda_authorizer.errors import (
    ExpiredError,
    InactiveTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    NotYetValidError,
    TokenError,
    UntrustedIssuerError,
    WrongTokenUseError,
)
from lambda_authorizer.principal import map_principal
from lambda_authorizer.tokens import Issuer
from lambda_authorizer.tokens.verify import verify_introspected

DOCUMENT: dict[str, Any] = {**CLAIMS, "active": True, "token_type": "Bearer", "username": "jane"}


def opaque(**table: object) -> Issuer:
    """An issuer that is asked about its tokens."""
    return issuer(introspection={"client_id": "api", "secret": "env:SECRET"}, **table)


def judge(changes: dict[str, Any], *, without: tuple[str, ...] = (), trusted: Issuer | None = None) -> Any:
    """Verify the usual document with these changes."""
    document = {name: value for name, value in {**DOCUMENT, **changes}.items() if name not in without}
    return verify_introspected(document, trusted or opaque(), NOW)


def test_an_active_answer_gives_claims_and_a_principal() -> None:
    """As a verified token would; there is no key."""
    claims = judge({})
    assert (claims.issuer, claims.key_id, claims.expires_at) == ("main", None, NOW + 600)
    assert map_principal(claims, opaque(), None).scopes == {"orders:read"}


@pytest.mark.parametrize("active", [False, None, 1, "true", "True", [True], {"active": True}])
def test_only_boolean_true_accepts(active: object) -> None:
    """RFC 7662 section 2.2: `active` is a boolean."""
    with pytest.raises(InactiveTokenError):
        judge({"active": active})
    with pytest.raises(InactiveTokenError):
        judge({}, without=("active",))


@pytest.mark.parametrize("document", [None, True, [], "active", 5, [DOCUMENT], {}])
def test_an_answer_that_is_no_object_accepts_nothing(document: object) -> None:
    """Whatever the endpoint sends."""
    with pytest.raises(InactiveTokenError):
        verify_introspected(document, opaque(), NOW)


def test_iss_aud_exp_are_checked_like_a_tokens() -> None:
    """A missing `iss` means the endpoint that was asked; everything else must be there."""
    assert judge({}, without=("iss",)).issuer == "main"
    for iss in (URL + "/", None, 5, [URL], ""):
        with pytest.raises(UntrustedIssuerError):
            judge({"iss": iss})
    for audience in ("other", [], None, [5]):
        with pytest.raises(InvalidAudienceError):
            judge({"aud": audience})
    with pytest.raises(InvalidAudienceError):
        judge({}, without=("aud",))
    assert judge({"aud": ["x", AUDIENCE]})
    with pytest.raises(InvalidClaimError):
        judge({}, without=("exp",))
    for exp in ("1800000600", True, None, -1):
        with pytest.raises(InvalidClaimError):
            judge({"exp": exp})
    with pytest.raises(ExpiredError):
        judge({"exp": NOW})
    with pytest.raises(NotYetValidError):
        judge({"nbf": NOW + 1})
    with pytest.raises(InvalidClaimError):
        judge({"sub": 5})


def test_a_broken_clock_never_accepts() -> None:
    """NaN refuses."""
    with pytest.raises(TokenError):
        verify_introspected(DOCUMENT, opaque(), math.nan)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": "refresh_token"},
        {"token_type": "DPoP"},
        {"token_type": "N_A"},
        {"token_type": 5},
        {"token_type": None},
        {"nonce": "n"},
        {"at_hash": "x"},
        {"typ": "Refresh"},
        {"typ": "ID"},
        {"typ": "Offline"},
    ],
)
def test_refresh_and_id_tokens_are_active_and_no_access_tokens(changes: dict[str, object]) -> None:
    """An endpoint answers for every kind of token; only access tokens open anything."""
    with pytest.raises(WrongTokenUseError):
        judge(changes)
    assert judge(changes, trusted=opaque(token_use="unchecked, on purpose"))


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "access_token"])
def test_token_type_is_bearer_in_any_case(kind: str) -> None:
    """RFC 6749 section 7.1; it may also be left out."""
    assert judge({"token_type": kind})
    assert judge({"typ": "Bearer"}, without=("token_type",))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON | st.dictionaries(st.sampled_from([*DOCUMENT]), JSON).map(lambda changes: {**DOCUMENT, **changes}))
def test_any_answer_is_claims_or_a_token_error(document: object) -> None:
    """The endpoint may send whatever it likes: nothing but errors of the tree comes out."""
    try:
        claims = verify_introspected(document, opaque(), NOW)
    except TokenError:
        return
    assert isinstance(document, dict)
    assert document["active"] is True
    assert claims.expires_at > NOW
