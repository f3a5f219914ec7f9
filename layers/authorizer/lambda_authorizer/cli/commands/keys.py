"""`keys`: pull, show and examine the keys of an issuer, with the very fetcher that the function uses."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import environment_options, load_rules, read_text
from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from lambda_authorizer.fetch.seams import Fetcher
    from lambda_authorizer.jwk import Key, KeySet

_BUDGET_MS = 10_000
_PUBLIC = ("kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y", "x5c", "x5t", "x5t#S256", "issuer")


@click.group("keys", short_help="Pull, show and examine an issuer's keys.")
def command() -> None:
    """Pull, show and examine the keys of an issuer."""


def issuer_options(function: Any) -> Any:
    """Add what every keys command takes to find the issuer."""
    for option in (
        click.option("--rules", "rules_file", metavar="FILE", help="Take the issuer from this rules file."),
        click.option("--issuer", "alias", metavar="ALIAS", help="Its alias there. [default: the first]"),
        click.option("--http-loopback", is_flag=True, help="Accept http:// on loopback addresses."),
        click.option("--ca-directory", metavar="DIRECTORY", help="Directory of hashed root certificates."),
    ):
        function = option(function)
    return environment_options(function)


@command.command("pull", short_help="Write an issuer's key set to a file.")
@click.argument("source", metavar="[ISSUER_URL|JWKS_URL]", required=False)
@click.option(
    "-o", "--output", default="jwks.json", show_default=True, metavar="FILE", help="- for standard output."
)
@issuer_options
def pull(
    source: str | None,
    output: str,
    rules_file: str | None,
    alias: str | None,
    ca_directory: str | None,
    *,
    http_loopback: bool,
    given: Mapping[str, str],
) -> None:
    """Fetch an issuer's key set and write it to a file, public members only.

    For seeds, for `jwks = "file:…"`, and for `test --jwks`. Exit codes: 0 written, 2 the keys could not be had.
    """
    from lambda_authorizer.cli.judge import key_set

    address = _address(source, rules_file, alias, given, http_loopback=http_loopback)
    fetcher = _fetcher(ca_directory)
    body = _fetched(address, fetcher, http_loopback=http_loopback)
    parsed = key_set(body, address)
    public = _public(body)
    if output == "-":
        click.echo(public, nl=False)
    else:
        try:
            Path(output).write_text(public, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                "command line", "--output", (error.strerror or "").lower(), "a file"
            ) from None
    console.note(f"{len(parsed.keys)} usable, {len(parsed.skipped)} skipped, from {address}")


@command.command("show", short_help="Show the keys of a key set.")
@click.argument("source", metavar="[FILE|ISSUER_URL|JWKS_URL]", required=False)
@issuer_options
def show(
    source: str | None,
    rules_file: str | None,
    alias: str | None,
    ca_directory: str | None,
    *,
    http_loopback: bool,
    given: Mapping[str, str],
) -> None:
    """Show each key of a key set: what it is, what it may verify, its thumbprint; and what was skipped and why."""
    from lambda_authorizer.cli.judge import key_set

    if source is not None and "://" not in source:
        place, text = source, read_text(source, "a JSON Web Key Set")
    else:
        place = _address(source, rules_file, alias, given, http_loopback=http_loopback)
        text = _fetched(place, _fetcher(ca_directory), http_loopback=http_loopback)
    _show(key_set(text, place), _thumbprints(text))


def _show(keys: "KeySet", thumbprints: Mapping[str | None, str]) -> None:
    rows = [
        (key.kid or "none", key.kty, _size(key), " ".join(sorted(key.algorithms)), thumbprints.get(key.kid, ""))
        for key in keys.keys
    ]
    console.table(("kid", "type", "size", "verifies", "thumbprint (RFC 7638)"), rows)
    for reason in keys.skipped:
        console.note(f"a key was skipped: {reason}")


def _thumbprints(text: str) -> dict[str | None, str]:
    from lambda_authorizer.jwk import thumbprint

    found = {}
    for key in json.loads(text)["keys"]:
        try:
            found[key.get("kid")] = thumbprint(key)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # a key that cannot be used is named among the skipped
    return found


def _size(key: "Key") -> str:
    if key.crv is not None:
        return key.crv
    bits = getattr(key.public, "key_size", None)
    return f"{bits} bits" if bits is not None else ""


def _fetcher(ca_directory: str | None) -> "Fetcher":
    from lambda_authorizer.fetch.http import HttpFetcher

    return HttpFetcher(ca_directory=ca_directory)


def _address(
    source: str | None,
    rules_file: str | None,
    alias: str | None,
    given: Mapping[str, str],
    *,
    http_loopback: bool,
) -> str:
    """Return the address asked for, or that of the rules' issuer."""
    if source is not None:
        return source
    if rules_file is None:
        raise ConfigurationError("command line", "ISSUER_URL", "nothing", "an https address, or --rules FILE")
    issuers = load_rules(rules_file, given, http_loopback=http_loopback).rules.issuers
    for issuer in issuers:
        if alias in {None, issuer.name} and issuer.key_source is not None:
            source_ = issuer.key_source
            if source_.kind in {"discover", "https"}:
                return source_.value
            raise ConfigurationError(
                rules_file, "issuer.jwks", f"keys of kind {source_.kind}", "keys on the network"
            )
    raise ConfigurationError("command line", "--issuer", repr(alias), ", ".join(one.name for one in issuers))


def _fetched(address: str, fetcher: "Fetcher", *, http_loopback: bool) -> str:
    """Return the text of the key set at an address, by discovery where the address is an issuer's."""
    from lambda_authorizer.fetch.discovery import discover
    from lambda_authorizer.fetch.seams import FetchError, SystemClock

    if not address.startswith(("https://", "http://")):
        raise ConfigurationError("command line", "ISSUER_URL", repr(address), "an https address")
    deadline = SystemClock().monotonic_ms() + _BUDGET_MS
    try:
        try:
            url = discover(fetcher, address, address, "jwks_uri", deadline, http_loopback=http_loopback)
        except FetchError as error:
            if error.slug in {"issuer_mismatch", "bad_url"} or not _may_be_keys(error.slug):
                raise
            url = address  # no metadata there: the address may be that of the keys themselves
        return fetcher(url, deadline, http_loopback=http_loopback).body.decode("utf-8", "replace")
    except FetchError as error:
        allowed = "an issuer that can be reached (`lambda-authorizer keys doctor` explains)"
        raise ConfigurationError(address, "keys", error.slug, allowed) from None


def _may_be_keys(slug: str) -> bool:
    return slug.startswith("http_4") or slug == "invalid_metadata"


def _public(text: str) -> str:
    """Return the key set with public members alone: what an issuer published by mistake is not kept."""
    document = json.loads(text)
    keys = [
        {name: key[name] for name in _PUBLIC if name in key} for key in document["keys"] if isinstance(key, dict)
    ]
    return json.dumps({"keys": [key for key in keys if key.get("kty") != "oct"]}, indent=2) + "\n"
