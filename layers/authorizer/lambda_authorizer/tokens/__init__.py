"""Untrusted text → `UnverifiedToken` → `Claims`: parsing, issuers and verification."""

from lambda_authorizer.tokens.compact import MAX_TOKEN_CHARS, UnverifiedToken, parse_token
from lambda_authorizer.tokens.issuer import IntrospectionConfig, Issuer, KeySourceConfig
from lambda_authorizer.tokens.table import check_issuers, issuer_from_table
from lambda_authorizer.tokens.verify import Claims, issuer_for, verify_introspected, verify_token

__all__ = [
    "MAX_TOKEN_CHARS",
    "Claims",
    "IntrospectionConfig",
    "Issuer",
    "KeySourceConfig",
    "UnverifiedToken",
    "check_issuers",
    "issuer_for",
    "issuer_from_table",
    "parse_token",
    "verify_introspected",
    "verify_token",
]
