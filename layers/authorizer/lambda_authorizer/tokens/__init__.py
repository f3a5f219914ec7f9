"""Untrusted text → `UnverifiedToken` → `Claims`: what the operator says about an issuer, as types.

`compact` parses, `table` reads the issuers from the rules file, `verify` verifies.

Laws of this file: data only, no check and no default that widens trust; nothing here imports cryptography, so that
the rules file can be checked and compiled where it is not installed. Slots and no NamedTuple: each of those costs
every start a tenth of a millisecond.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final, Literal, Self

    Path = tuple[str, ...]  # names to walk down; ("cognito:groups",) is one name, dots and colons part nothing

# The opt-outs are sentences, so that nobody switches a check off by a slip.
UNCHECKED = "unchecked, on purpose"


class Record:
    """A value with named fields, equal to another of its kind with equal fields."""

    __slots__: tuple[str, ...] = ()

    def _asdict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def _replace(self, **changes: object) -> Self:
        return type(self)(**{**self._asdict(), **changes})

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._asdict() == other._asdict()

    def __hash__(self) -> int:
        return hash(self.__slots__)  # fields may be maps, which have none: equality decides


class KeySourceConfig(Record):
    """Where the issuer's keys come from.

    Args:
        kind: one of the four places.
        value: discover: URL that the well-known path is added to; https: address; file: path; inline: JSON text.
        issuer: discover: what the metadata's `issuer` must equal, byte for byte ("{tenantid}" stands literally).
        http_loopback: http:// to a loopback host is accepted (local runs only).
        seed: path of a key file that serves until the first refresh.
        seed_max_age: seconds after it was written.
    """

    __slots__ = ("http_loopback", "issuer", "kind", "seed", "seed_max_age", "value")

    def __init__(  # noqa: PLR0913, PLR0917 - a table of the rules file
        self,
        kind: Literal["discover", "https", "file", "inline"],
        value: str,
        issuer: str,
        http_loopback: bool = False,  # noqa: FBT001, FBT002 - as it stands in the table
        seed: str | None = None,
        seed_max_age: int = 86_400,
    ) -> None:
        self.kind: Final = kind
        self.value: Final = value
        self.issuer: Final = issuer
        self.http_loopback: Final = http_loopback
        self.seed: Final = seed
        self.seed_max_age: Final = seed_max_age


class IntrospectionConfig(Record):
    """How the issuer is asked about an opaque token (RFC 7662).

    Args:
        endpoint: https address, or "discover" (`introspection_endpoint` of the issuer's metadata).
        issuer: discover: the issuer URL, as in KeySourceConfig.
        auth: how we say who asks.
        client_id: who asks.
        secret: "secretsmanager:…", "ssm:…" or "env:NAME"; private_key_jwt: of a PEM or JWK private key.
        cache: seconds an active answer may be kept, never past `exp`.
        negative_cache: seconds an inactive answer is kept.
        http_loopback: as in KeySourceConfig.
    """

    __slots__ = ("auth", "cache", "client_id", "endpoint", "http_loopback", "issuer", "negative_cache", "secret")

    def __init__(  # noqa: PLR0913, PLR0917 - a table of the rules file
        self,
        endpoint: str,
        issuer: str,
        auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"],
        client_id: str,
        secret: str,
        cache: int,
        negative_cache: int,
        http_loopback: bool = False,  # noqa: FBT001, FBT002 - as it stands in the table
    ) -> None:
        self.endpoint: Final = endpoint
        self.issuer: Final = issuer
        self.auth: Final = auth
        self.client_id: Final = client_id
        self.secret: Final = secret
        self.cache: Final = cache
        self.negative_cache: Final = negative_cache
        self.http_loopback: Final = http_loopback


class Issuer(Record):
    """One trusted issuer. Built by `issuer_from_table` only, which has checked every field.

    Args:
        name: alias in logs and rules.
        url: as the operator wrote it.
        iss_values: each `iss` accepted, compared byte for byte; () with `any_tenant`.
        audiences: None: unchecked, on purpose.
        algorithms: those that its tokens may name.
        preset: name of the provider's preset.
        leeway: seconds.
        token_use: "access" or "id"; None: unchecked, on purpose.
        key_source: None only where `introspection` is given.
        introspection: for opaque tokens.
        claim_paths: id scopes groups roles tier tenant client_id -> the first of these paths that the token has.
        any_tenant: Entra, any tenant on purpose: the `iss` with "{tenantid}" in it.
        client_roles: Keycloak: roles of each audience's client are read too, as "audience:role".
    """

    __slots__ = (
        "algorithms", "any_tenant", "audiences", "claim_paths", "client_roles", "introspection", "iss_values",
        "key_source", "leeway", "name", "preset", "token_use", "url",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - a table of the rules file
        self,
        name: str,
        url: str,
        iss_values: tuple[str, ...],
        audiences: tuple[str, ...] | None,
        algorithms: tuple[str, ...],
        preset: str,
        leeway: int,
        token_use: str | None,
        key_source: KeySourceConfig | None,
        introspection: IntrospectionConfig | None,
        claim_paths: Mapping[str, tuple[Path, ...]],
        any_tenant: str | None = None,
        client_roles: bool = False,  # noqa: FBT001, FBT002 - as it stands in the table
    ) -> None:
        self.name: Final = name
        self.url: Final = url
        self.iss_values: Final = iss_values
        self.audiences: Final = audiences
        self.algorithms: Final = algorithms
        self.preset: Final = preset
        self.leeway: Final = leeway
        self.token_use: Final = token_use
        self.key_source: Final = key_source
        self.introspection: Final = introspection
        self.claim_paths: Final = claim_paths
        self.any_tenant: Final = any_tenant
        self.client_roles: Final = client_roles

    def __repr__(self) -> str:
        return f"Issuer(name={self.name!r})"
