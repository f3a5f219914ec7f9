"""Untrusted text → `UnverifiedToken` → `Claims`: parsing, issuers and verification."""

from lambda_authorizer.tokens.issuer import IntrospectionConfig, Issuer, KeySourceConfig

__all__ = ["IntrospectionConfig", "Issuer", "KeySourceConfig"]
