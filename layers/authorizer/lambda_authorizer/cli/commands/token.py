"""`token`: mint a test token, and write beside it the key set that trusts it.

The key lives in this process and dies with it, unless `--key` asks for it to be kept.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import environment_options, load_rules, read_text
from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from lambda_authorizer.testing.issuer import FakeIssuer, SigningKey

ISSUER = "https://issuer.example/"
AUDIENCE = "https://api.example"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 100 * 365 * 86400


@click.command("token", short_help="Mint a test token with an issuer of your own.")
@click.option("--claims", multiple=True, metavar="JSON|@FILE", help="Claims; once for each token wanted.")
@click.option(
    "--expires", default="1h", show_default=True, metavar="TIME", help="30s, 5m, 1h, 7d; -1h for an expired one."
)
@click.option("--issuer", metavar="URL", help=f"The token's iss. [default: the rules' issuer, else {ISSUER}]")
@click.option(
    "--audience", metavar="TEXT", help=f"The token's aud. [default: the rules' audience, else {AUDIENCE}]"
)
@click.option("--rules", "rules_file", metavar="FILE", help="Take issuer and audience from this rules file.")
@click.option("--algorithm", default="ES256", show_default=True, metavar="NAME", help="RS256 … EdDSA.")
@click.option(
    "--jwks",
    default="jwks.json",
    show_default=True,
    metavar="FILE",
    help="Where the public keys go; - for nowhere.",
)
@click.option(
    "--key", "key_file", metavar="FILE", help="Sign with this private key (PEM); it is made if it is not there."
)
@click.option("--bad", metavar="NAME", help="Mint the bad token of that name; `--bad list` names them.")
@environment_options
def command(
    claims: tuple[str, ...],
    expires: str,
    issuer: str | None,
    audience: str | None,
    rules_file: str | None,
    algorithm: str,
    jwks: str,
    key_file: str | None,
    bad: str | None,
    *,
    given: Mapping[str, str],
) -> None:
    """Mint test tokens: one line each on standard output, the key set that trusts them in a file.

    The private key is forgotten unless --key names a file for it.
    """
    from lambda_authorizer.testing.issuer import ALGORITHMS, BAD_TOKENS, FakeIssuer

    if bad == "list":
        console.table(("bad token", "refused with"), sorted(BAD_TOKENS.items()))
        return
    if bad is not None and bad not in BAD_TOKENS:
        raise ConfigurationError("command line", "--bad", repr(bad), ", ".join(sorted(BAD_TOKENS)))
    if algorithm not in ALGORITHMS:
        raise ConfigurationError("command line", "--algorithm", repr(algorithm), ", ".join(ALGORITHMS))
    lifetime = _seconds(expires)
    url, wanted = issuer, audience
    if rules_file is not None:
        trusted = load_rules(rules_file, given).rules.issuers
        url = url or next((one.url for one in trusted), None)
        wanted = wanted or next((one.audiences[0] for one in trusted if one.audiences), None)
    minter = FakeIssuer(url or ISSUER, audience=wanted or AUDIENCE, algorithm=algorithm)
    if key_file is not None:
        minter.keys = [_stored_key(key_file, algorithm)]
    for text in claims or ("{}",):
        values = claims_of(text)
        click.echo(minter.bad(bad, values) if bad else minter.mint(values, lifetime=lifetime))
    if jwks != "-":
        _write_key_set(jwks, minter)


def _write_key_set(path: str, minter: "FakeIssuer") -> None:
    try:
        Path(path).write_text(json.dumps(minter.jwks, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError("command line", "--jwks", (error.strerror or "").lower(), "a file") from None
    audience = minter.settings["AUDIENCE"]
    console.note(f"{path} trusts it: ISSUER={minter.url} AUDIENCE={audience} JWKS=file:{path}")


def _seconds(text: str) -> float:
    """Return a duration in seconds; negative for a token that has expired."""
    number, unit = text[:-1], text[-1:]
    if text.lstrip("-").isdigit() and text.isascii():
        number, unit = text, "s"
    if unit not in _UNITS or not (number.lstrip("-").isdigit() and number.isascii()):
        raise ConfigurationError("command line", "--expires", repr(text), "30s, 5m, 1h, 7d, or with a minus")
    seconds = int(number) * _UNITS[unit]
    if abs(seconds) > _LONGEST:
        raise ConfigurationError("command line", "--expires", repr(text), "at most 36500d")
    return seconds


def claims_of(text: str) -> dict[str, Any]:
    """Return the claims of one option."""
    where = "--claims"
    if text.startswith("@"):
        where = text[1:]
        text = read_text(where, "a JSON file of claims")
    try:
        values = json.loads(text)
    except ValueError:
        raise ConfigurationError(
            "command line", where, "broken JSON", 'an object such as {"sub": "c-1"}'
        ) from None
    if not isinstance(values, dict):
        raise ConfigurationError("command line", where, type(values).__name__, 'an object such as {"sub": "c-1"}')
    return values


def _stored_key(path: str, algorithm: str) -> "SigningKey":
    """Return the signing key of a PEM file, making both where there is none; only its owner can read the file."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    from lambda_authorizer.cli.signing import StoredKey
    from lambda_authorizer.testing.issuer import SigningKey

    if not Path(path).exists():
        made: Any = SigningKey(algorithm, "new")
        pem = made._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # noqa: SLF001 - the kit shows no key
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(pem)
        except OSError as error:
            raise ConfigurationError("command line", "--key", (error.strerror or "").lower(), "a file") from None
    allowed = f"an unencrypted private key in PEM that signs {algorithm}"
    try:
        private = load_pem_private_key(read_text(path, "a private key in PEM").encode(), None)
        return StoredKey(private, algorithm)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError("command line", "--key", "another kind of file", allowed) from None
