"""The work that is measured warm: a raw check, the product's verification, the whole handler."""

import json
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from benchmarks import shapes
from lambda_authorizer import Authorizer
from lambda_authorizer.jwk import parse_key_set
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import issuer_for, verify_token

Case = Callable[[], object]


def raw(algorithm: str, token: str, jwk: dict[str, Any]) -> Case:
    """Return the signature check alone, by cryptography's public API."""
    signed, _, end = token.rpartition(".")
    message, signature = signed.encode(), shapes.bits(end)
    key: Any = parse_key_set(json.dumps({"keys": [jwk]})).keys[0].public
    if algorithm == "RS256":
        scheme, digest = padding.PKCS1v15(), hashes.SHA256()
        return lambda: key.verify(signature, message, scheme, digest)
    if algorithm == "ES256":
        curve = ec.ECDSA(hashes.SHA256())
        half = len(signature) // 2

        def check() -> None:
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(r, s), message, curve)

        return check
    return lambda: key.verify(signature, message)


def ours(token: str, jwks: dict[str, Any], algorithm: str) -> Case:
    """Return the product's verification, with every check it has."""
    issuer = issuer_from_table(
        {
            "name": "main",
            "url": shapes.ISSUER,
            "jwks": json.dumps(jwks),
            "audience": [shapes.AUDIENCE],
            "preset": "oidc",
            "algorithms": [algorithm],
        },
        file="bench",
        key="issuer",
    )
    issuers, keys, clock = (issuer,), parse_key_set(json.dumps(jwks)), time.time

    def verify() -> object:
        parsed = parse_token(token)
        found = issuer_for(parsed, issuers)
        key = keys.find(parsed.key_id, parsed.algorithm)
        assert key is not None
        return verify_token(parsed, key, found, clock())

    return verify


def handlers(folder: Path, function: Path, tokens: list[str]) -> dict[str, Case]:
    """Return the whole handler, log and metrics on: another token each time, and the same token again."""
    environment = {
        "JWKS": f"file:{folder}/jwks.json",
        "AUTHORIZER_RULES": "rules.toml",
        "AUTHORIZER_RESPONSE": "policy",
        "AUTHORIZER_RESULT_TTL": "300",
        "AUTHORIZER_TELEMETRY": "plain",
        "LAMBDA_TASK_ROOT": str(function),
    }
    first = Authorizer.from_environment(environ=environment).handle
    again = Authorizer.from_environment(environ=environment).handle
    # More tokens than the product remembers, so that none is found again.
    other = cycle([shapes.event(token) for token in tokens]).__next__
    same = shapes.event(tokens[0])
    return {"handler, new token": lambda: first(other(), None), "handler, same token": lambda: again(same, None)}
