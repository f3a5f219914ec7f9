"""What the operator says about an issuer: the types. `table.py` reads them from the rules file.

Laws of this file: data only, no check and no default that widens trust; nothing here imports cryptography, so that
the rules file can be checked and compiled where it is not installed.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

# The opt-outs are sentences, so that nobody switches a check off by a slip.
UNCHECKED = "unchecked, on purpose"

Path = tuple[str, ...]  # names to walk down; ("cognito:groups",) is one name, dots and colons are no separators


class KeySourceConfig(NamedTuple):
    """Where the issuer's keys come from."""

    kind: Literal["discover", "https", "file", "inline"]
    value: str  # discover: URL that the well-known path is added to; https: address; file: path; inline: JSON text
    issuer: str  # discover: what the metadata's `issuer` must equal, byte for byte ("{tenantid}" stands literally)
    http_loopback: bool = False  # http:// to a loopback host is accepted (local runs only)
    seed: str | None = None  # path of a key file that serves until the first refresh
    seed_max_age: int = 86_400  # seconds after it was written


class IntrospectionConfig(NamedTuple):
    """How the issuer is asked about an opaque token (RFC 7662)."""

    endpoint: str  # https address, or "discover" (`introspection_endpoint` of the issuer's metadata)
    issuer: str  # discover: the issuer URL, as in KeySourceConfig
    auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
    client_id: str
    secret: str  # "secretsmanager:…", "ssm:…" or "env:NAME"; private_key_jwt: of a PEM or JWK private key
    cache: int  # seconds an active answer may be kept, never past `exp`
    negative_cache: int  # seconds an inactive answer is kept
    http_loopback: bool = False


class Issuer(NamedTuple):
    """One trusted issuer. Built by `issuer_from_table` only, which has checked every field."""

    name: str  # alias in logs and rules
    url: str  # as the operator wrote it
    iss_values: tuple[str, ...]  # each `iss` accepted, compared byte for byte; () with `any_tenant`
    audiences: tuple[str, ...] | None  # None: unchecked, on purpose
    algorithms: tuple[str, ...]
    preset: str
    leeway: int  # seconds
    token_use: str | None  # "access" or "id"; None: unchecked, on purpose
    key_source: KeySourceConfig | None  # None only where `introspection` is given
    introspection: IntrospectionConfig | None
    # id scopes groups roles tier tenant client_id -> the first of these paths that the token has
    claim_paths: Mapping[str, tuple[Path, ...]]
    any_tenant: str | None = None  # Entra, any tenant on purpose: the `iss` with "{tenantid}" in it
    client_roles: bool = False  # Keycloak: roles of each audience's client are read too, as "audience:role"
