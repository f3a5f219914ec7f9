"""Errors say who must act, and tell nothing that a caller wrote."""

import pytest

from lambda_authorizer import errors

CONTRACT_REASONS = {
    "missing_token", "malformed_token", "token_too_large", "unsupported_algorithm", "untrusted_issuer",
    "unknown_key", "invalid_signature", "expired", "not_yet_valid", "invalid_audience", "invalid_claim",
    "wrong_token_use", "inactive_token", "keys_unavailable", "introspection_unavailable",
}  # fmt: skip


def _tree(root: type[errors.AuthorizerError]) -> set[type[errors.AuthorizerError]]:
    return {root}.union(*(_tree(child) for child in root.__subclasses__()))


def test_every_reason_of_a_credential_or_an_outage_has_its_error() -> None:
    """The slugs that tokens and issuers can cause are exactly those of the error classes."""
    raised = {error.reason for error in _tree(errors.TokenError) | _tree(errors.IssuerUnavailableError)}
    assert raised == CONTRACT_REASONS


def test_a_configuration_error_says_where_what_and_what_else() -> None:
    """Its text holds the file with the line, the key, what was found and what is allowed."""
    error = errors.ConfigurationError(
        "rules.toml", "rule[2].min_tier", "'goldd'", "standard, silver, gold", line=31
    )
    assert str(error) == "rules.toml:31: rule[2].min_tier: found 'goldd'; allowed: standard, silver, gold"


def test_a_line_that_is_not_known_is_left_out() -> None:
    """The environment has no lines, so its errors name none."""
    error = errors.ConfigurationError("environment", "ISSUER", "nothing", "an https address", hint="Set Issuer.")
    assert str(error) == "environment: ISSUER: found nothing; allowed: an https address. Set Issuer."


@pytest.mark.parametrize(("name", "hint"), [("scope", "Did you mean 'scopes'?"), ("zzz", "")])
def test_an_unknown_key_names_its_nearest_neighbour(name: str, hint: str) -> None:
    """A typing mistake is answered with the name that was meant, anything else with the list alone."""
    error = errors.ConfigurationError.unknown_key("rules.toml", "rule[0]", name, ["scopes", "groups"])
    assert error.hint == hint
    assert "groups, scopes" in str(error)
