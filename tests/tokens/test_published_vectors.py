"""Vectors that others published: the RFCs' own examples, and Wycheproof's 427 signature and key cases."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.tokens.minting import key_set

from lambda_authorizer.encoding import decode_base64url
from lambda_authorizer.errors import ExpiredError, MalformedTokenError, TokenError, UnsupportedAlgorithmError
from lambda_authorizer.jwk import parse_key_set
from lambda_authorizer.tokens.compact import _parse_header, parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import verify_token

VECTORS = Path(__file__).parents[1] / "vectors"
RFC = tomllib.loads((VECTORS / "rfc.toml").read_text(encoding="utf-8"))
WYCHEPROOF = json.loads((VECTORS / "wycheproof.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(group["keys"], *test[2:], id=f"{group['file']}-{test[0]}-{group['group']}-{test[1]}")
    for group in WYCHEPROOF["groups"]
    for test in group["tests"]
]

# Where Wycheproof calls a vector valid and we refuse it all the same, and why.
SYMMETRIC = "symmetric algorithms do not exist here: a published key set cannot hold their key"
ES521 = 'the key says alg "ES521", which no registry has'
OTHER_ALG = "the key says PS256 and the token PS384 (RFC 7517 section 4.4: alg is what the key is intended for)"


def signature_holds(jws: str, keys: list[dict[str, Any]]) -> bool:
    """Verify a JWS of any payload, by the very functions that `parse_token` and `verify_token` are made of."""
    try:
        segments = jws.encode("ascii").split(b".")
        if len(segments) != 3:
            return False
        algorithm, key_id, _ = _parse_header(segments[0])
        decode_base64url(segments[1])
        signature = decode_base64url(segments[2])
    except (ValueError, TokenError):
        return False
    key = parse_key_set(json.dumps({"keys": keys})).find(key_id, algorithm)
    return key is not None and key.verify(algorithm, signature, segments[0] + b"." + segments[1])


def refused_on_purpose(keys: list[dict[str, Any]], jws: str) -> str | None:
    """The reason for refusing what Wycheproof calls valid."""
    if all(key["kty"] == "oct" for key in keys):
        return SYMMETRIC
    if any(key.get("alg") == "ES521" for key in keys):
        return ES521
    mismatch = keys[0].get("alg") == "PS256" and _parse_header(jws.encode().split(b".")[0])[0] == "PS384"
    return OTHER_ALG if mismatch else None


@pytest.mark.parametrize(("keys", "jws", "result"), CASES)
def test_wycheproof(keys: list[dict[str, Any]], jws: str, result: str) -> None:
    """Invalid is refused, valid is accepted; the exceptions refuse more, each for a written reason."""
    expected = result == "valid" and refused_on_purpose(keys, jws) is None
    assert signature_holds(jws, keys) is expected


def test_wycheproof_is_all_there() -> None:
    """401 signature cases and 26 key cases, of which some are accepted."""
    assert len(CASES) == 427
    results = [case.values[2] for case in CASES]
    assert (results.count("valid"), results.count("invalid")) == (51, 376)


def test_the_examples_of_rfc_7520_verify_under_keys_that_name_no_algorithm() -> None:
    """Sections 4.1 to 4.3, RS256, PS384 and ES512; Wycheproof's keys name other algorithms for two of them."""
    seen = set()
    for group in WYCHEPROOF["groups"]:
        if group["group"] == "rfc7520" and group["keys"][0]["kty"] != "oct":
            keys = [{name: value for name, value in key.items() if name != "alg"} for key in group["keys"]]
            for _, figure, jws, _ in group["tests"]:
                assert signature_holds(jws, keys)
                seen.add(figure)
    assert seen == {"Figure13", "Figure20", "Figure27"}


@pytest.mark.parametrize("vector", RFC["jws"], ids=lambda vector: vector["source"])
def test_the_examples_of_the_rfcs_verify(vector: dict[str, Any]) -> None:
    """Byte for byte as printed; and with one bit of the signature changed they do not."""
    assert signature_holds(vector["token"], [vector["jwk"]])
    head, _, signature = vector["token"].rpartition(".")
    changed = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert not signature_holds(f"{head}.{changed}", [vector["jwk"]])


@pytest.mark.parametrize("vector", RFC["jws"], ids=lambda vector: vector["source"])
def test_the_examples_of_the_rfcs_go_the_whole_way(vector: dict[str, Any]) -> None:
    """Those that are tokens expired in 2011, and nothing else is wrong with them; the others are none."""
    if not vector["claims"]:
        with pytest.raises(MalformedTokenError):
            parse_token(vector["token"])
        return
    table = {
        "name": "joe",
        "url": "joe",
        "jwks": "file:joe.json",
        "audience": "unchecked, on purpose",
        "token_use": "unchecked, on purpose",
    }
    issuer = issuer_from_table(table, file="f", key="issuer[0]")
    token, key = parse_token(vector["token"]), key_set(vector["jwk"]).keys[0]
    assert verify_token(token, key, issuer, 1300819379).values["http://example.com/is_root"] is True
    with pytest.raises(ExpiredError):
        verify_token(token, key, issuer, 1300819380)


@pytest.mark.parametrize("vector", RFC["unsecured"], ids=lambda vector: vector["source"])
def test_the_unsecured_and_symmetric_examples_are_refused(vector: dict[str, Any]) -> None:
    """Well-formed, and of no use where keys are published."""
    with pytest.raises(UnsupportedAlgorithmError):
        parse_token(vector["token"])
