"""The `[[issuer]]` tables of the rules file: strict, and every mistake says what to write instead.

Laws of this file: an unknown key is an error; what would widen trust must be written in full; a message names
file, key, what was found and what is allowed, and never shows a secret or a key.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import json
from collections.abc import Mapping

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.jwk import ALGORITHMS, InvalidKeySetError, parse_key_set
from lambda_authorizer.tokens import UNCHECKED, IntrospectionConfig, Issuer, KeySourceConfig
from lambda_authorizer.tokens.presets import PRESETS, is_guid, tenant_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, Literal

    from lambda_authorizer.tokens import Path
    from lambda_authorizer.tokens.presets import Preset

ANY_TENANT: Final = "any, on purpose"
MAX_LEEWAY: Final = 300
_MAX_URL: Final = 512
_SEED_AGE: Final = 86_400
_MIN_SEED_AGE: Final = 3_600
_MAX_SEED_AGE: Final = 30 * 86_400
_MAX_NAME: Final = 64
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
ISSUER_KEYS: Final = frozenset({
    "name", "url", "jwks", "audience", "preset", "algorithms", "leeway", "token_use", "tenants", "introspection",
    "claims",
    "jwks_seed", "jwks_seed_max_age",
})  # fmt: skip
INTROSPECTION_KEYS: Final = frozenset({
    "endpoint", "auth", "client_id", "secret", "cache", "negative_cache",
})  # fmt: skip
_SECRETS: Final = ("secretsmanager:", "ssm:", "env:")
_GOOGLE: Final = ("https://accounts.google.com", "accounts.google.com")
_SHARED_TENANTS: Final = frozenset({"common", "organizations", "{tenantid}"})
_V1_HOSTS: Final = {
    "sts.windows.net": "login.microsoftonline.com",
    "sts.chinacloudapi.cn": "login.chinacloudapi.cn",
}


class _Table:
    """One table with its place, so that every mistake can be reported where it stands."""

    __slots__ = ("file", "http_loopback", "key", "values")

    def __init__(self, values: Mapping[str, object], file: str, key: str, *, http_loopback: bool) -> None:
        self.values = values
        self.file = file
        self.key = key
        self.http_loopback = http_loopback

    def error(self, name: str, found: str, allowed: str, hint: str = "") -> ConfigurationError:
        return ConfigurationError(self.file, f"{self.key}.{name}" if name else self.key, found, allowed, hint=hint)

    def known(self, names: frozenset[str]) -> None:
        for name in self.values:
            if name not in names:
                raise ConfigurationError.unknown_key(self.file, f"{self.key}.{name}", name, names)

    def sub_table(self, name: str) -> _Table | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.error(name, _kind(value), "a table")
        return _Table(value, self.file, f"{self.key}.{name}", http_loopback=self.http_loopback)

    def text(self, name: str, allowed: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if value is None:
            raise self.error(name, "nothing", allowed)
        if not isinstance(value, str):
            raise self.error(name, _kind(value), allowed)
        if not value:
            raise self.error(name, "an empty string", allowed)
        return value

    def texts(self, name: str, allowed: str) -> tuple[str, ...]:
        """Return a list of distinct non-empty strings."""
        value = self.values[name]
        if not isinstance(value, list) or not value:
            raise self.error(name, _kind(value), allowed)
        if not all(isinstance(member, str) and member for member in value):
            raise self.error(name, "a list with something that is no string, or empty", allowed)
        if len(set(value)) != len(value):
            raise self.error(name, "a list that names something twice", allowed)
        return tuple(value)

    def seconds(self, name: str, default: int, most: int, least: int = 0) -> int:
        value = self.values.get(name, default)
        allowed = f"a whole number of seconds from {least} to {most}"
        if type(value) is not int:
            raise self.error(name, _kind(value), allowed)
        if not least <= value <= most:
            raise self.error(name, str(value), allowed)
        return value

    def is_address(self, text: str) -> bool:
        """Say whether `text` is an https address, or http to a loopback host where that is allowed."""
        scheme, mark, rest = text.partition("://")
        host = rest.partition("/")[0]
        if not mark or not host or not text.isascii() or not text.isprintable() or len(text) > _MAX_URL:
            return False
        if any(character in text for character in ' "<>\\^`|#') or "@" in host or "?" in host:
            return False
        if scheme == "https":
            return True
        return scheme == "http" and self.http_loopback and _without_port(host) in _LOOPBACK


def issuer_from_table(table: Mapping[str, object], *, file: str, key: str, http_loopback: bool = False) -> Issuer:
    """Return the issuer that one `[[issuer]]` table describes, after `${…}` has been filled in.

    Args:
        table: the table as TOML or JSON gave it.
        file: name of the rules file, for messages.
        key: place of the table in it ("issuer[0]"), for messages.
        http_loopback: http:// addresses of loopback hosts are accepted (local runs only).

    Raises:
        ConfigurationError: anything missing, unknown, contradictory or wider than it says.
    """
    here = _Table(table, file, key, http_loopback=http_loopback)
    here.known(ISSUER_KEYS)
    name = here.text("name", "the issuer's alias")
    if len(name) > _MAX_NAME or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise here.error("name", "characters that an alias cannot have", "up to 64 letters, digits, - and _")
    preset_name = here.text("preset", ", ".join(PRESETS), "oidc")
    if preset_name not in PRESETS:
        raise here.error("preset", repr(preset_name[:_MAX_NAME]), ", ".join(PRESETS))
    preset = PRESETS[preset_name]
    url = _url(here, preset_name)
    issuer = Issuer(
        name=name,
        url=url,
        iss_values=_GOOGLE if preset_name == "google" else (url,),
        audiences=_audiences(here),
        algorithms=_algorithms(here, preset),
        preset=preset_name,
        leeway=here.seconds("leeway", 0, MAX_LEEWAY),
        token_use=_token_use(here, preset_name, preset),
        key_source=None,
        introspection=_introspection(here, url, preset_name, preset),
        claim_paths=_claim_paths(here, preset),
    )
    if preset_name == "entra":
        issuer = _entra(here, issuer)
    elif "tenants" in table:
        raise here.error("tenants", f"tenants for preset {preset_name!r}", 'only with preset = "entra"')
    if preset_name == "keycloak":
        claims = here.sub_table("claims")
        issuer = issuer._replace(client_roles=claims is None or "roles" not in claims.values)
    if issuer.introspection is not None:
        for name in ("jwks", "jwks_seed", "jwks_seed_max_age"):
            if name in table:
                raise here.error(
                    name, f"{name} beside introspection", "one of them: a token is read, or asked about"
                )
        return issuer
    return issuer._replace(key_source=_key_source(here, issuer))


def check_issuers(issuers: Sequence[Issuer], *, file: str) -> None:
    """Refuse issuers that a token could not tell apart.

    Raises:
        ConfigurationError: two of one alias, two that accept one `iss`, or more than one asked by introspection.
    """
    for at, issuer in enumerate(issuers):
        for earlier in issuers[:at]:
            if issuer.name == earlier.name:
                raise ConfigurationError(
                    file, f"issuer[{at}].name", "an alias for the second time", "another name"
                )
            if _overlap(issuer, earlier) or _overlap(earlier, issuer):
                found = "a url whose tokens another table takes already"
                raise ConfigurationError(file, f"issuer[{at}].url", found, "one table for each url")
            if issuer.introspection is not None and earlier.introspection is not None:
                raise ConfigurationError(
                    file,
                    f"issuer[{at}].introspection",
                    "a second issuer with introspection",
                    "one: an opaque token does not say whom to ask",
                )


def _overlap(issuer: Issuer, other: Issuer) -> bool:
    """Say whether some `iss` of `issuer` is one of `other` too."""
    pattern = other.any_tenant
    if pattern is not None and pattern == issuer.any_tenant:
        return True
    return any(
        iss in other.iss_values or (pattern is not None and tenant_of(iss, pattern) is not None)
        for iss in issuer.iss_values
    )


def _kind(value: object) -> str:
    """Name the kind of a value, in the words of TOML; the value itself may be a secret."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    names: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return names.get(type(value), "a table" if isinstance(value, Mapping) else "nothing that fits")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _url(here: _Table, preset: str) -> str:
    allowed = "the issuer's URL, exactly as in its tokens' iss"
    url = here.text("url", allowed)
    discovered = "introspection" not in here.values and here.values.get("jwks", "discover") == "discover"
    if "://" in url or discovered:
        if not here.is_address(url) or "?" in url:
            raise here.error("url", repr(url[:_MAX_URL]), "an https URL without query, fragment and user")
    elif len(url) > _MAX_URL or not url.isprintable() or " " in url:
        raise here.error("url", "a string with blanks or control characters, or too long", allowed)
    if preset == "google" and url not in _GOOGLE:
        raise here.error("url", repr(url[:_MAX_URL]), "https://accounts.google.com")
    if preset == "auth0" and not url.endswith("/"):
        raise here.error("url", repr(url[:_MAX_URL]), "a URL that ends in a slash", "Auth0's iss ends in a slash.")
    return url


def _audiences(here: _Table) -> tuple[str, ...] | None:
    allowed = f'a list of audiences, or the string "{UNCHECKED}"'
    value = here.values.get("audience")
    if value is None:
        raise here.error("audience", "nothing", allowed)
    if value == UNCHECKED:
        return None
    audiences = here.texts("audience", allowed)
    if UNCHECKED in audiences:
        raise here.error("audience", "the opt-out inside a list", allowed)
    return audiences


def _algorithms(here: _Table, preset: Preset) -> tuple[str, ...]:
    if "algorithms" not in here.values:
        return preset.algorithms
    allowed = f"a list out of {', '.join(ALGORITHMS)}"
    algorithms = here.texts("algorithms", allowed)
    for algorithm in algorithms:
        if algorithm not in ALGORITHMS:
            hint = "A published key cannot be secret." if algorithm.startswith("HS") else ""
            raise here.error("algorithms", repr(algorithm[:_MAX_NAME]), allowed, hint)
    return algorithms


def _token_use(here: _Table, preset_name: str, preset: Preset) -> str | None:
    uses = {"access": preset.access, "id": preset.identity}
    fitting = [use for use, check in uses.items() if check is not None]
    # Where a provider has one kind only, the check is what tells it from everything else it signs.
    if len(fitting) == len(uses):
        fitting.append(UNCHECKED)
    allowed = ", ".join(f'"{use}"' for use in fitting)
    value = here.values.get("token_use", preset.default_use)
    if value is None:
        hint = f"Tokens of {preset_name} are ID tokens: they say who somebody is, not what a client may do."
        raise here.error("token_use", "nothing", allowed, hint)
    if value not in fitting:
        raise here.error("token_use", repr(value)[:_MAX_NAME], allowed)
    return None if value == UNCHECKED else str(value)


def _key_source(here: _Table, issuer: Issuer) -> KeySourceConfig:
    value = here.values.get("jwks", "discover")
    allowed = '"discover", an https address, "file:PATH", or a key set as JSON'
    if isinstance(value, Mapping):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise here.error("jwks", _kind(value), allowed)
    source = KeySourceConfig("discover", value, issuer.url, here.http_loopback)
    if value == "discover":
        base, expected = _discovery(issuer)
        source = source._replace(value=base, issuer=expected)
    elif value.lstrip().startswith("{"):
        _check_inline(here, value)
        source = source._replace(kind="inline")
    elif value.startswith("file:") and len(value) > len("file:"):
        source = source._replace(kind="file", value=value[len("file:") :])
    elif here.is_address(value):
        source = source._replace(kind="https")
    else:
        raise here.error("jwks", repr(value[:_MAX_NAME]), allowed)
    return _seeded(here, source)


def _check_inline(here: _Table, text: str) -> None:
    try:
        key_set = parse_key_set(text)
    except InvalidKeySetError as error:
        raise here.error("jwks", f"a key set that cannot be read ({error})", "a JWK Set") from None
    if not key_set.keys:
        found = f"a key set without a usable key ({', '.join(key_set.skipped) or 'it is empty'})"
        raise here.error("jwks", found, "public keys for signatures")


def _seeded(here: _Table, source: KeySourceConfig) -> KeySourceConfig:
    """Return the source with the file that serves until its first refresh, if one is named."""
    if "jwks_seed" not in here.values:
        if "jwks_seed_max_age" in here.values:
            raise here.error("jwks_seed_max_age", "an age without a seed", "jwks_seed beside it")
        return source
    seed = here.text("jwks_seed", '"file:PATH"')
    if not seed.startswith("file:") or len(seed) == len("file:"):
        raise here.error("jwks_seed", repr(seed[:_MAX_NAME]), '"file:PATH"')
    if source.kind not in {"discover", "https"}:
        raise here.error("jwks_seed", "a seed for keys that are not fetched", "jwks that is fetched, or no seed")
    age = here.seconds("jwks_seed_max_age", _SEED_AGE, _MAX_SEED_AGE, _MIN_SEED_AGE)
    return source._replace(seed=seed[len("file:") :], seed_max_age=age)


def _introspection(here: _Table, url: str, preset_name: str, preset: Preset) -> IntrospectionConfig | None:
    table = here.sub_table("introspection")
    if table is None:
        return None
    table.known(INTROSPECTION_KEYS)
    if not preset.introspection:
        fitting = ", ".join(name for name, each in PRESETS.items() if each.introspection)
        raise here.error("introspection", f"introspection with preset {preset_name!r}", f"one of {fitting}")
    endpoint = table.text("endpoint", '"discover" or an https address', "discover")
    if endpoint == "discover":
        if "://" not in url:
            raise table.error("endpoint", '"discover" with a url that is no address', "an https address")
    elif not table.is_address(endpoint):
        raise table.error("endpoint", repr(endpoint[:_MAX_URL]), '"discover" or an https address')
    methods: tuple[Literal["client_secret_basic", "client_secret_post", "private_key_jwt"], ...] = (
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    )
    auth = table.text("auth", ", ".join(methods), "client_secret_basic")
    if auth not in methods:
        raise table.error("auth", repr(auth[:_MAX_NAME]), ", ".join(methods))
    places = "secretsmanager:NAME, ssm:NAME or env:NAME"
    secret = table.text("secret", places)
    if not any(secret.startswith(prefix) and len(secret) > len(prefix) for prefix in _SECRETS):
        hint = "A secret itself never stands in the rules file."
        raise table.error("secret", "something that is no reference", places, hint)
    return IntrospectionConfig(
        endpoint=endpoint,
        issuer=url,
        auth=methods[methods.index(auth)],
        client_id=table.text("client_id", "the client id that asks"),
        secret=secret,
        cache=table.seconds("cache", 60, 3600),
        negative_cache=table.seconds("negative_cache", 10, 300),
        http_loopback=table.http_loopback,
    )


def _claim_paths(here: _Table, preset: Preset) -> Mapping[str, tuple[Path, ...]]:
    table = here.sub_table("claims")
    if table is None:
        return preset.claim_paths
    table.known(frozenset(preset.claim_paths))
    paths = dict(preset.claim_paths)
    allowed = "a claim's name, or a list of names to walk down"
    for name, value in table.values.items():
        paths[name] = ((table.text(name, allowed),) if isinstance(value, str) else table.texts(name, allowed),)
    return paths


def _entra(here: _Table, issuer: Issuer) -> Issuer:
    """Return the issuer with the tenants that may sign in (Entra's URLs name them)."""
    allowed = "https://login.microsoftonline.com/TENANT/v2.0 or https://sts.windows.net/TENANT/"
    parts = issuer.url.split("/")
    if len(parts) != 5 or parts[4] not in {"v2.0", ""}:  # noqa: PLR2004 - https: "" host tenant version
        raise here.error("url", repr(issuer.url), allowed)
    tenant = parts[3]
    if is_guid(tenant):
        if "tenants" in here.values:
            raise here.error("tenants", "tenants beside a url that names one", f"one of both; or {_shared(parts)}")
        return issuer
    if tenant not in _SHARED_TENANTS:
        hint = "TENANT is a tenant id in lower case, or common or organizations together with `tenants`."
        raise here.error("url", repr(issuer.url), allowed, hint)
    choice = f'a list of tenant ids, or the string "{ANY_TENANT}"'
    pattern = "/".join([*parts[:3], "{tenantid}", parts[4]])
    value = here.values.get("tenants")
    if value is None:
        raise here.error("tenants", "nothing, and a url shared by all tenants", choice)
    if value == ANY_TENANT:
        return issuer._replace(iss_values=(), any_tenant=pattern)
    tenants = here.texts("tenants", choice)
    if not all(map(is_guid, tenants)):
        raise here.error("tenants", "something that is no tenant id in lower case", choice)
    return issuer._replace(iss_values=tuple(pattern.replace("{tenantid}", each) for each in tenants))


def _shared(parts: list[str]) -> str:
    return "/".join([*parts[:3], "common", parts[4]])


def _discovery(issuer: Issuer) -> tuple[str, str]:
    """Return where the metadata is, and the `issuer` it must name."""
    parts = issuer.url.split("/")
    if issuer.preset == "google":
        return _GOOGLE[0], _GOOGLE[0]
    if issuer.preset != "entra" or is_guid(parts[3]):
        return issuer.url, issuer.url
    expected = "/".join([*parts[:3], "{tenantid}", parts[4]])
    tenant = "common" if parts[3] == "{tenantid}" else parts[3]
    if parts[4] == "v2.0":
        return "/".join([*parts[:3], tenant, "v2.0"]), expected
    host = _V1_HOSTS.get(parts[2], parts[2])  # sts.windows.net has no metadata for all tenants together
    return "/".join([*parts[:2], host, tenant]), expected
