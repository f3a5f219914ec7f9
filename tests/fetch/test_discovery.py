"""Metadata is believed only where it speaks for the issuer it was asked about."""

import json

import pytest
from tests.fetch.fakes import ISSUER, WELL_KNOWN, FakeFetcher

from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.discovery import discover, well_known_urls


def slug(fetcher: FakeFetcher, url: str = ISSUER, expected: str = ISSUER) -> str:
    """Return the slug with which discovery refuses."""
    with pytest.raises(FetchError) as caught:
        discover(fetcher, url, expected, "jwks_uri", 5_000)
    return caught.value.slug


@pytest.mark.parametrize(
    ("issuer", "usual", "inserted"),
    [
        (
            "https://id.example",
            "https://id.example/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://id.example/tenant/a",
            "https://id.example/tenant/a/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server/tenant/a",
        ),
        (
            "https://id.example/tenant/",
            "https://id.example/tenant/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server/tenant",
        ),
    ],
)
def test_both_well_known_forms(issuer: str, usual: str, inserted: str) -> None:
    """OpenID Connect appends to the issuer, RFC 8414 inserts before its path; a trailing slash is dropped."""
    assert well_known_urls(issuer) == (usual, inserted)


def test_the_usual_form_is_asked_first_and_suffices() -> None:
    """One request where the issuer serves the OpenID Connect form."""
    fetcher = FakeFetcher({WELL_KNOWN: json.dumps({"issuer": ISSUER, "jwks_uri": "https://k/"}).encode()})
    assert discover(fetcher, ISSUER, ISSUER, "jwks_uri", 5_000, http_loopback=True) == "https://k/"
    assert fetcher.asked == [WELL_KNOWN]
    assert (fetcher.deadlines, fetcher.loopback) == ([5_000], [True])


def test_the_inserted_form_is_asked_where_the_usual_one_is_not_there() -> None:
    """An RFC 8414 server with a path is found at its own address."""
    url = "https://id.example/t"
    inserted = "https://id.example/.well-known/oauth-authorization-server/t"
    fetcher = FakeFetcher({inserted: json.dumps({"issuer": url, "jwks_uri": "https://k/"}).encode()})
    assert discover(fetcher, url, url, "jwks_uri", 5_000) == "https://k/"


def test_an_outage_is_not_taken_for_the_wrong_form() -> None:
    """A timeout or 503 of the usual form does not cost a second request."""
    fetcher = FakeFetcher({WELL_KNOWN: "http_503"})
    assert slug(fetcher) == "http_503"
    assert len(fetcher.asked) == 1


@pytest.mark.parametrize(
    "said",
    [
        "https://id.example/",
        "https://ID.example",
        "https://id.example.evil",
        "http://id.example",
        "",
        None,
        [ISSUER],
        {"a": ISSUER},
    ],
)
def test_the_issuer_is_equal_byte_for_byte(said: object) -> None:
    """Metadata of another issuer, however alike, gives no key (RFC 8414 section 3.3)."""
    fetcher = FakeFetcher({WELL_KNOWN: json.dumps({"issuer": said, "jwks_uri": "https://k/"}).encode()})
    assert slug(fetcher) == "issuer_mismatch"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"issuer": "https://evil.example", "issuer": "https://id.example", "jwks_uri": "https://k/"}',
        b'{"issuer": "https://id.example"}',
        b'{"issuer": "https://id.example", "jwks_uri": null}',
        b'{"issuer": "https://id.example", "jwks_uri": ["https://k/"]}',
    ],
    ids=["empty", "list", "string", "not UTF-8", "deep", "two issuers", "no address", "null", "list address"],
)
def test_metadata_that_is_none_is_refused(body: bytes) -> None:
    """No JSON object, a name twice, or no address: no key."""
    assert slug(FakeFetcher({WELL_KNOWN: body})) == "invalid_metadata"


def test_an_issuer_with_a_query_is_refused_before_any_request() -> None:
    """An issuer has no query (RFC 8414 section 2)."""
    fetcher = FakeFetcher({})
    assert slug(fetcher, "https://id.example?x=y") == "bad_url"
    assert fetcher.asked == []
