"""Only plain https addresses are fetched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.url import is_loopback, split_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://id.example", ("https", "id.example", 443, "/", "id.example")),
        ("https://id.example/", ("https", "id.example", 443, "/", "id.example")),
        ("https://id.example/a/b?c=d", ("https", "id.example", 443, "/a/b?c=d", "id.example")),
        ("https://id.example?c=/d", ("https", "id.example", 443, "/?c=/d", "id.example")),
        ("https://id.example:8443/k", ("https", "id.example", 8443, "/k", "id.example:8443")),
        ("https://[::1]:8443/k", ("https", "::1", 8443, "/k", "[::1]:8443")),
        ("https://[::1]/k", ("https", "::1", 443, "/k", "[::1]")),
        ("https://127.0.0.1/%2e%2e", ("https", "127.0.0.1", 443, "/%2e%2e", "127.0.0.1")),
    ],
)
def test_an_https_address_is_taken_apart_as_written(text: str, parts: tuple[object, ...]) -> None:
    """Nothing is decoded or repaired: what was checked is what is sent."""
    found = split_url(text)
    assert (found.scheme, found.host, found.port, found.target, found.authority) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id.example/keys",
        "https:/id.example",
        "https://",
        "https:///keys",
        "https://id.example#x",
        "https://id.example/#x",
        "https://user@id.example/",
        "https://user:pass@id.example/",
        "https://id.example:/",
        "https://id.example:0/",
        "https://id.example:65536/",
        "https://id.example:99999999999999999999/",
        "https://id.example:4_3/",
        "https://id.example:+443/",
        "https://id.example/a b",
        "https://id.example/\r\nX-Injected: 1",
        "https://id.example\\@evil.example/",
        "https://idé.example/",
        "https://id%2eexample/",
        "https://[::1/",
        "https://[]/",
        "https://[id.example]/",
        "https://[::1]x/",
        "https://[::1]:/",
        "https://id.example/" + "a" * 2_048,
    ],
)
def test_an_address_with_two_readings_is_refused(text: str) -> None:
    """User information, fragments, control characters, odd ports and odd hosts never reach a socket."""
    with pytest.raises(FetchError) as caught:
        split_url(text, http_loopback=True)
    assert caught.value.slug == "bad_url"


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1/", "ftp://id.example/", "file:///etc/passwd", "HTTPS://id.example/"]
)
def test_another_scheme_is_refused(text: str) -> None:
    """Only `https`, in lower case, is a scheme."""
    with pytest.raises(FetchError) as caught:
        split_url(text)
    assert caught.value.slug == "scheme_refused"


def test_http_is_read_only_where_it_was_allowed() -> None:
    """The operator's switch for local runs lets http through to the loopback check."""
    assert split_url("http://127.0.0.1/keys", http_loopback=True).port == 80


@pytest.mark.parametrize(
    ("address", "answer"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("::ffff:127.0.0.1", False)],
)
def test_loopback_is_this_host_and_no_other(address: str, answer: bool) -> None:  # noqa: FBT001 - a table
    """Only 127.0.0.0/8 and ::1 count."""
    assert is_loopback(address) is answer


@given(st.text(max_size=60).map(lambda tail: "https://" + tail))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """No text makes anything but parts or a `FetchError`, and no part can break the request's lines."""
    try:
        parts = split_url(text)
    except FetchError:
        return
    assert parts.host
    assert all(char.isprintable() and char != " " for char in parts.target + parts.authority)
