"""The fake issuer's good tokens verify everywhere, its bad ones carry exactly the fault of their name."""

import json

import jwt
import pytest
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt
from joserfc.errors import JoseError

from lambda_authorizer.testing.issuer import ALGORITHMS, BAD_TOKENS, FakeIssuer, SigningKey

NOW = 1_800_000_000
HOUR = 3600


@pytest.fixture
def issuer() -> FakeIssuer:
    """An issuer that stands at a fixed time."""
    return FakeIssuer(clock=lambda: NOW)


def read(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and payload of a token without looking at its signature."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 says so; issuers still send it
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_minted_token_verifies_with_a_library_that_did_not_make_it(algorithm: str) -> None:
    """For every algorithm, joserfc accepts the token with the published key alone."""
    issuer = FakeIssuer(algorithm=algorithm, clock=lambda: NOW)
    keys = jose_jwk.KeySet.import_key_set(json.loads(json.dumps(issuer.jwks)))
    found = jose_jwt.decode(issuer.mint({"scope": "a b"}), keys, algorithms=[algorithm])
    assert found.header == {"alg": algorithm, "typ": "at+jwt", "kid": "key-1"}
    assert found.claims == {
        "iss": "https://issuer.example/",
        "aud": "https://api.example",
        "sub": "tester",
        "iat": NOW,
        "exp": NOW + 300,
        "scope": "a b",
    }


def test_a_key_set_holds_nothing_private() -> None:
    """No member of a private or symmetric key is ever published."""
    issuer = FakeIssuer()
    for algorithm in ALGORITHMS:
        issuer.rotate(algorithm)
    assert len(issuer.jwks["keys"]) == len(ALGORITHMS) + 1
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert not any(private & key.keys() for key in issuer.jwks["keys"])


def test_a_rotation_keeps_old_keys_unless_they_are_withdrawn(issuer: FakeIssuer) -> None:
    """The newest key signs; an old one stays published until it is withdrawn."""
    old = issuer.key
    new = issuer.rotate()
    assert issuer.key is new
    assert [key["kid"] for key in issuer.jwks["keys"]] == [new.kid, old.kid]
    last = issuer.rotate("RS256", keep=False)
    assert [key["kid"] for key in issuer.jwks["keys"]] == [last.kid]
    assert last.algorithm == "RS256"


def test_a_claim_or_header_member_set_to_none_is_left_out(issuer: FakeIssuer) -> None:
    """None removes what would be there by default."""
    header, claims = read(issuer.mint({"sub": None, "iat": None}, header={"kid": None, "typ": "JWT"}))
    assert header == {"alg": "ES256", "typ": "JWT"}
    assert claims.keys() == {"iss", "aud", "exp"}


def test_the_settings_make_a_function_trust_this_issuer() -> None:
    """The environment names issuer and audience and carries the public key set."""
    issuer = FakeIssuer("https://a.example/", audience=["one", "two"])
    settings = issuer.settings
    assert json.loads(settings.pop("JWKS")) == issuer.jwks
    assert settings == {"ISSUER": "https://a.example/", "AUDIENCE": "one"}
    assert FakeIssuer().settings["AUDIENCE"] == "https://api.example"


def test_no_key_is_made_for_an_unknown_algorithm() -> None:
    """HS256 and none have no place in an issuer."""
    with pytest.raises(ValueError, match="allowed: RS256"):
        SigningKey("HS256", "k")


def test_a_signing_key_shows_no_key() -> None:
    """Its text holds the algorithm and the key id."""
    assert repr(SigningKey("EdDSA", "k")) == "SigningKey('EdDSA', 'k')"


def test_bad_tokens_have_the_faults_of_their_names(issuer: FakeIssuer) -> None:
    """Each claim fault is in the claims that the token carries, beside the caller's own."""
    claims = {name: read(issuer.bad(name, {"scope": "s"}))[1] for name in BAD_TOKENS if name not in UNREADABLE}
    assert all(one["scope"] == "s" for one in claims.values())
    assert claims["expired"]["exp"] < NOW - HOUR
    assert claims["not-yet-valid"]["nbf"] > NOW + HOUR
    assert claims["issued-in-the-future"]["iat"] > NOW + HOUR
    assert "exp" not in claims["no-expiry"]
    assert isinstance(claims["text-expiry"]["exp"], str)
    assert claims["wrong-audience"]["aud"] != issuer.audience
    assert "aud" not in claims["no-audience"]
    assert claims["wrong-issuer"]["iss"] != issuer.url
    assert claims["tampered"]["sub"] == "somebody-else"


UNREADABLE = {"truncated", "padded", "encrypted", "not-json", "not-a-token", "critical-header"}
"""Bad tokens that PyJWT does not even decode."""


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_malformed_tokens_are_malformed_for_others_too(issuer: FakeIssuer, name: str) -> None:
    """A second implementation cannot read them as a token either."""
    keys = jose_jwk.KeySet.import_key_set(issuer.jwks)
    with pytest.raises((JoseError, ValueError)):
        jose_jwt.decode(issuer.bad(name), keys, algorithms=["ES256"])


@pytest.mark.parametrize(
    "name", ["bad-signature", "tampered", "other-key", "unknown-key", "alg-none", "hmac-with-public-key"]
)
def test_forged_tokens_verify_nowhere(issuer: FakeIssuer, name: str) -> None:
    """A second implementation refuses them for the key set alone."""
    keys = jose_jwk.KeySet.import_key_set(issuer.jwks)
    with pytest.raises((JoseError, ValueError)):
        jose_jwt.decode(issuer.bad(name), keys, algorithms=["ES256"])


def test_an_unknown_bad_token_is_a_mistake_of_the_test(issuer: FakeIssuer) -> None:
    """A misspelt name does not quietly give a good token."""
    with pytest.raises(KeyError):
        issuer.bad("exspired")
