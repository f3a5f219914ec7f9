"""From an issuer's URL to the address of its keys (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).

Laws of this file: the metadata's `issuer` equals the expected text byte for byte, or nothing of the document is
used (RFC 8414 section 3.3: else one issuer could speak for another). Both well-known forms are tried, because an
issuer with a path may serve either: `{issuer}/.well-known/openid-configuration` and
`{host}/.well-known/oauth-authorization-server{path}`.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING

from lambda_authorizer.encoding import decode_json
from lambda_authorizer.fetch import FetchError

if TYPE_CHECKING:
    from typing import Final

    from lambda_authorizer.fetch import Fetcher

_NOT_HERE: Final = frozenset({"http_400", "http_401", "http_403", "http_404", "http_405", "http_410"})


def well_known_urls(issuer: str) -> tuple[str, str]:
    """Return the addresses at which the metadata of `issuer` may be, the more usual one first."""
    base = issuer.removesuffix("/")
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    return (
        f"{base}/.well-known/openid-configuration",
        f"{scheme}://{host}/.well-known/oauth-authorization-server{slash}{path}",
    )


def discover(  # noqa: PLR0913 - one address, and all that decides whether it may be believed
    fetch: Fetcher, url: str, expected_issuer: str, member: str, deadline: int, *, http_loopback: bool = False
) -> str:
    """Return the address that the issuer's metadata gives for `member`.

    Raises:
        FetchError: `issuer_mismatch`, `invalid_metadata`, or whatever kept the document from being had.
    """
    if "?" in url:
        raise FetchError("bad_url")
    usual, inserted = well_known_urls(url)
    try:
        document = fetch(usual, deadline, http_loopback=http_loopback)
    except FetchError as error:
        if error.slug not in _NOT_HERE:
            raise
        document = fetch(inserted, deadline, http_loopback=http_loopback)
    try:
        metadata = decode_json(document.body)
    except ValueError:
        raise FetchError("invalid_metadata") from None
    if not isinstance(metadata, dict):
        raise FetchError("invalid_metadata")
    if metadata.get("issuer") != expected_issuer:
        raise FetchError("issuer_mismatch")
    address = metadata.get(member)
    if not isinstance(address, str):
        raise FetchError("invalid_metadata")
    return address
