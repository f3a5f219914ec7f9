"""The doctor finds what would make a function fail, says what it means, and shows no secret."""

import json
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from tests.fetch.fakes import ISSUER, JWKS, WELL_KNOWN, FakeFetcher, key_set, public_jwk

from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.doctor import ADVICE, Finding, doctor, pull, show
from lambda_authorizer.fetch.seed import read_seed

NOW = 1_800_000_000
INSERTED = "https://id.example/.well-known/oauth-authorization-server"


def metadata(**members: object) -> bytes:
    """Return the metadata of a good issuer, with changes."""
    return json.dumps({"issuer": ISSUER, "jwks_uri": JWKS, **members}).encode()


def examine(
    pages: dict[str, bytes | str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    max_age: int | None = None,
    url: str = ISSUER,
    jwks: str = "discover",
) -> list[Finding]:
    """Examine an issuer that is good but for these pages."""
    fetcher = FakeFetcher({WELL_KNOWN: metadata(), JWKS: key_set("a", "b"), **(pages or {})})
    fetcher.max_age = max_age
    return doctor(url, jwks=jwks, fetcher=fetcher, probe=lambda _url: headers or {}, now=lambda: NOW)


def texts(findings: list[Finding], level: str) -> str:
    """Return the texts of one level."""
    return "\n".join(finding.text for finding in findings if finding.level == level)


def test_a_healthy_issuer_has_no_problem() -> None:
    """Metadata, issuer and keys are found in order, and said to be well."""
    findings = examine(headers={"date": formatdate(NOW + 5, usegmt=True)}, max_age=900_000)
    assert {finding.level for finding in findings} == {"ok", "note"}
    assert [finding.about for finding in findings] == ["metadata", "issuer", "keys", "refresh", "keys"]
    assert "gone, after 15 minutes" in texts(findings, "note")
    assert "2 usable of 2: P-256" in texts(findings, "ok")


@pytest.mark.parametrize("slug", [*sorted(set(ADVICE) - {"issuer_mismatch", "invalid_metadata"}), "http_503"])
def test_each_failure_is_named_and_explained(slug: str) -> None:
    """The slug of the log, and what to do about it."""
    for page in (WELL_KNOWN, JWKS):
        problems = texts(examine({page: slug}), "problem")
        assert f"{page}: {slug}. " in problems
        assert ADVICE.get(slug, "HTTP status") in problems


def test_a_redirect_says_where_it_leads() -> None:
    """The address to configure instead."""
    findings = examine({JWKS: "redirect_refused"}, headers={"location": "https://id.example/new"})
    assert "redirects to https://id.example/new" in texts(findings, "note")
    assert "redirects to" not in texts(examine({JWKS: "redirect_refused"}), "note")


def test_the_form_of_rfc_8414_is_tried() -> None:
    """An issuer that serves only the inserted address is examined there."""
    findings = examine({WELL_KNOWN: "http_404", INSERTED: metadata()})
    assert not texts(findings, "problem")
    assert "the form of RFC 8414 is tried" in texts(findings, "note")
    assert INSERTED in texts(examine({WELL_KNOWN: "http_404", INSERTED: "http_404"}), "problem")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (metadata(issuer=ISSUER + "/"), "issuer_mismatch: configured 'https://id.example', the metadata says"),
        (metadata(jwks_uri=None), "invalid_metadata"),
        (b"[]", "invalid_metadata"),
        (b"{", "invalid_metadata"),
        (metadata(id_token_signing_alg_values_supported=["HS256"]), "it signs with HS256 only"),
    ],
)
def test_metadata_that_cannot_be_used_is_a_problem(page: bytes, words: str) -> None:
    """Each with the word of the log."""
    assert words in texts(examine({WELL_KNOWN: page}), "problem")


def test_metadata_of_many_tenants_is_expected_by_its_own_issuer() -> None:
    """Entra ID's shared metadata names "{tenantid}"; examination and seed go by what is expected there."""
    issuer = "https://id.example/{tenantid}"
    fetcher = FakeFetcher({WELL_KNOWN: metadata(issuer=issuer), JWKS: key_set("a", "b")})
    findings = doctor(ISSUER, expected=issuer, fetcher=fetcher, probe=lambda _url: {})
    assert not texts(findings, "problem")
    assert pull(ISSUER, expected=issuer, fetcher=fetcher)["issuer"] == issuer


def test_an_introspection_endpoint_is_noted() -> None:
    """Opaque tokens could be used."""
    signed = ["HS256", "ES256"]
    page = metadata(introspection_endpoint="https://id.example/i", id_token_signing_alg_values_supported=signed)
    findings = examine({WELL_KNOWN: page})
    assert "introspected" in texts(findings, "note")
    assert not texts(findings, "problem")


@pytest.mark.parametrize("url", [ISSUER + "?a=b", ISSUER + "#a"])
def test_an_issuer_with_query_or_fragment_is_a_problem(url: str) -> None:
    """Before any request (RFC 8414 section 2)."""
    (finding,) = examine(url=url)
    assert (finding.level, finding.about) == ("problem", "issuer")


def test_an_address_of_keys_needs_no_metadata() -> None:
    """`jwks` given as an address."""
    findings = examine({WELL_KNOWN: "timeout"}, jwks=JWKS)
    assert not texts(findings, "problem")


def page_of(*jwks: object) -> dict[str, bytes | str]:
    """Return the page of these keys."""
    return {JWKS: json.dumps({"keys": list(jwks)}).encode()}


def test_published_secrets_are_a_problem_and_are_not_shown() -> None:
    """A private or symmetric key in a public set."""
    private = {**public_jwk("b"), "d": "c2VjcmV0"}
    findings = examine(page_of(public_jwk("a"), private, {"kty": "oct", "k": "c2VjcmV0"}))
    problems = texts(findings, "problem")
    assert "key 'b': private: a secret is published" in problems
    assert "key None: symmetric: a secret is published" in problems
    assert "c2VjcmV0" not in str(findings)


def test_keys_that_are_not_used_and_short_keys_are_noted() -> None:
    """An encryption key, and 2048 bits of RSA."""
    short = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
    findings = examine(page_of({**short, "kid": "r", "alg": "RS256"}, {**public_jwk("b"), "use": "enc"}, 7))
    notes = texts(findings, "note")
    assert "key 'r': RSA with 2048 bits" in notes
    assert "key 'b': use: this key is not used" in notes
    assert "one key: a rotation" in notes
    assert "1 usable of 3: RSA" in texts(findings, "ok")


def test_ambiguous_keys_are_a_problem() -> None:
    """Two keys that one kid and algorithm name; the same key twice is none."""
    twice = examine(page_of(public_jwk("a"), {**public_jwk("b"), "kid": "a"}))
    assert "several keys fit kid 'a' with ES256" in texts(twice, "problem")
    assert not texts(examine(page_of(public_jwk("a"), public_jwk("a"))), "problem")


@pytest.mark.parametrize(
    ("page", "slug"),
    [
        (b"{}", "invalid_key_set"),
        (b'{"keys": []}', "empty_key_set"),
        (b'{"keys": [{"kty": "x"}]}', "empty_key_set"),
    ],
)
def test_a_set_without_keys_is_a_problem(page: bytes, slug: str) -> None:
    """With the word of the log."""
    assert slug in texts(examine({JWKS: page}), "problem")


@pytest.mark.parametrize(("skew", "warned"), [(0, False), (30, False), (31, True), (-3_600, True)])
def test_a_clock_that_is_off_is_a_warning(skew: int, warned: bool) -> None:  # noqa: FBT001 - a table
    """More than 30 seconds either way."""
    findings = examine(headers={"date": formatdate(NOW + skew, usegmt=True)})
    assert ("clock" in {finding.about for finding in findings}) is warned


def test_a_date_that_is_none_is_passed_over() -> None:
    """The issuer's clock is then not known."""
    assert "clock" not in {finding.about for finding in examine(headers={"date": "soon"})}


def test_pull_writes_what_a_seed_reads(tmp_path: Path) -> None:
    """Dated, named, and without the keys that are not used."""
    pages = {WELL_KNOWN: metadata(), **page_of(public_jwk("a"), {**public_jwk("b"), "d": "c2VjcmV0"})}
    document = pull(ISSUER, fetcher=FakeFetcher(pages), now=lambda: NOW + 0.5)
    assert document == {"issuer": ISSUER, "retrieved_at": NOW, "keys": [public_jwk("a")]}
    (tmp_path / "seed.json").write_text(json.dumps(document))
    keys, retrieved = read_seed("seed.json", directory=str(tmp_path), key="x", issuer=ISSUER)
    assert (retrieved, len(keys.keys)) == (NOW * 1_000, 1)
    at_address = pull(ISSUER, jwks=JWKS, fetcher=FakeFetcher(pages), now=lambda: NOW)
    assert at_address == document


@pytest.mark.parametrize(
    ("page", "slug"), [(b'{"keys": []}', "empty_key_set"), (b"[]", "invalid_key_set"), ("timeout", "timeout")]
)
def test_pull_writes_no_empty_seed(page: bytes | str, slug: str) -> None:
    """The slug says why."""
    with pytest.raises(FetchError) as caught:
        pull(ISSUER, jwks=JWKS, fetcher=FakeFetcher({JWKS: page}))
    assert caught.value.slug == slug


def test_show_lists_used_and_unused_keys() -> None:
    """With RFC 7638 thumbprints, and the reason where a key is not used."""
    used, unused = show(json.dumps({"keys": [public_jwk("a"), {**public_jwk("b"), "use": "enc"}]}).encode())
    assert used[:5] == ("a", "EC", "P-256", "ES256", None)
    assert used.problem is None
    assert len(used.thumbprint or "") == 43
    assert (unused.kid, unused.problem, unused.thumbprint) == ("b", "use", None)


def test_a_slow_issuer_is_a_warning() -> None:
    """More than half of the budget for one of two documents."""
    times = iter([0.0, 0.1, 1.0, 2.6])
    fetcher = FakeFetcher({WELL_KNOWN: metadata(), JWKS: key_set("a", "b")})
    findings = doctor(ISSUER, fetcher=fetcher, probe=lambda _url: {}, tick=lambda: next(times))
    assert "1600 ms is more than half of the 3000 ms" in texts(findings, "warning")


def test_the_defaults_speak_https_only() -> None:
    """The function's own fetcher is used, and its refusal explained."""
    findings = doctor("http://127.0.0.1:9")
    assert "scheme_refused" in texts(findings, "problem")
    with pytest.raises(FetchError):
        pull("http://127.0.0.1:9")
