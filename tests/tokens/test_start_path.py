"""What reading and verifying tokens loads, asked of a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

from tests.tokens.minting import CLAIMS, NOW, URL, mint, public_jwk

LAYER = Path(__file__).parents[2] / "layers" / "authorizer"
ISSUER = {"name": "main", "url": URL, "audience": [CLAIMS["aud"]], "jwks": {"keys": [public_jwk("RS256")]}}
READ = f"""
import json, sys
sys.path.insert(0, {str(LAYER)!r})
from lambda_authorizer.principal import map_principal
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import issuer_for, verify_token
from lambda_authorizer.jwk import parse_key_set
issuer = issuer_from_table(json.loads(sys.argv[1]), file="f", key="issuer[0]")
token = parse_token(sys.argv[2])
assert issuer_for(token, [issuer]) is issuer
key = parse_key_set(issuer.key_source.value).find(token.key_id, token.algorithm)
"""
VERIFY = f"map_principal(verify_token(token, key, issuer, {NOW}), issuer, None)\n"


def modules(program: str) -> set[str]:
    """The modules that are loaded when the program ends."""
    program += "print(json.dumps(sorted(sys.modules)))"
    arguments = [sys.executable, "-I", "-c", program, json.dumps(ISSUER), mint(algorithm="RS256")]
    done = subprocess.run(arguments, capture_output=True, check=True, timeout=60, text=True)
    return set(json.loads(done.stdout))


def test_rules_and_tokens_are_read_without_cryptography() -> None:
    """So that the rules file can be checked and compiled where it is not installed, and no refusal pays for it."""
    assert not {name for name in modules(READ) if name.partition(".")[0] == "cryptography"}


def test_verification_loads_neither_x509_nor_serialization_nor_other_kinds_of_keys() -> None:
    """Keys are built from the numbers in the key set."""
    loaded = modules(READ + VERIFY)
    assert "cryptography.hazmat.primitives.asymmetric.rsa" in loaded
    unwanted = ("x509", "hazmat.primitives.serialization", "hazmat.primitives.asymmetric.ec", "hazmat.backends")
    assert not {f"cryptography.{name}" for name in unwanted} & loaded
    assert not {"jwt", "requests", "socket", "ssl", "urllib.parse", "datetime", "dataclasses"} & loaded
