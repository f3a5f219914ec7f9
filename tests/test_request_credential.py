"""The credential is taken from one place, and from nowhere else."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lambda_authorizer.errors import (
    EventError,
    MalformedTokenError,
    MissingTokenError,
    TokenError,
    TokenTooLargeError,
)
from lambda_authorizer.request import CredentialSource, Request, credential, is_cache_key
from lambda_authorizer.request.event import parse_event
from lambda_authorizer.testing import events

QUERY = "query { orders { id } }"
AUTHORIZATION = CredentialSource("header", "Authorization")


def rest(*headers: tuple[str, str], query: str = "") -> Request:
    """Return a REST call with these headers."""
    return parse_event(events.request_event(events.Call("GET", "/", headers=headers, query=query)))


@pytest.mark.parametrize(
    "value",
    ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "Bearer  a.b.c", "  Bearer a.b.c \t", "a.b.c"],
)
def test_scheme_ignores_case_and_may_be_left_out(value):
    """RFC 9110 compares schemes without case; Cognito's clients send none."""
    assert credential(rest(("Authorization", value)), AUTHORIZATION) == "a.b.c"


@pytest.mark.parametrize(
    "event",
    [
        events.token_event("Bearer a.b.c"),
        events.request_event(events.Call(headers={"authorization": "Bearer a.b.c"})),
        events.http_1_event(events.Call(headers={"AUTHORIZATION": "Bearer a.b.c"})),
        events.http_2_event(events.Call(headers={"Authorization": "Bearer a.b.c"})),
        events.websocket_event(events.Call(headers={"Authorization": "Bearer a.b.c"})),
        events.appsync_event("Bearer a.b.c", QUERY),
        events.appsync_event("a.b.c", QUERY),
        events.appsync_events_event("a.b.c", "EVENT_CONNECT"),
    ],
)
def test_authorization_is_found_in_every_front_end(event):
    """The default setting works for all seven kinds."""
    assert credential(parse_event(event), AUTHORIZATION) == "a.b.c"


@pytest.mark.parametrize(
    "value",
    [
        "Basic dXNlcjpwYXNz",
        "DPoP a.b.c",
        "Bearer",
        "Bearer ",
        "Bearer a.b.c, Bearer d.e.f",
        "Bearer a.b.c,d.e.f",
        "Bearer a.b.c d",
        "Bearer\ta.b.c",
        "Bearer a.b.ü",
        "Bearer a.b.c\n",
        "Bearer ===",
        'Bearer "a.b.c"',
        "a b",
    ],
)
def test_what_is_no_single_bearer_token_is_malformed(value):
    """Other schemes, joined values and characters of no token are refused; the message repeats none of it."""
    with pytest.raises(MalformedTokenError) as caught:
        credential(rest(("Authorization", value)), AUTHORIZATION)
    assert value.strip() not in str(caught.value) or value.strip() == "Bearer"


@pytest.mark.parametrize("headers", [(), (("Authorization", ""),), (("Authorization", " \t "),)])
def test_no_credential_is_missing_not_malformed(headers):
    """An absent and an empty header say the same."""
    with pytest.raises(MissingTokenError):
        credential(rest(*headers), AUTHORIZATION)


def test_appsync_without_a_token_is_missing():
    """A null authorization token is no token."""
    event = events.appsync_event("a.b.c", QUERY) | {"authorizationToken": None}
    with pytest.raises(MissingTokenError):
        credential(parse_event(event), AUTHORIZATION)


def test_repr_of_a_place_shows_no_name():
    """A prefix may be meant to be secret."""
    assert repr(CredentialSource("appsync", "prefix")) == "CredentialSource('appsync')"


def test_two_credentials_are_refused():
    """Another reader of the request might choose the other one."""
    for headers in (
        (("Authorization", "Bearer a"), ("Authorization", "Bearer b")),
        (("Authorization", "Bearer a"), ("authorization", "Bearer a")),
    ):
        with pytest.raises(MalformedTokenError):
            credential(rest(*headers), AUTHORIZATION)


def test_oversized_text_is_refused_before_it_is_read():
    """No gateway passes on 16 KB of one header."""
    assert len(credential(rest(("Authorization", "a" * 16_384)), AUTHORIZATION)) == 16_384
    with pytest.raises(TokenTooLargeError):
        credential(rest(("Authorization", "a" * 16_385)), AUTHORIZATION)


def test_query_parameter():
    """WebSocket clients in a browser cannot set a header."""
    source = CredentialSource("query", "access_token")
    request = parse_event(events.websocket_event(events.Call(query="access_token=a.b.c")))
    assert credential(request, source) == "a.b.c"
    for query in ("access_token=a&access_token=b", "access_token=Bearer%20a.b.c"):
        with pytest.raises(MalformedTokenError):
            credential(rest(query=query), source)
    with pytest.raises(MissingTokenError):
        credential(rest(query="Access_Token=a"), source)


def test_query_parameter_of_http_2_is_joined_by_commas():
    """Two parameters arrive as one string, which no token is."""
    request = parse_event(events.http_2_event(events.Call(query="t=a&t=b")))
    with pytest.raises(MalformedTokenError):
        credential(request, CredentialSource("query", "t"))


def test_cookie():
    """A cookie's value may stand in quotes; a second cookie of the name is refused."""
    source = CredentialSource("cookie", "session")
    for value in ("session=a.b.c", 'other=1; session="a.b.c"'):
        assert credential(rest(("Cookie", value)), source) == "a.b.c"
    with pytest.raises(MalformedTokenError):
        credential(rest(("Cookie", "session=a; session=b")), source)
    with pytest.raises(MalformedTokenError):
        credential(rest(("Cookie", 'session="')), source)
    with pytest.raises(MissingTokenError):
        credential(rest(("Cookie", "Session=a")), source)


def test_subprotocol():
    """The token is what the client offers behind the name."""
    source = CredentialSource("subprotocol", "bearer")

    def offered(*values: str) -> str:
        call = events.Call(headers=[("Sec-WebSocket-Protocol", value) for value in values])
        return credential(parse_event(events.websocket_event(call)), source)

    assert offered("bearer, a.b.c") == "a.b.c"
    assert offered("graphql-ws , bearer,a.b.c , x") == "a.b.c"
    assert offered("bearer", "a.b.c") == "a.b.c"
    for values in (("bearer, a, bearer, b",), ("bearer, a", "bearer, a")):
        with pytest.raises(MalformedTokenError):
            offered(*values)
    for values in (("bearer",), ("graphql-ws",), ("Bearer, a",), ("bearer, ",), ()):
        with pytest.raises(MissingTokenError):
            offered(*values)


def test_appsync_prefix_is_taken_off_and_demanded():
    """With several authorization modes AppSync needs a token that looks like none of the others."""
    source = CredentialSource("appsync", "lambda-")
    assert credential(parse_event(events.appsync_event("lambda-a.b.c", QUERY)), source) == "a.b.c"
    assert credential(parse_event(events.appsync_event("lambda-Bearer a.b.c", QUERY)), source) == "a.b.c"
    for token in ("a.b.c", "lambda-", "Lambda-a.b.c"):
        with pytest.raises(MalformedTokenError):
            credential(parse_event(events.appsync_event(token, QUERY)), source)


def test_appsync_may_carry_it_in_another_header():
    """Then AppSync's cache, which looks at Authorization alone, must not keep the answer."""
    source = CredentialSource("header", "X-Token")
    request = parse_event(events.appsync_event("other", QUERY) | {"requestHeaders": {"x-token": "a.b.c"}})
    assert credential(request, source) == "a.b.c"
    assert not is_cache_key(request, source)
    assert is_cache_key(request, AUTHORIZATION)
    assert is_cache_key(request, CredentialSource("appsync", ""))


@pytest.mark.parametrize("place", ["query", "cookie", "subprotocol", "appsync"])
def test_a_token_event_carries_a_header_only(place):
    """A setting that the front end can never meet is the operator's mistake, not the caller's."""
    with pytest.raises(EventError):
        credential(parse_event(events.token_event("a.b.c")), CredentialSource(place, "x"))


def test_a_token_event_carries_whichever_header_is_configured():
    """API Gateway has picked the header already."""
    assert credential(parse_event(events.token_event("a.b.c")), CredentialSource("header", "X-Token")) == "a.b.c"


def test_appsync_setting_elsewhere_is_a_mistake():
    """Only AppSync events have an authorization token."""
    with pytest.raises(EventError):
        credential(rest(("Authorization", "Bearer a")), CredentialSource("appsync", ""))


@hypothesis_settings(deadline=None)
@given(st.text(max_size=40))
def test_no_header_value_gives_anything_but_a_token_or_a_token_error(value):
    """What comes out has only a token's characters."""
    try:
        token = credential(rest(("Authorization", value)), AUTHORIZATION)
    except TokenError:
        return
    assert token
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")
