"""What a person wants to know about a live issuer: what is there, what is wrong, what it means for the authorizer.

Laws of this file: it uses the fetcher that the function itself uses, so what it finds is what the function meets;
findings are data, and whoever prints them decides how; it is never imported on the start path. What only explains
(where a redirect leads, what time the issuer thinks it is) comes from `requests`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from lambda_authorizer.encoding import decode_json, decode_json_set
from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.discovery import discover, well_known_urls
from lambda_authorizer.fetch.http import HttpFetcher
from lambda_authorizer.jwk import ALGORITHMS, InvalidKeySetError, parse_key_set, thumbprint
from lambda_authorizer.keys import Limits

if TYPE_CHECKING:
    from lambda_authorizer.fetch import Fetched, Fetcher

Level = Literal["ok", "note", "warning", "problem"]
Probe = Callable[[str], Mapping[str, str]]
"""Address → status (under "status") and header fields, in lower case; empty where nobody answers."""

_SLOW_SHARE: Final = 2  # half of the budget
_MOST_SKEW: Final = 30  # seconds
_SHORT_RSA: Final = 3_072

# What a slug means and what to do; each stands in docs/keys.md.
ADVICE: Final[Mapping[str, str]] = {
    "bad_url": "The address is no plain URL: no user, no fragment, no query in an issuer, no blanks.",
    "scheme_refused": "Keys are fetched over https only.",
    "name_not_found": "The host's name does not resolve. In a VPC: has the subnet DNS, and a way out?",
    "name_timeout": "The resolver did not answer in time. In a VPC: has the subnet DNS?",
    "timeout": "The issuer did not answer within the budget. In a VPC: is there a NAT gateway or an endpoint?",
    "connection_failed": "The connection was refused or broken.",
    "certificate_refused": "The certificate is not trusted, expired, or for another name. The roots of a private "
    "authority go into a hashed directory that AUTHORIZER_CA_DIRECTORY names.",
    "tls_failed": "No TLS 1.2 or newer could be agreed on.",
    "redirect_refused": "The address redirects; redirects are never followed. Configure the address it leads to.",
    "wrong_content_type": "The answer does not call itself JSON (application/json or application/jwk-set+json).",
    "encoding_refused": "The answer is compressed although that was not asked for.",
    "body_too_large": "The document is larger than 512 KiB.",
    "truncated": "The connection ended before the document did.",
    "bad_http": "The answer is no strict HTTP/1.1: two lengths, folded header lines, or the like.",
    "issuer_mismatch": "The metadata speaks for another issuer. The configured url must equal its `issuer` byte "
    "for byte, a trailing slash included.",
    "invalid_metadata": "The metadata is no JSON object, or lacks the address of the keys.",
    "invalid_key_set": "The document is no JWK set (RFC 7517 section 5), or has more than 100 keys.",
    "empty_key_set": "No key of the set can verify signatures.",
}


class Finding(NamedTuple):
    """One thing found, with what it means."""

    level: Level
    about: str  # stable word, such as "metadata", "issuer", "keys", "rotation"
    text: str


class Examination(NamedTuple):
    """What an examination looks at the world with; each field has a real default in `doctor`."""

    fetch: Fetcher
    probe: Probe
    now: Callable[[], float]
    tick: Callable[[], float]
    http_loopback: bool


def doctor(  # noqa: PLR0913 - each is a seam of its own, and all but the first have a default
    issuer_url: str,
    *,
    jwks: str = "discover",
    expected: str | None = None,
    fetcher: Fetcher | None = None,
    probe: Probe | None = None,
    now: Callable[[], float] | None = None,
    tick: Callable[[], float] | None = None,
    http_loopback: bool = False,
    ca_directory: str | None = None,
) -> list[Finding]:
    """Return what can be found out about a live issuer, in the order in which the function would meet it.

    Args:
        issuer_url: as in the rules file.
        jwks: "discover" or the address of the keys.
        expected: what the metadata's `issuer` must equal, where that is not the url (Entra ID: "{tenantid}").
        fetcher: default: the function's own.
        probe: default: one GET by `requests`, for what explains a failure.
        now: seconds since 1970.
        tick: seconds since some start, to measure by.
        http_loopback: http to a loopback address is accepted.
        ca_directory: hashed directory of root certificates.
    """
    world = Examination(
        fetcher or HttpFetcher(ca_directory=ca_directory),
        probe or (lambda url: _probe(url, ca_directory)),
        now or time.time,
        tick or time.monotonic,
        http_loopback,
    )
    findings: list[Finding] = []
    address = jwks
    if jwks == "discover":
        found = _examine_metadata(issuer_url, expected or issuer_url, world, findings)
        if found is None:
            return findings
        address = found
    fetched = _fetch(address, "keys", world, findings)
    if fetched is None:
        return findings
    _examine_freshness(fetched, findings)
    _examine_keys(fetched.body, findings)
    _examine_clock(address, world, findings)
    return findings


def pull(  # noqa: PLR0913 - as `doctor`
    issuer_url: str,
    *,
    jwks: str = "discover",
    expected: str | None = None,
    fetcher: Fetcher | None = None,
    now: Callable[[], float] | None = None,
    http_loopback: bool = False,
    ca_directory: str | None = None,
) -> dict[str, Any]:
    """Return the issuer's keys as the document that `jwks_seed` reads: dated, named, usable public keys only.

    Raises:
        FetchError: the keys could not be had; `ADVICE` explains the slug.
    """
    fetch = fetcher or HttpFetcher(ca_directory=ca_directory)
    address = jwks
    if jwks == "discover":
        issuer = expected or issuer_url
        address = discover(fetch, issuer_url, issuer, "jwks_uri", _deadline(), http_loopback=http_loopback)
    body = fetch(address, _deadline(), http_loopback=http_loopback).body
    usable = [row.jwk for row in _rows(body) if row.problem is None]
    if not usable:
        raise FetchError("empty_key_set")
    return {"issuer": expected or issuer_url, "retrieved_at": int((now or time.time)()), "keys": usable}


class KeyRow(NamedTuple):
    """One key of a set as a person wants to see it; no material but its thumbprint."""

    kid: str | None
    kty: str | None
    crv: str | None
    alg: str | None
    bits: int | None  # RSA only
    thumbprint: str | None  # RFC 7638
    problem: str | None  # reason word where the key is not used
    jwk: Mapping[str, Any]


def show(body: bytes) -> list[KeyRow]:
    """Return the keys of a key set's text, used or not.

    Raises:
        FetchError: `invalid_key_set`.
    """
    return _rows(body)


def _rows(body: bytes) -> list[KeyRow]:
    try:
        parse_key_set(body)  # bounds and shape of the whole
    except InvalidKeySetError:
        raise FetchError("invalid_key_set") from None
    return [_row(jwk) for jwk in decode_json_set(body)["keys"]]


def _row(jwk: Any) -> KeyRow:
    import json

    alone = parse_key_set(json.dumps({"keys": [jwk]}))
    problem = alone.skipped[0] if alone.skipped else None
    if not isinstance(jwk, dict):
        return KeyRow(None, None, None, None, None, None, problem, {})

    def text(name: str) -> str | None:
        value = jwk.get(name)
        return value if isinstance(value, str) else None

    bits: int | None = None
    print_: str | None = None
    if problem is None:
        print_ = thumbprint(jwk)
        size: Any = getattr(alone.keys[0].public, "key_size", None)
        bits = size if jwk["kty"] == "RSA" else None
    return KeyRow(text("kid"), text("kty"), text("crv"), text("alg"), bits, print_, problem, jwk)


def _deadline() -> int:
    return time.monotonic_ns() // 1_000_000 + Limits().budget


def _fetch(url: str, about: str, world: Examination, findings: list[Finding]) -> Fetched | None:
    """Return a document as the function would get it; note how long it took, or why it cannot be had."""
    begin = world.tick()
    try:
        fetched = world.fetch(url, _deadline(), http_loopback=world.http_loopback)
    except FetchError as error:
        findings.append(Finding("problem", about, f"{url}: {error.slug}. {_advice(error.slug)}"))
        if error.slug == "redirect_refused":
            target = world.probe(url).get("location")
            if target:
                findings.append(Finding("note", about, f"{url} redirects to {target}"))
        return None
    took = round((world.tick() - begin) * 1_000)
    budget = Limits().budget
    findings.append(Finding("ok", about, f"{url}: {len(fetched.body)} bytes in {took} ms"))
    if took > budget // _SLOW_SHARE:
        text = f"{took} ms is more than half of the {budget} ms that discovery and keys have together"
        findings.append(Finding("warning", "speed", text))
    return fetched


def _advice(slug: str) -> str:
    return ADVICE.get(slug, "The issuer answered with that HTTP status.")


def _examine_metadata(issuer_url: str, expected: str, world: Examination, findings: list[Finding]) -> str | None:
    """Return the address of the keys, if the metadata may be believed."""
    if "?" in issuer_url or "#" in issuer_url:
        findings.append(Finding("problem", "issuer", f"{issuer_url}: bad_url. {ADVICE['bad_url']}"))
        return None
    usual, inserted = well_known_urls(issuer_url)
    attempt: list[Finding] = []
    fetched = _fetch(usual, "metadata", world, attempt)
    if fetched is None and "http_404" in attempt[0].text:
        attempt = [Finding("note", "metadata", f"{usual} is not there; the form of RFC 8414 is tried")]
        fetched = _fetch(inserted, "metadata", world, attempt)
    findings += attempt
    if fetched is None:
        return None
    try:
        metadata = decode_json(fetched.body)
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        findings.append(Finding("problem", "metadata", f"invalid_metadata. {ADVICE['invalid_metadata']}"))
        return None
    said = metadata.get("issuer")
    if said != expected:
        found = f"configured {expected!r}, the metadata says {said!r}"
        findings.append(Finding("problem", "issuer", f"issuer_mismatch: {found}. {ADVICE['issuer_mismatch']}"))
        return None
    findings.append(Finding("ok", "issuer", "the metadata's issuer equals the configured url byte for byte"))
    signed = metadata.get("id_token_signing_alg_values_supported")
    if isinstance(signed, list) and signed and not set(ALGORITHMS).intersection(map(str, signed)):
        text = f"it signs with {', '.join(map(str, signed))} only: none of it can be verified with public keys"
        findings.append(Finding("problem", "algorithms", text))
    if isinstance(metadata.get("introspection_endpoint"), str):
        findings.append(Finding("note", "introspection", "opaque tokens can be introspected here (RFC 7662)"))
    address = metadata.get("jwks_uri")
    if not isinstance(address, str):
        findings.append(Finding("problem", "metadata", f"invalid_metadata. {ADVICE['invalid_metadata']}"))
        return None
    return address


def _examine_freshness(fetched: Fetched, findings: list[Finding]) -> None:
    limits = Limits()
    if fetched.max_age is None:
        minutes = limits.soft_default // 60_000
        text = f"no Cache-Control: keys are refreshed, and withdrawn keys gone, after {minutes} minutes"
    else:
        used = min(max(fetched.max_age, limits.soft_floor), limits.soft_ceiling)
        text = (
            f"max-age is {fetched.max_age // 1_000} s: keys are refreshed, and withdrawn keys gone, after "
            f"{used // 60_000} minutes (never below {limits.soft_floor // 60_000}, never above "
            f"{limits.soft_ceiling // 60_000})"
        )
    findings.append(Finding("note", "refresh", text))


def _examine_keys(body: bytes, findings: list[Finding]) -> None:
    try:
        rows = _rows(body)
    except FetchError as error:
        findings.append(Finding("problem", "keys", f"{error.slug}. {ADVICE[error.slug]}"))
        return
    usable = [row for row in rows if row.problem is None]
    for row in rows:
        if row.problem is not None:
            level: Level = "problem" if row.problem in {"private", "symmetric"} else "note"
            what = "a secret is published" if level == "problem" else "this key is not used"
            findings.append(Finding(level, "keys", f"key {row.kid!r}: {row.problem}: {what}"))
        elif row.bits is not None and row.bits < _SHORT_RSA:
            findings.append(Finding("note", "keys", f"key {row.kid!r}: RSA with {row.bits} bits"))
    if not usable:
        findings.append(Finding("problem", "keys", f"empty_key_set. {ADVICE['empty_key_set']}"))
        return
    kinds = ", ".join(sorted({row.crv or f"{row.kty}" for row in usable}))
    findings.append(Finding("ok", "keys", f"{len(usable)} usable of {len(rows)}: {kinds}"))
    keys = parse_key_set(body)
    for kid in dict.fromkeys(key.kid for key in keys.keys):
        shared = sorted(alg for alg in ALGORITHMS if len(keys.candidates(kid, alg)) > 1)
        if shared and (kid is not None or len(keys.keys) > 1):
            text = f"several keys fit kid {kid!r} with {', '.join(shared)}: no such token can be verified"
            findings.append(Finding("problem", "keys", text))
    if len(usable) == 1:
        text = "one key: a rotation without a time in which both are published refuses tokens still in use"
        findings.append(Finding("note", "rotation", text))


def _examine_clock(address: str, world: Examination, findings: list[Finding]) -> None:
    """Compare clocks: a token's times are the issuer's, their check is ours."""
    from email.utils import parsedate_to_datetime

    date = world.probe(address).get("date")
    if date is None:
        return
    try:
        skew = parsedate_to_datetime(date).timestamp() - world.now()
    except ValueError:
        return
    if abs(skew) > _MOST_SKEW:
        text = f"the issuer's clock is {round(skew):+d} s from this one: tokens may seem expired or not yet valid"
        findings.append(Finding("warning", "clock", text))


def _probe(url: str, ca_directory: str | None) -> Mapping[str, str]:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.get(
                url, timeout=3, stream=True, allow_redirects=False, verify=ca_directory or True
            ) as answer:
                return {name.lower(): value for name, value in answer.headers.items()}
        except requests.RequestException:
            return {}
