"""What is fuzzed: for each parser that reads what others wrote, one function from bytes.

Laws of this file: a target returns or raises; anything raised is a finding. What a target allows is written in its
`suppress`. No I/O, no clock, no randomness: the same bytes always do the same.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lambda_authorizer.arn import parse_execute_api_arn
from lambda_authorizer.encoding import decode_base64url, decode_json
from lambda_authorizer.errors import ConfigurationError, EventError, TokenError
from lambda_authorizer.jwk import ALGORITHMS, InvalidKeySetError, Key, parse_key_set
from lambda_authorizer.principal import Tiers, map_principal
from lambda_authorizer.request import CredentialSource, credential
from lambda_authorizer.request.event import parse_event
from lambda_authorizer.tokens import Issuer
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import check_issuers, issuer_from_table
from lambda_authorizer.tokens.verify import issuer_for, verify_introspected, verify_token

ROOT = Path(__file__).resolve().parents[1]
NOW = 1_800_000_000
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "8c1f2a7b-0000-4d6e-9a3b-000000000001"
OTHER_ISSUER = f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"
UNCHECKED = "unchecked, on purpose"
TIERS = Tiers(("standard", "gold"), "standard", {"premium": "gold"})


class EveryKey(Key):
    """A key under which every signature holds, so that the fuzzer gets past it to the claims."""

    __slots__ = ()

    def __init__(self, kid: str | None, issuer: str | None = None) -> None:
        super().__init__(kid, "RSA", None, alg=None, issuer=issuer, numbers=(65537, 1))
        self.algorithms = frozenset(ALGORITHMS)

    def verify(self, algorithm: str, signature: bytes, signed: bytes) -> bool:  # noqa: ARG002 - the key's method
        """Say yes."""
        return True


def _issuers() -> Iterator[Issuer]:
    urls = {
        "auth0": "https://i.test/auth0/",
        "entra": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "google": "https://accounts.google.com",
    }
    for preset in ("oidc", "rfc9068", "cognito", "auth0", "okta", "entra", "keycloak", "google", "github", "sts"):
        table = {
            "name": preset,
            "url": urls.get(preset, f"https://i.test/{preset}"),
            "audience": ["api"] if preset in {"oidc", "cognito", "keycloak"} else UNCHECKED,
            "preset": preset,
            "algorithms": list(ALGORITHMS),
            **({"token_use": "id"} if preset == "google" else {}),
        }
        yield issuer_from_table(table, file="fuzz", key="issuer[0]")
    anybody = {"url": "https://login.microsoftonline.com/common/v2.0", "tenants": "any, on purpose"}
    loose = {"audience": UNCHECKED, "token_use": UNCHECKED}
    yield issuer_from_table({"name": "any", "preset": "entra", **anybody, **loose}, file="fuzz", key="issuer[1]")
    table = {"name": "loose", "url": "https://i.test/loose", "claims": {"tier": "t", "roles": ["a", "b"]}, **loose}
    yield issuer_from_table(table, file="fuzz", key="issuer[2]")


ISSUERS = tuple(_issuers())
ASKED = issuer_from_table(
    {
        "name": "asked",
        "url": "https://i.test",
        "audience": ["api"],
        "introspection": {"client_id": "c", "secret": "env:S"},
    },
    file="fuzz",
    key="issuer[3]",
)
SOURCES = (
    CredentialSource("header", "Authorization"),
    CredentialSource("query", "token"),
    CredentialSource("cookie", "token"),
    CredentialSource("subprotocol", "bearer"),
)


def token(data: bytes) -> None:
    """Any text where a token is expected."""
    with suppress(TokenError):
        parse_token(data.decode("latin-1"))
    with suppress(ValueError):
        spelled = decode_base64url(data)
        if urlsafe_b64encode(spelled).rstrip(b"=") != data:
            raise AssertionError("two spellings of the same bytes")


def claims(data: bytes) -> None:
    """A header and a payload, as if an issuer had signed them; parted by the first NUL."""
    header, _, payload = data.partition(b"\0")
    text = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, b"signature"))
    with suppress(TokenError):
        unverified = parse_token(text)
        issuer = issuer_for(unverified, ISSUERS)
        key = EveryKey(unverified.key_id, "https://login.microsoftonline.com/{tenantid}/v2.0")
        verified = verify_token(unverified, key, issuer, NOW)
        if not verified.expires_at > NOW:
            raise AssertionError("an expired token was accepted")
        principal = map_principal(verified, issuer, TIERS)
        if not principal.id or not principal.id.isprintable():
            raise AssertionError("a caller without a name")


def introspection(data: bytes) -> None:
    """An answer of an introspection endpoint."""
    with suppress(ValueError):
        document = decode_json(data)
        with suppress(TokenError):
            map_principal(verify_introspected(document, ASKED, NOW), ASKED, TIERS)
            if document["active"] is not True:
                raise AssertionError("an inactive token was accepted")


def key_set(data: bytes) -> None:
    """A key set, and a look with each of its keys."""
    with suppress(InvalidKeySetError):
        for key in parse_key_set(data).keys:
            if not key.algorithms:
                raise AssertionError("a key of no use was kept")
            if any(key.verify(algorithm, b"\1" * 64, b"signed") for algorithm in key.algorithms):
                raise AssertionError("a made-up signature verified")


def issuer_table(data: bytes) -> None:
    """A table of the rules file."""
    with suppress(ValueError, RecursionError):
        tables = json.loads(data)
        with suppress(ConfigurationError):
            issuers = [
                issuer_from_table(table, file="fuzz", key=f"issuer[{at}]", http_loopback=bool(at % 2))
                for at, table in enumerate(tables if isinstance(tables, list) else [tables])
                if isinstance(table, Mapping)
            ]
            check_issuers(issuers, file="fuzz")


def event(data: bytes) -> None:
    """An event of the gateway, and the credential in it."""
    with suppress(ValueError, RecursionError):
        document = json.loads(data)
        with suppress(EventError):
            request = parse_event(document)
            for source in SOURCES:
                with suppress(TokenError):
                    credential(request, source)


def arn(data: bytes) -> None:
    """A method ARN, whose path is the client's own text."""
    with suppress(EventError):
        text = data.decode("utf-8", "surrogateescape")
        if not text.startswith(parse_execute_api_arn(text).prefix):
            raise AssertionError("a prefix that the ARN does not have")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    function.__name__: function for function in (token, claims, introspection, key_set, issuer_table, event, arn)
}


def seeds(name: str) -> Iterator[bytes]:
    """Sound inputs that a target's mutations begin with."""
    wycheproof = json.loads((ROOT / "tests" / "vectors" / "wycheproof.json").read_text(encoding="utf-8"))["groups"]
    events = sorted((ROOT / "events").glob("*.json"))
    usual = {"aud": "api", "sub": "u", "exp": NOW + 60, "iat": NOW, "scope": "a b", "client_id": "c", "jti": "j"}
    if name == "token":
        yield from (test[2].encode() for group in wycheproof for test in group["tests"])
    elif name == "key_set":
        yield from (json.dumps({"keys": group["keys"]}).encode() for group in wycheproof)
    elif name == "claims":
        special: Mapping[str, dict[str, Any]] = {
            "cognito": {"token_use": "access"},
            "okta": {"cid": "c", "scp": ["a"]},
            "entra": {"tid": TENANT, "ver": "2.0", "azp": "c", "scp": "a", "_claim_names": {"groups": "s"}},
            "any": {"tid": OTHER_TENANT, "ver": "2.0"},
            "keycloak": {
                "typ": "Bearer",
                "realm_access": {"roles": ["r"]},
                "resource_access": {"api": {"roles": ["x"]}},
            },
            "google": {"azp": "api"},
            "github": {"repository": "o/r", "repository_owner": "o"},
            "sts": {"https://sts.amazonaws.com/": {"aws_account": "123456789012"}},
            "loose": {"t": "gold", "a": {"b": ["r"]}, "nbf": NOW - 0.5},
        }
        for issuer in ISSUERS:
            header = {"alg": "RS256", "kid": "k", "typ": "at+jwt" if issuer.name == "rfc9068" else "JWT"}
            iss = issuer.iss_values[0] if issuer.iss_values else OTHER_ISSUER
            payload = {"iss": iss, **usual, **special.get(issuer.name, {})}
            yield json.dumps(header).encode() + b"\0" + json.dumps(payload).encode()
    elif name == "introspection":
        yield json.dumps({"active": True, "iss": "https://i.test", "token_type": "Bearer", **usual}).encode()
        yield b'{"active":false}'
    elif name == "issuer_table":
        yield json.dumps({"name": "main", "url": "https://i.test", "audience": ["api"], "jwks": "file:k"}).encode()
        for preset in ("oidc", "entra", "keycloak", "google"):
            table = {
                "name": preset,
                "url": f"https://i.test/{TENANT}/v2.0",
                "audience": UNCHECKED,
                "preset": preset,
            }
            yield json.dumps([{**table, "claims": {"id": ["a", "b"]}, "leeway": 5, "token_use": "id"}]).encode()
        asked = {
            "endpoint": "discover",
            "auth": "private_key_jwt",
            "client_id": "c",
            "secret": "ssm:/s",
            "cache": 5,
        }
        yield json.dumps(
            {"name": "a", "url": "https://i.test", "audience": ["x"], "introspection": asked}
        ).encode()
    elif name == "event":
        yield from (path.read_bytes() for path in events if path.name != "env.json")
    elif name == "arn":
        yield b"arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/GET/orders/1:2"
        yield b"arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/$default/$connect"
