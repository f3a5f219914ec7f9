"""`keys`: pull, show and examine the keys of an issuer, with the very fetcher that the function uses."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import environment_options, load_rules, read_text
from lambda_authorizer.errors import ConfigurationError

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "bold red"}


class _Source(NamedTuple):
    """Where an issuer's keys are."""

    issuer: str
    jwks: str  # "discover", or the address of the keys
    expected: str | None  # what the metadata's `issuer` must say, where that is another text
    options: Mapping[str, Any]  # how they are fetched


@click.group("keys", short_help="Pull, show and examine an issuer's keys.")
def command() -> None:
    """Pull, show and examine the keys of an issuer."""


def issuer_options(function: Any) -> Any:
    """Add what every keys command takes to find the issuer."""
    for option in (
        click.option("--jwks", metavar="URL", help="The address of the keys. [default: by discovery]"),
        click.option("--rules", "rules_file", metavar="FILE", help="Take the issuer from this rules file."),
        click.option("--issuer", "alias", metavar="ALIAS", help="Its alias there. [default: the first]"),
        click.option("--http-loopback", is_flag=True, help="Accept http:// on loopback addresses."),
        click.option("--ca-directory", metavar="DIRECTORY", help="Directory of hashed root certificates."),
    ):
        function = option(function)
    return environment_options(function)


@command.command("pull", short_help="Write an issuer's keys to a file.")
@click.argument("url", metavar="[ISSUER]", required=False)
@click.option(
    "-o", "--output", default="jwks.json", show_default=True, metavar="FILE", help="- for standard output."
)
@issuer_options
def pull(
    url: str | None,
    output: str,
    jwks: str | None,
    rules_file: str | None,
    alias: str | None,
    ca_directory: str | None,
    *,
    http_loopback: bool,
    given: Mapping[str, str],
) -> None:
    """Fetch an issuer's keys and write the usable ones to a file, with issuer and date.

    The file serves as a seed (`jwks_seed`), as `jwks = "file:…"`, and for `test --jwks`. Exit codes: 0 written,
    2 the keys could not be had.
    """
    from lambda_authorizer.fetch import FetchError, doctor

    options = {"http_loopback": http_loopback, "ca_directory": ca_directory}
    source = _source(url, jwks, (rules_file, alias), given, options)
    try:
        with console.working(f"fetching the keys of {source.issuer}"):
            document = doctor.pull(source.issuer, jwks=source.jwks, expected=source.expected, **source.options)
    except FetchError as error:
        allowed = "keys that can be had (`lambda-authorizer keys doctor` explains)"
        raise ConfigurationError(source.issuer, "keys", error.slug, allowed) from None
    text = json.dumps(document, indent=2) + "\n"
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError("command line", "--output", (error.strerror or "").lower(), "a file") from None
    console.note(f"{output} holds {len(document['keys'])} keys of {source.issuer}")


@command.command("show", short_help="Show the keys of a key set.")
@click.argument("subject", metavar="[FILE|ISSUER]", required=False)
@issuer_options
def show(
    subject: str | None,
    jwks: str | None,
    rules_file: str | None,
    alias: str | None,
    ca_directory: str | None,
    *,
    http_loopback: bool,
    given: Mapping[str, str],
) -> None:
    """Show each key of a file or of an issuer: what it is, its thumbprint, and why it is not used if it is not."""
    from lambda_authorizer.fetch import FetchError, doctor

    if subject is not None and "://" not in subject:
        place, body = subject, read_text(subject, "a JSON Web Key Set").encode()
    else:
        options = {"http_loopback": http_loopback, "ca_directory": ca_directory}
        source = _source(subject, jwks, (rules_file, alias), given, options)
        place, body = source.issuer, _fetched(source)
    try:
        rows = doctor.show(body)
    except FetchError as error:
        raise ConfigurationError(place, "keys", error.slug, "a JSON Web Key Set (RFC 7517)") from None
    shown = [
        (
            row.kid or "none",
            row.kty or "",
            row.crv or (f"{row.bits} bits" if row.bits else ""),
            row.alg or "",
            f"not used: {row.problem}" if row.problem else row.thumbprint or "",
        )
        for row in rows
    ]
    console.table(("kid", "type", "size", "alg", "thumbprint (RFC 7638)"), shown)


@command.command("doctor", short_help="Examine a live issuer and explain what is found.")
@click.argument("url", metavar="[ISSUER]", required=False)
@issuer_options
def examine(
    url: str | None,
    jwks: str | None,
    rules_file: str | None,
    alias: str | None,
    ca_directory: str | None,
    *,
    http_loopback: bool,
    given: Mapping[str, str],
) -> None:
    """Examine a live issuer as the function would meet it: metadata, keys, freshness, clock.

    Exit codes: 0 the function can use it, 1 a problem was found, 2 there was nothing to examine.
    """
    from lambda_authorizer.fetch.doctor import doctor

    options = {"http_loopback": http_loopback, "ca_directory": ca_directory}
    source = _source(url, jwks, (rules_file, alias), given, options)
    with console.working(f"examining {source.issuer}"):
        findings = doctor(source.issuer, jwks=source.jwks, expected=source.expected, **source.options)
    for finding in findings:
        console.line((f"{finding.level:<8}", _STYLES[finding.level]), (finding.about, "bold"), f": {finding.text}")
    if any(finding.level == "problem" for finding in findings):
        raise SystemExit(1)


def _source(
    url: str | None,
    jwks: str | None,
    named: tuple[str | None, str | None],
    given: Mapping[str, str],
    options: Mapping[str, Any],
) -> _Source:
    """Return the issuer asked for, or that of the rules."""
    rules_file, alias = named
    if url is not None:
        if not url.startswith(("https://", "http://")):
            raise ConfigurationError("command line", "ISSUER", repr(url), "an https address")
        return _Source(url, jwks or "discover", None, options)
    if rules_file is None:
        raise ConfigurationError("command line", "ISSUER", "nothing", "an https address, or --rules FILE")
    loopback = bool(options["http_loopback"])
    issuers = load_rules(rules_file, given, http_loopback=loopback).rules.issuers
    for issuer in issuers:
        if alias in {None, issuer.name} and issuer.key_source is not None:
            keys = issuer.key_source
            if keys.kind == "discover":
                return _Source(keys.value, jwks or "discover", keys.issuer, options)
            if keys.kind == "https":
                return _Source(issuer.url, jwks or keys.value, None, options)
            raise ConfigurationError(rules_file, "issuer.jwks", f"keys of kind {keys.kind}", "keys on the network")
    raise ConfigurationError("command line", "--issuer", repr(alias), ", ".join(one.name for one in issuers))


def _fetched(source: _Source) -> bytes:
    from lambda_authorizer.fetch import FetchError, SystemClock
    from lambda_authorizer.fetch.discovery import discover
    from lambda_authorizer.fetch.http import HttpFetcher
    from lambda_authorizer.keys import Limits

    fetcher = HttpFetcher(ca_directory=source.options["ca_directory"])
    loopback = bool(source.options["http_loopback"])
    deadline = SystemClock().monotonic_ms() + Limits().budget
    try:
        url = source.jwks
        if url == "discover":
            expected = source.expected or source.issuer
            url = discover(fetcher, source.issuer, expected, "jwks_uri", deadline, http_loopback=loopback)
        return fetcher(url, deadline, http_loopback=loopback).body
    except FetchError as error:
        allowed = "keys that can be had (`lambda-authorizer keys doctor` explains)"
        raise ConfigurationError(source.issuer, "keys", error.slug, allowed) from None
