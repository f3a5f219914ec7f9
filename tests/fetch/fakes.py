"""Fakes that implement the seams of the key source."""

import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from lambda_authorizer.fetch import Fetched, FetchError
from lambda_authorizer.tokens import Issuer, KeySourceConfig

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://id.example"
JWKS = "https://id.example/keys"
WELL_KNOWN = "https://id.example/.well-known/openid-configuration"


@cache
def public_jwk(name: str) -> dict[str, str]:
    """Return a public P-256 key; the same name gives the same key."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode() for value in (numbers.x, numbers.y))
    return {"kid": name, "kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256"}


def key_set(*names: str, **members: object) -> bytes:
    """Return the text of a key set that holds the keys of these names."""
    return json.dumps({"keys": [public_jwk(name) for name in names], **members}).encode()


class Token(NamedTuple):
    """What of a token the key source looks at."""

    key_id: str | None = "a"
    algorithm: str = "ES256"


class FakeClock:
    """Both clocks, turned by the test."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000_000
        self.monotonic = 1_000_000

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.wall

    def monotonic_ms(self) -> int:
        """Return the monotonic clock."""
        return self.monotonic

    def pass_time(self, milliseconds: int) -> None:
        """Let both clocks go on."""
        self.wall += milliseconds
        self.monotonic += milliseconds


class FakeFetcher:
    """Answers from a table of address → document, error slug, or function that gives one of them."""

    def __init__(self, pages: dict[str, "bytes | str | Callable[[], bytes]"]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.deadlines: list[int] = []
        self.loopback: list[bool] = []
        self.max_age: int | None = None

    def __call__(self, url: str, deadline: int, *, http_loopback: bool = False) -> Fetched:
        """Return the document of the table, or raise what it says."""
        self.asked.append(url)
        self.deadlines.append(deadline)
        self.loopback.append(http_loopback)
        page = self.pages.get(url, "http_404")
        if callable(page):
            page = page()
        if isinstance(page, str):
            raise FetchError(page)
        return Fetched(page, self.max_age)


def issuer_of(key_source: KeySourceConfig | None, name: str = "main") -> Issuer:
    """Return a trusted issuer with this key source."""
    return Issuer(
        name=name,
        url=ISSUER,
        iss_values=(ISSUER,),
        audiences=("api",),
        algorithms=("ES256",),
        preset="oidc",
        leeway=0,
        token_use="access",
        key_source=key_source,
        introspection=None,
        claim_paths={},
    )


AT_ADDRESS = issuer_of(KeySourceConfig("https", JWKS, ISSUER))
DISCOVERED = issuer_of(KeySourceConfig("discover", ISSUER, ISSUER))
