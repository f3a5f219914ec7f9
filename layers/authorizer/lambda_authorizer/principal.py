"""Who calls, in the words of the rules: `Claims` → `Principal`.

Laws of this file: a claim of a shape that cannot be read is *unknown*, never empty: an allow rule that asks for it
does not hold, a deny rule that asks for it does. Nothing here is a decision.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from collections.abc import Mapping
from functools import lru_cache

from lambda_authorizer.errors import InvalidClaimError
from lambda_authorizer.tokens import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from lambda_authorizer.tokens import Issuer
    from lambda_authorizer.tokens.verify import Claims

MAX_ID_CHARS: Final = 1024


class Tiers(Record):
    """The `[tiers]` table of the rules file.

    Args:
        order: low to high.
        default: of a caller without the claim.
        values: claim value -> tier, where they differ.
        usage_keys: tier -> "secretsmanager:…" or "ssm:…".
    """

    __slots__ = ("default", "order", "usage_keys", "values")

    def __init__(
        self,
        order: tuple[str, ...],
        default: str | None = None,
        values: Mapping[str, str] | None = None,
        usage_keys: Mapping[str, str] | None = None,
    ) -> None:
        self.order: Final = order
        self.default: Final = default
        self.values: Final[Mapping[str, str]] = values or {}
        self.usage_keys: Final[Mapping[str, str]] = usage_keys or {}


class Principal(Record):
    """The caller. Its repr shows neither id nor claims.

    Args:
        id: what names the caller.
        issuer: alias.
        scopes: names of scopes.
        groups: names of groups.
        roles: names of roles.
        tier: one of the rules file's, or none.
        tenant: of the issuer's.
        claims: everything the token says.
        expires_at: when it ends, in seconds; None for anonymous callers.
        unknown: what the token does not tell: scopes, groups, roles, tier, tenant, claims that are elsewhere.
        anonymous: nobody said who they are.
        client_id: the application that calls.
    """

    __slots__ = (
        "anonymous", "claims", "client_id", "expires_at", "groups", "id", "issuer", "roles", "scopes", "tenant",
        "tier", "unknown",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - what rules can ask about
        self,
        id: str,  # noqa: A002 - the word that rules and users know
        issuer: str,
        scopes: frozenset[str],
        groups: frozenset[str],
        roles: frozenset[str],
        tier: str | None,
        tenant: str | None,
        claims: Mapping[str, Any],
        expires_at: float | None,
        unknown: frozenset[str],
        anonymous: bool = False,  # noqa: FBT001, FBT002 - last but one of many
        client_id: str | None = None,
    ) -> None:
        self.id: Final = id
        self.issuer: Final = issuer
        self.scopes: Final = scopes
        self.groups: Final = groups
        self.roles: Final = roles
        self.tier: Final = tier
        self.tenant: Final = tenant
        self.claims: Final = claims
        self.expires_at: Final = expires_at
        self.unknown: Final = unknown
        self.anonymous: Final = anonymous
        self.client_id: Final = client_id

    def __repr__(self) -> str:
        return f"Principal(issuer={self.issuer!r}, anonymous={self.anonymous!r})"


_NONE: Final[frozenset[str]] = frozenset()
_EMPTY: Final = frozenset({""})
_ONLY_TEXT: Final = frozenset({str})
ANONYMOUS: Final = Principal("anonymous", "", _NONE, _NONE, _NONE, None, None, {}, None, _NONE, anonymous=True)


def claim_at(values: Mapping[str, Any], path: tuple[str, ...]) -> object | None:
    """Return the claim at the end of `path`; None where there is none. A name is taken whole, dots included."""
    value: object = values
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def map_principal(claims: Claims, issuer: Issuer, tiers: Tiers | None) -> Principal:
    """Return the caller that verified claims describe.

    Raises:
        InvalidClaimError: the claim that names the caller is missing, no string, empty, too long or unprintable.
    """
    values, paths = claims.values, issuer.claim_paths
    caller = _first(values, paths["id"])
    if type(caller) is not str or not 0 < len(caller) <= MAX_ID_CHARS or not caller.isprintable():
        raise InvalidClaimError("the claim that names the caller is missing, or nothing that can name one")
    unknown: set[str] = set()
    elsewhere = values.get("_claim_names")
    if "_claim_names" in values or "hasgroups" in values:
        unknown.update(_not_told(values, issuer, elsewhere))
    scopes = _names(values, paths["scopes"], "scopes", unknown, split=True)
    groups = _names(values, paths["groups"], "groups", unknown)
    roles = _names(values, paths["roles"], "roles", unknown)
    if issuer.client_roles:
        roles = _with_client_roles(roles, values, issuer, unknown)
    client = _first(values, paths["client_id"])
    return Principal(
        id=caller,
        issuer=claims.issuer,
        scopes=scopes,
        groups=groups,
        roles=roles,
        tier=_tier(values, paths["tier"], tiers, unknown) if tiers is not None else None,
        tenant=_one(values, paths["tenant"], unknown),
        claims=values,
        expires_at=claims.expires_at,
        unknown=frozenset(unknown) if unknown else _NONE,
        client_id=client if type(client) is str else None,
    )


def _first(values: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> object | None:
    for path in paths:
        found: object = values.get(path[0])
        if found is None:
            continue
        if len(path) > 1:
            found = claim_at(values, path)
        if found is not None:
            return found
    return None


def _names(
    values: Mapping[str, Any],
    paths: tuple[tuple[str, ...], ...],
    what: str,
    unknown: set[str],
    *,
    split: bool = False,
) -> frozenset[str]:
    """Return the names that a claim lists, as a list or as one string; scopes in a string part at blanks."""
    found = _first(values, paths) if paths else None
    if found is None:
        return _NONE
    if type(found) is str:
        return _scopes(found) if split else frozenset((found,))
    if type(found) is list and _ONLY_TEXT.issuperset(map(type, found)):
        return frozenset(found)
    unknown.add(what)
    return _NONE


@lru_cache(maxsize=64)
def _scopes(text: str) -> frozenset[str]:
    """Return the scopes of one string.

    The result depends on the text alone, and the tokens of one application have the same few: remembered, bounded.
    Only issuers whose signature was checked get here. What is remembered has its hash already.
    """
    return frozenset(text.split(" ")) - _EMPTY


def _one(values: Mapping[str, Any], paths: tuple[tuple[str, ...], ...], unknown: set[str]) -> str | None:
    found = _first(values, paths) if paths else None
    if found is None or type(found) is str:
        return found
    unknown.add("tenant")
    return None


def _tier(
    values: Mapping[str, Any], paths: tuple[tuple[str, ...], ...], tiers: Tiers, unknown: set[str]
) -> str | None:
    """Return the tier that the claim names; of a list, such as the caller's groups, the highest that is a tier."""
    found = _first(values, paths)
    if found is None:
        return tiers.default
    if type(found) is str:
        tier = tiers.values.get(found, found)
        if tier in tiers.order:
            return tier
    elif type(found) is list and all(type(name) is str for name in found):
        named = {tiers.values.get(name, name) for name in found}
        return next((tier for tier in reversed(tiers.order) if tier in named), tiers.default)
    unknown.add("tier")
    return None


def _not_told(values: Mapping[str, Any], issuer: Issuer, elsewhere: object) -> set[str]:
    """Return what the token has elsewhere: Entra's groups overage, distributed claims of OpenID Connect."""
    if not isinstance(elsewhere, Mapping):
        elsewhere = {"groups": ""}  # hasgroups, or a `_claim_names` that cannot be read
    names = {name for name in elsewhere if name not in values}  # conditions on claims ask for these
    return names | {
        what
        for what in ("scopes", "groups", "roles", "tier", "tenant")
        if any(path[0] in names for path in issuer.claim_paths[what])
    }


def _with_client_roles(
    realm_roles: frozenset[str], values: Mapping[str, Any], issuer: Issuer, unknown: set[str]
) -> frozenset[str]:
    """Return Keycloak's realm roles, and the client roles of the audiences as "audience:role".

    A realm role whose own name begins so is left out: it would pass for a client role.
    """
    roles = set(realm_roles)
    for audience in issuer.audiences or ():
        prefix = f"{audience}:"
        roles = {role for role in roles if not role.startswith(prefix)}
    for audience in issuer.audiences or ():
        path = (("resource_access", audience, "roles"),)
        roles.update(f"{audience}:{role}" for role in _names(values, path, "roles", unknown))
    return frozenset(roles)
