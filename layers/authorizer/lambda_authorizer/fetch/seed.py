"""Keys from files: the whole source, or a seed that bridges a start without the issuer.

Laws of this file: a file is read once, at start, and a mistake in it stops the function there. A seed without a
date is refused: keys whose age nobody knows could have been withdrawn long ago.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os.path
from typing import TYPE_CHECKING

from lambda_authorizer.encoding import decode_json_set
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.jwk import MAX_BODY_BYTES, InvalidKeySetError, parse_key_set
from lambda_authorizer.keys import KeyCache

if TYPE_CHECKING:
    from typing import Final

    from lambda_authorizer.jwk import KeySet
    from lambda_authorizer.keys import Instant, Limits
    from lambda_authorizer.tokens import Issuer, KeySourceConfig

_SECOND: Final = 1_000


def read_key_file(path: str, *, directory: str, key: str) -> bytes:
    """Return the text of a key file.

    Raises:
        ConfigurationError: it cannot be read, or is larger than any key set.
    """
    place = os.path.join(directory, path)  # noqa: PTH118 - pathlib costs 5 ms of start
    try:
        with open(place, "rb") as file:  # noqa: PTH123 - as above
            body = file.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        found = f"a file that cannot be read ({type(error).__name__})"
        raise ConfigurationError(path, key, found, "a key file") from None
    if len(body) > MAX_BODY_BYTES:
        raise ConfigurationError(path, key, "a larger file", f"a key set of at most {MAX_BODY_BYTES} bytes")
    return body


def static_cache(
    issuer: Issuer, config: KeySourceConfig, limits: Limits, now: Instant, directory: str
) -> KeyCache:
    """Return the keys of an issuer that need no network, now or ever.

    Raises:
        ConfigurationError: as `read_key_file` and `static_keys`.
    """
    key = f"issuer {issuer.name}: jwks"
    held = KeyCache(limits, static=True)
    inline = config.kind == "inline"
    body = config.value.encode() if inline else read_key_file(config.value, directory=directory, key=key)
    keys = static_keys(body, file="rules" if inline else config.value, key=key)
    held.renew(now, keys, count=len(keys.keys), skipped=keys.skipped)
    keys.prepare(issuer.algorithms)
    return held


def static_keys(body: bytes, *, file: str, key: str) -> KeySet:
    """Return the keys of a file or an inline text.

    Raises:
        ConfigurationError: it is no key set, or none of its keys can be used.
    """
    try:
        keys = parse_key_set(body)
    except InvalidKeySetError:
        raise ConfigurationError(file, key, "text that is no JWK set", "a JWK set (RFC 7517 section 5)") from None
    if not keys.keys:
        skipped = ", ".join(sorted(set(keys.skipped))) or "it holds none"
        raise ConfigurationError(file, key, f"no usable key ({skipped})", "a public signature key")
    return keys


def read_seed(path: str, *, directory: str, key: str, issuer: str) -> tuple[KeySet, int]:
    """Return keys and date (milliseconds) of a seed: a JWK set with `retrieved_at` and `issuer`, from `keys pull`.

    Raises:
        ConfigurationError: it is no seed, or one of another issuer.
    """
    body = read_key_file(path, directory=directory, key=key)
    keys = static_keys(body, file=path, key=key)
    document = decode_json_set(body)
    retrieved = document.get("retrieved_at")
    if isinstance(retrieved, bool) or not isinstance(retrieved, int):
        raise ConfigurationError(
            path, key, "no retrieved_at", "the file that `lambda-authorizer keys pull` writes"
        )
    if document.get("issuer") != issuer:
        raise ConfigurationError(path, key, "the keys of another issuer", "those of the issuer's own url")
    return keys, retrieved * _SECOND
