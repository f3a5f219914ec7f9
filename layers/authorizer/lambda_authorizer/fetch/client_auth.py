"""How this function proves who it is to an introspection endpoint (RFC 6749 section 2.3, RFC 7523, OIDC Core 9).

Laws of this file: a secret is read when first needed, kept until the endpoint refuses it, and is in no `repr` and
no message; an assertion is made for one request and says whom it is for.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch import FetchError

if TYPE_CHECKING:
    from lambda_authorizer.fetch.secrets import Source
    from lambda_authorizer.tokens import IntrospectionConfig

_ASSERTION_SECONDS: Final = 60
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

ReadSecret = Callable[[str], str]
"""Reference ("ssm:/name") → value; raises `FetchError` where it cannot be had."""


class ClientAuth:
    """The credentials of one client, and the fields and headers they become."""

    __slots__ = ("_config", "_key", "_read", "_secret")

    def __init__(self, config: "IntrospectionConfig", read: ReadSecret) -> None:
        self._config = config
        self._read = read
        self._secret: str | None = None
        self._key: tuple[Any, str, dict[str, str]] | None = None

    def __repr__(self) -> str:
        return f"ClientAuth({self._config.auth!r})"

    def forget(self) -> None:
        """Read the secret again next time: the endpoint refused it, so it may have been rotated."""
        self._secret = None
        self._key = None

    def apply(self, audience: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return form fields and headers that authenticate one request.

        Args:
            audience: the issuer, for an assertion (RFC 7523 section 3).

        Raises:
            FetchError: `secret_unavailable`, or `secret_unusable` where it is no private key but should be.
        """
        client_id = self._config.client_id
        if self._secret is None:
            self._secret = self._read(self._config.secret).rstrip("\r\n")  # what editors leave at the end
        if self._config.auth == "client_secret_basic":
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            from urllib.parse import quote_plus

            joined = f"{quote_plus(client_id)}:{quote_plus(self._secret)}"
            return {}, {"Authorization": "Basic " + b64encode(joined.encode()).decode()}
        if self._config.auth == "client_secret_post":
            return {"client_id": client_id, "client_secret": self._secret}, {}
        if self._key is None:
            self._key = _private_key(self._secret)
        fields = {"client_id": client_id, "client_assertion_type": _ASSERTION_TYPE}
        return {**fields, "client_assertion": _assertion(client_id, audience, *self._key)}, {}


def _private_key(text: str) -> tuple[Any, str, dict[str, str]]:
    """Return the key of a PEM or JWK text, its algorithm, and the header that names it."""
    try:
        if text.lstrip().startswith("{"):
            from jwt import PyJWK

            jwk = PyJWK.from_json(text)
            header = {"kid": jwk.key_id} if jwk.key_id else {}
            return jwk.key, jwk.algorithm_name, header
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(text.encode(), None)
        curve = getattr(getattr(key, "curve", None), "name", None)
        algorithm = _CURVES[curve] if curve else "RS256" if hasattr(key, "key_size") else "EdDSA"
    except Exception:  # noqa: BLE001 - parsers of two libraries; none of their texts may reach a log
        raise FetchError("secret_unusable") from None
    return key, algorithm, {}


def _assertion(client_id: str, audience: str, key: Any, algorithm: str, header: dict[str, str]) -> str:
    """Return a signed assertion that is good for one minute and one use."""
    from secrets import token_urlsafe

    import jwt

    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
        "jti": token_urlsafe(24),
    }
    try:
        return jwt.encode(claims, key, algorithm, header)
    except Exception:  # noqa: BLE001 - a public key, a wrong curve: the text could show the key
        raise FetchError("secret_unusable") from None


def secret_reader(environ: Mapping[str, str], *, sdk: "Source | None" = None) -> ReadSecret:
    """Return what reads "env:NAME", "secretsmanager:NAME" and "ssm:NAME"; `sdk` stands in for boto3."""

    def read(reference: str) -> str:
        if reference.startswith("env:"):
            return environ[reference.removeprefix("env:")]
        from lambda_authorizer.fetch import secrets

        try:
            return secrets.secret_text(reference, environ=environ, sdk=sdk)
        except secrets.UnavailableError:
            raise FetchError("secret_unavailable") from None

    return read


def check_secret(config: "IntrospectionConfig", environ: Mapping[str, str], key: str) -> None:
    """Refuse a secret that is to come from a variable which is not set.

    Raises:
        ConfigurationError: at start, where the operator sees it.
    """
    name = config.secret.removeprefix("env:")
    if name != config.secret and not environ.get(name):
        raise ConfigurationError("environment", name, "nothing", f"the client secret of {key}")
