"""Each provider's documented token shapes, good and bad, from tests/vectors/presets.toml."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.tokens.minting import NOW, key_of, sign

from lambda_authorizer.errors import TokenError
from lambda_authorizer.principal import map_principal
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.presets import PRESETS
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import issuer_for, verify_token

VECTORS = tomllib.loads((Path(__file__).parents[1] / "vectors" / "presets.toml").read_text(encoding="utf-8"))
TIMES = ("exp", "iat", "nbf", "auth_time")


def outcome(case: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What becomes of one case: "accept" and the principal's fields, or the reason."""
    base = VECTORS["base"][case["from"]]
    claims = {**VECTORS["base"][base.get("inherit", case["from"])]["claims"], **case.get("claims", {})}
    claims = {name: value for name, value in claims.items() if name not in case.get("without", ())}
    claims = {name: NOW + value if name in TIMES else value for name, value in claims.items()}
    header = {"kid": "main", **base["header"], **case.get("header", {})}
    table = {"name": "main", **base["table"], **case.get("table", {})}
    issuer = issuer_from_table(table, file="presets.toml", key="issuer[0]")
    more = {"issuer": case["key_issuer"]} if "key_issuer" in case else {}
    token = parse_token(sign(header, claims, header["alg"]))
    try:
        verified = verify_token(token, key_of(header["alg"], **more), issuer_for(token, [issuer]), NOW)
        principal = map_principal(verified, issuer, None)
    except TokenError as error:
        return error.reason, {}
    return "accept", principal._asdict()


@pytest.mark.parametrize("case", VECTORS["case"], ids=lambda case: case["name"])
def test_each_documented_token_shape_is_treated_as_written(case: dict[str, Any]) -> None:
    """Accepted as that principal, or refused for that reason."""
    got, principal = outcome(case)
    assert got == case["expect"]
    for field, value in case.get("principal", {}).items():
        assert principal[field] == (frozenset(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_tokens_it_takes_and_tokens_it_refuses(preset: str) -> None:
    """Positive and negative vectors for each provider."""
    outcomes = {
        case["expect"] for case in VECTORS["case"] if VECTORS["base"][case["from"]]["table"]["preset"] == preset
    }
    assert "accept" in outcomes
    assert len(outcomes) > 1


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "google"])
@pytest.mark.parametrize("marks", [{}, {"nonce": "n"}, {"at_hash": "x", "nonce": "n"}])
def test_an_id_token_never_passes_as_an_access_token_unasked(preset: str, marks: dict[str, str]) -> None:
    """RFC 8725 section 3.12, for every preset: even where the client id is the configured audience."""
    url = {
        "auth0": "https://id.example.test/",
        "entra": "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
    }.get(preset, "https://id.example.test")
    trusted = issuer_from_table(
        {"name": "main", "url": url, "audience": ["client"], "preset": preset}, file="f", key="issuer[0]"
    )
    claims = {
        "iss": url,
        "aud": "client",
        "sub": "u",
        "exp": NOW + 60,
        "iat": NOW,
        "azp": "client",
        "sid": "s",
        **marks,
    }
    provider = {
        "cognito": {"token_use": "id"},
        "keycloak": {"typ": "ID"},
        "entra": {"tid": "72f988bf-86f1-41af-91ab-2d7cd011db47", "ver": "2.0", "azp": None},
    }.get(preset, {})
    token = parse_token(sign({"alg": "RS256", "kid": "main", "typ": "JWT"}, {**claims, **provider}, "RS256"))
    with pytest.raises(TokenError):
        verify_token(token, key_of("RS256"), trusted, NOW)


def test_a_jwk_issuer_means_nothing_outside_of_entra() -> None:
    """It is Microsoft's own extension of the key set."""
    case = {"from": "oidc", "key_issuer": "https://elsewhere.example"}
    assert outcome(case)[0] == "accept"


def test_no_authorisation_is_taken_from_names_that_users_can_change() -> None:
    """email, upn, preferred_username and name are never read by a default."""
    for preset in PRESETS.values():
        names = {name for paths in preset.claim_paths.values() for path in paths for name in path}
        assert not names & {
            "email",
            "upn",
            "preferred_username",
            "unique_name",
            "name",
            "username",
            "cognito:username",
        }
