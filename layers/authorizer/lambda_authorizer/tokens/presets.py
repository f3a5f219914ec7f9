"""What each provider's tokens look like: the claims they carry, and how access tokens differ from ID tokens.

Laws of this file: an access token must show that it is one, by something no ID token of that provider has; "not
surely an ID token" is not enough (RFC 8725 sections 3.11 and 3.12). Sources are named in docs/presets.md.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from lambda_authorizer.errors import InvalidAudienceError, InvalidClaimError, WrongTokenUseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from lambda_authorizer.tokens import Issuer, Path

    Check = Callable[[Mapping[str, Any], str | None, Issuer], None]

STS_NAMESPACE: Final = "https://sts.amazonaws.com/"
_TENANT_MARK: Final = "{tenantid}"
_GUID_GROUPS: Final = (8, 4, 4, 4, 12)
_TENANT_SEGMENT: Final = 3  # of an Entra issuer split at "/": https: "" host tenant

_PLAIN_TYPES: Final = frozenset({None, "jwt", "at+jwt"})
_ACCESS_MARKS: Final = frozenset({"scope", "scp", "client_id", "cid", "permissions"})
_AUTH0_ACCESS_MARKS: Final = frozenset({"scope", "client_id", "gty", "permissions"})
_NO_ID_MARKS: Final = frozenset({"scope", "scp", "cid", "permissions", "gty"})


class Preset:
    """One provider's defaults and its checks of a token's use (no NamedTuple: this is on the start path)."""

    __slots__ = ("access", "algorithms", "claim_paths", "default_use", "identity", "introspection")

    def __init__(  # noqa: PLR0913 - a row of the table below
        self,
        algorithms: tuple[str, ...],
        claim_paths: Mapping[str, tuple[Path, ...]],
        access: Check | None,  # None: the provider's tokens are not access tokens
        identity: Check | None,
        *,
        default_use: str | None = "access",  # None: must be written down
        introspection: bool = False,
    ) -> None:
        self.algorithms = algorithms
        self.claim_paths = claim_paths
        self.access = access
        self.identity = identity
        self.default_use = default_use
        self.introspection = introspection


def check_use(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:
    """Refuse a token that is not of the use and the shape configured.

    Raises:
        WrongTokenUseError, InvalidClaimError: as the provider's rules say.
    """
    if header_type not in _PLAIN_TYPES:
        # A logout token, a proof of possession, a security event: explicitly typed as something else.
        raise WrongTokenUseError("the token's typ says that it is another kind of token")
    check = _CHECKS.get((issuer.preset, issuer.token_use))
    if check is not None:
        check(values, header_type, issuer)


def check_introspected_use(values: Mapping[str, Any], issuer: Issuer) -> None:
    """Refuse an introspection answer about anything but an access token: refresh tokens are active too."""
    if issuer.token_use is None:
        return
    kind = values.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() not in {"bearer", "access_token"}:
        raise WrongTokenUseError("the introspection answer is not about a bearer token")
    _refuse_id_marks(values)
    if values.get("typ", "Bearer") != "Bearer":  # Keycloak: "Refresh", "ID", "Offline"
        raise WrongTokenUseError("the introspection answer is not about an access token")


def check_key_issuer(values: Mapping[str, Any], key_issuer: str, issuer: Issuer) -> None:
    """Refuse a token of one Entra tenant that is signed with a key of another (the keys endpoint is shared)."""
    if issuer.preset != "entra":
        return  # `issuer` in a JWK is Microsoft's own extension
    signer = key_issuer.replace(_TENANT_MARK, values["tid"])
    if signer == values["iss"]:
        return
    # A v1 token names sts.windows.net while the keys are marked with the v2 issuer: then the tenant must agree.
    parts = signer.split("/")
    if values["ver"] == "1.0" and len(parts) > _TENANT_SEGMENT and parts[_TENANT_SEGMENT] == values["tid"]:
        return
    raise InvalidClaimError("the key belongs to another tenant than the token")


def tenant_of(url: object, pattern: str) -> str | None:
    """Return the tenant id that stands in `url` where `pattern` has `{tenantid}`; None where it does not fit."""
    before, _, behind = pattern.partition(_TENANT_MARK)
    if not isinstance(url, str) or not url.startswith(before) or not url.endswith(behind):
        return None
    tenant = url[len(before) : len(url) - len(behind)]
    return tenant if is_guid(tenant) else None


def is_guid(text: object) -> bool:
    """Say whether `text` is a GUID in lower case, as Entra writes tenant ids."""
    if not isinstance(text, str):
        return False
    groups = text.split("-")
    return tuple(map(len, groups)) == _GUID_GROUPS and not set("".join(groups)) - set("0123456789abcdef")


def _refuse_id_marks(values: Mapping[str, Any]) -> None:
    # Only an ID token has these (OpenID Connect Core sections 2 and 3.3.2.11).
    if "nonce" in values or "at_hash" in values or "c_hash" in values or "s_hash" in values:
        raise WrongTokenUseError("the token is an ID token")


def _require_strings(values: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if type(values.get(name)) is not str or not values[name]:
            raise InvalidClaimError(f"the token lacks {name}, or it is no string")


def _generic_access(marks: frozenset[str]) -> Check:
    def check(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001 - Check
        _refuse_id_marks(values)
        if "scope" not in values and header_type != "at+jwt" and marks.isdisjoint(values):
            raise WrongTokenUseError("nothing in the token shows that it is an access token")

    return check


def _generic_identity(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:
    if header_type == "at+jwt" or not _NO_ID_MARKS.isdisjoint(values):
        raise WrongTokenUseError("the token is an access token")
    _identity(values, issuer)


def _identity(values: Mapping[str, Any], issuer: Issuer) -> None:
    """Refuse what no ID token may be (OpenID Connect Core sections 2 and 3.1.3.7)."""
    _require_strings(values, "sub")
    if "iat" not in values:
        raise InvalidClaimError("the ID token has no iat")
    audience = values.get("aud")
    several = isinstance(audience, list) and len(audience) > 1
    if several and issuer.audiences is not None and values.get("azp") not in issuer.audiences:
        raise InvalidAudienceError("the ID token was issued to another client")


def _rfc9068(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001 - Check
    if header_type != "at+jwt":
        raise WrongTokenUseError("the token's typ is not at+jwt")
    _require_strings(values, "sub", "client_id", "jti")
    if "iat" not in values or "aud" not in values:
        raise InvalidClaimError("the token lacks iat or aud")
    if type(values.get("scope", "")) is not str:
        raise InvalidClaimError("scope is no string")


def _cognito(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001 - Check
    if values.get("token_use") != issuer.token_use:
        raise WrongTokenUseError("token_use is not the one configured")
    _require_strings(values, "sub")
    if issuer.token_use == "access":  # noqa: S105 - no password
        _require_strings(values, "client_id")


def _okta_access(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001
    _refuse_id_marks(values)
    if type(values.get("cid")) is not str:
        raise WrongTokenUseError("the token has no cid: only Okta's access tokens have one")


def _entra_access(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:
    _entra_tenant(values, header_type, issuer)
    _refuse_id_marks(values)
    client = "appid" if values["ver"] == "1.0" else "azp"
    if type(values.get(client)) is not str:
        raise WrongTokenUseError("the token names no client application: only Entra's access tokens do")


def _entra_identity(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:
    _entra_tenant(values, header_type, issuer)
    if not {"scp", "azpacr", "appidacr", "idtyp"}.isdisjoint(values):
        raise WrongTokenUseError("the token is an access token")
    _identity(values, issuer)


def _entra_tenant(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001
    tenant = values.get("tid")
    parts: list[str] = values["iss"].split("/")
    if not is_guid(tenant) or parts[_TENANT_SEGMENT] != tenant:
        raise InvalidClaimError("tid is not the tenant of the issuer")
    # Which tenants may sign in is said by `iss_values`, and was checked with the issuer.
    if values.get("ver") != ("2.0" if parts[-1] == "v2.0" else "1.0"):
        raise InvalidClaimError("ver does not fit the issuer")


def _keycloak_access(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001
    if values.get("typ") != "Bearer":
        raise WrongTokenUseError("typ in the payload is not Bearer")


def _keycloak_identity(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001
    if values.get("typ") != "ID":
        raise WrongTokenUseError("typ in the payload is not ID")
    _identity(values, issuer)


def _google(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001 - Check
    # `azp` is not compared: on Android it names the app, while `aud` names the server it speaks to.
    _require_strings(values, "sub", "azp")


def _github(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001 - Check
    _require_strings(values, "sub", "repository", "repository_owner")


def _sts(values: Mapping[str, Any], header_type: str | None, issuer: Issuer) -> None:  # noqa: ARG001 - Check
    _require_strings(values, "sub")
    session = values.get(STS_NAMESPACE)
    if not isinstance(session, dict) or type(session.get("aws_account")) is not str:
        raise WrongTokenUseError("the token names no AWS account")


def _paths(**changes: tuple[Path, ...]) -> Mapping[str, tuple[Path, ...]]:
    return {
        "id": (("sub",),),
        "scopes": (("scope",), ("scp",)),
        "groups": (("groups",),),
        "roles": (("roles",),),
        "tier": (),
        "tenant": (),
        "client_id": (("client_id",), ("azp",), ("cid",), ("appid",)),
        **changes,
    }


_ASYMMETRIC: Final = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_RS256: Final = ("RS256",)
_STS_ACCOUNT: Final[tuple[Path, ...]] = ((STS_NAMESPACE, "aws_account"),)

PRESETS: Final[Mapping[str, Preset]] = {
    "oidc": Preset(_ASYMMETRIC, _paths(), _generic_access(_ACCESS_MARKS), _generic_identity, introspection=True),
    "rfc9068": Preset(_ASYMMETRIC, _paths(), _rfc9068, None),
    "cognito": Preset(_RS256, _paths(groups=(("cognito:groups",),), roles=()), _cognito, _cognito),
    "auth0": Preset(
        _RS256,
        _paths(roles=(("permissions",),), tenant=(("org_id",),), groups=()),
        _generic_access(_AUTH0_ACCESS_MARKS),
        _generic_identity,
        introspection=True,
    ),
    "okta": Preset(_RS256, _paths(scopes=(("scp",),)), _okta_access, _generic_identity, introspection=True),
    "entra": Preset(_RS256, _paths(scopes=(("scp",),), tenant=(("tid",),)), _entra_access, _entra_identity),
    "keycloak": Preset(
        ("RS256", "PS256", "ES256", "EdDSA"),
        _paths(roles=(("realm_access", "roles"),)),
        _keycloak_access,
        _keycloak_identity,
        introspection=True,
    ),
    "google": Preset(_RS256, _paths(groups=(), roles=(), tenant=(("hd",),)), None, _google, default_use=None),
    "github": Preset(_RS256, _paths(groups=(), roles=(), tenant=(("repository_owner",),)), _github, None),
    "sts": Preset(("RS256", "ES384"), _paths(groups=(), roles=(), tenant=_STS_ACCOUNT), _sts, None),
}

# No entry: the operator has switched the check off, on purpose.
_CHECKS: Final[Mapping[tuple[str, str | None], Check]] = {
    **{(name, "access"): preset.access for name, preset in PRESETS.items() if preset.access is not None},
    **{(name, "id"): preset.identity for name, preset in PRESETS.items() if preset.identity is not None},
    ("entra", None): _entra_tenant,
}
