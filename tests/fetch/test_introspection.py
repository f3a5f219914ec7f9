"""Opaque tokens are believed as far as their issuer vouches for them, and no longer than stated."""

import json
import traceback
from collections.abc import Callable, Mapping

import pytest
from tests.fetch.fakes import ISSUER, WELL_KNOWN, FakeClock, FakeFetcher

from lambda_authorizer.errors import (
    ConfigurationError,
    ExpiredError,
    InactiveTokenError,
    IntrospectionUnavailableError,
    InvalidAudienceError,
    InvalidClaimError,
    UntrustedIssuerError,
)
from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.introspection import (
    ADDRESS_AGE,
    BACKOFF_FIRST,
    BACKOFF_MOST,
    BUDGET,
    MAX_ENTRIES,
    MAX_TEXT,
    Introspector,
)
from lambda_authorizer.tokens import IntrospectionConfig, Issuer
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import Claims

ENDPOINT = "https://id.example/introspect"
SECRET = "the-client-secret"
TOKEN = "the-opaque-token"


class FakePoster:
    """Answers every POST with what `answer` says."""

    def __init__(self) -> None:
        self.answer: dict[str, object] | bytes | str | Callable[[], bytes] = {}
        self.forms: list[Mapping[str, str]] = []
        self.urls: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.deadlines: list[int] = []
        self.closed = 0

    def __call__(
        self,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        deadline: int,
        *,
        http_loopback: bool = False,
    ) -> bytes:
        """Return the answer, or raise what it says."""
        assert not http_loopback
        self.urls.append(url)
        self.forms.append(form)
        self.headers.append(headers)
        self.deadlines.append(deadline)
        if isinstance(self.answer, str):
            raise FetchError(self.answer)
        return self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()

    def close(self) -> None:
        """Count."""
        self.closed += 1


def opaque_issuer(**changes: object) -> Issuer:
    """Return an issuer of opaque tokens, as the rules file says it."""
    table = {
        "name": "main",
        "url": ISSUER,
        "audience": ["api"],
        "introspection": {
            "endpoint": ENDPOINT,
            "client_id": "authorizer",
            "secret": "env:CLIENT_SECRET",
            "cache": 60,
            "negative_cache": 10,
            **changes,
        },
    }
    return issuer_from_table(table, file="rules.toml", key="issuer[0]")


class Setup:
    """An introspector with fake clock and poster."""

    def __init__(self, **changes: object) -> None:
        self.issuer = opaque_issuer(**changes)
        self.clock = FakeClock()
        self.post = FakePoster()
        self.fetcher = FakeFetcher({})
        self.introspector = Introspector(
            [self.issuer],
            environ={"CLIENT_SECRET": SECRET},
            post=self.post,
            fetcher=self.fetcher,
            clock=self.clock,
        )
        self.post.answer = self.active()

    def active(self, **claims: object) -> dict[str, object]:
        """Return an active answer that expires in an hour."""
        return {
            "active": True,
            "iss": ISSUER,
            "aud": "api",
            "sub": "c-1",
            "client_id": "app",
            "scope": "loyalty:read",
            "exp": self.clock.wall // 1_000 + 3_600,
            **claims,
        }

    def claims(self, token: str = TOKEN, left: int = 3_000) -> Claims:
        """Ask."""
        return self.introspector.claims(token, self.issuer, self.clock.monotonic + left)


class TestAnswers:
    """What the issuer's answer leads to."""

    def test_an_active_token_gives_its_claims(self) -> None:
        """Token and credentials travel in the form and header; the claims are those of the answer."""
        setup = Setup()
        claims = setup.claims()
        assert (claims.issuer, claims.values["sub"], claims.key_id) == ("main", "c-1", None)
        assert setup.post.forms == [{"token": TOKEN, "token_type_hint": "access_token"}]
        assert list(setup.post.headers[0]) == ["Authorization"]

    def test_an_inactive_token_is_the_callers_fault(self) -> None:
        """`active: false` is 401."""
        setup = Setup()
        setup.post.answer = {"active": False}
        with pytest.raises(InactiveTokenError):
            setup.claims()

    @pytest.mark.parametrize("active", ["true", 1, 1.0, None, [], {}, "false", 0])
    def test_only_a_boolean_is_an_answer(self, active: object) -> None:
        """An endpoint that does not follow RFC 7662 says nothing about the token: 500, not 401, never an allow."""
        setup = Setup()
        setup.post.answer = {**setup.active(), "active": active}
        with pytest.raises(IntrospectionUnavailableError, match="invalid_answer"):
            setup.claims()

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b"true", b'{"active": true, "active": true}', b"\xff", b"[" * 99]
    )
    def test_what_is_no_answer_is_an_outage(self, body: bytes) -> None:
        """No JSON object with `active`: 500."""
        setup = Setup()
        setup.post.answer = body
        with pytest.raises(IntrospectionUnavailableError, match="invalid_answer"):
            setup.claims()

    @pytest.mark.parametrize(
        ("claims", "error"),
        [
            ({"iss": "https://evil.example"}, UntrustedIssuerError),
            ({"aud": "other"}, InvalidAudienceError),
            ({"exp": 1_000}, ExpiredError),
            ({"exp": "soon"}, InvalidClaimError),
            ({"exp": None}, InvalidClaimError),
            ({"exp": True}, InvalidClaimError),
        ],
    )
    def test_claims_are_checked_like_a_tokens(self, claims: dict[str, object], error: type[Exception]) -> None:
        """An active token of another issuer, for another audience, or without `exp` is refused."""
        setup = Setup()
        setup.post.answer = setup.active(**claims)
        for _ in range(2):
            with pytest.raises(error):
                setup.claims()

    @pytest.mark.parametrize("slug", ["http_401", "http_500", "timeout", "redirect_refused"])
    def test_an_outage_is_never_a_statement_about_the_token(self, slug: str) -> None:
        """Refused credentials, errors and silence of the endpoint are 500."""
        setup = Setup()
        setup.post.answer = slug
        with pytest.raises(IntrospectionUnavailableError, match=f"main: {slug}"):
            setup.claims()
        (health,) = setup.introspector.health()
        assert (health.issuer, health.asked, health.failures, health.last_error) == ("main", 1, 1, slug)

    def test_neither_token_nor_secret_is_in_any_message(self) -> None:
        """Not in the error, its traceback, the address, or the health record."""
        setup = Setup()
        texts: list[str] = []
        for answer in ("http_500", b"no json " + TOKEN.encode(), {"active": False}):
            setup.post.answer = answer
            with pytest.raises((IntrospectionUnavailableError, InactiveTokenError)) as caught:
                setup.claims()
            texts.append("".join(traceback.format_exception(caught.value)))
            assert caught.value.__cause__ is None
            setup.clock.pass_time(60_000)
        texts += [*setup.post.urls, repr(setup.introspector.health()), repr(vars(type(setup.introspector)))]
        assert not [text for text in texts if TOKEN in text or SECRET in text]


class TestCache:
    """Answers are kept for a stated time."""

    def test_an_active_answer_is_kept_for_the_setting(self) -> None:
        """60 s here: one request for any number of calls."""
        setup = Setup()
        for _ in range(10):
            setup.claims()
        setup.clock.pass_time(59_999)
        setup.claims()
        assert len(setup.post.forms) == 1
        setup.clock.pass_time(1)
        setup.claims()
        assert len(setup.post.forms) == 2

    def test_an_active_answer_is_never_kept_past_exp(self) -> None:
        """A revoked or expired token is asked for again at its `exp`, whatever the setting."""
        setup = Setup(cache=3_600)
        setup.post.answer = setup.active(exp=setup.clock.wall // 1_000 + 5)
        setup.claims()
        setup.clock.pass_time(4_999)
        setup.claims()
        setup.post.answer = {"active": False}
        setup.clock.pass_time(1)
        with pytest.raises(InactiveTokenError):
            setup.claims()

    def test_a_clock_turned_back_does_not_keep_an_answer(self) -> None:
        """Either clock ends the time of an answer."""
        setup = Setup()
        setup.claims()
        setup.clock.monotonic += 60_000
        setup.clock.wall -= 1_000
        setup.claims()
        assert len(setup.post.forms) == 2

    def test_an_inactive_answer_has_a_time_of_its_own(self) -> None:
        """10 s here: a token that becomes active is seen after that."""
        setup = Setup()
        setup.post.answer = {"active": False}
        for _ in range(5):
            with pytest.raises(InactiveTokenError):
                setup.claims()
        assert len(setup.post.forms) == 1
        setup.post.answer = setup.active()
        setup.clock.pass_time(10_000)
        assert setup.claims().values["sub"] == "c-1"

    def test_nothing_is_kept_with_a_setting_of_zero(self) -> None:
        """Every call asks."""
        setup = Setup(cache=0, negative_cache=0)
        for answer in (setup.active(), {"active": False}):
            setup.post.answer = answer
            for _ in range(2):
                with pytest.raises(InactiveTokenError) if answer == {"active": False} else _nothing():
                    setup.claims()
        assert len(setup.post.forms) == 4

    def test_answers_are_kept_by_hash_and_their_number_is_bounded(self) -> None:
        """1,024 answers; the token itself is not in memory."""
        setup = Setup()
        for number in range(MAX_ENTRIES + 10):
            setup.claims(f"token-{number}")
        (health,) = setup.introspector.health()
        assert health.kept == MAX_ENTRIES
        kept = setup.introspector._asked["main"]._answers
        assert {len(name) for name in kept} == {32}
        setup.claims(f"token-{MAX_ENTRIES + 9}")
        setup.claims("token-0")
        assert len(setup.post.forms) == MAX_ENTRIES + 11

    def test_a_large_answer_is_used_and_not_kept(self) -> None:
        """8 KiB at most are kept for one token."""
        setup = Setup()
        setup.post.answer = setup.active(extra="x" * MAX_TEXT)
        setup.claims()
        setup.claims()
        assert len(setup.post.forms) == 2

    def test_a_restored_snapshot_has_no_answers_and_no_connections(self) -> None:
        """Tokens may have been revoked since."""
        setup = Setup()
        setup.claims()
        setup.introspector.before_snapshot()
        setup.introspector.after_restore()
        setup.claims()
        assert len(setup.post.forms) == 2
        assert setup.post.closed == 2


class _nothing:  # noqa: N801 - reads as the word it is
    """No error is expected."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class TestOutage:
    """Failures are spaced."""

    def test_the_first_failure_is_forgiven_and_the_next_are_spaced(self) -> None:
        """0.5 s after the second failure in a row, doubling to 8 s; a success ends it."""
        setup = Setup()
        setup.post.answer = "timeout"
        for _ in range(1_000):
            with pytest.raises(IntrospectionUnavailableError):
                setup.claims()
            setup.clock.pass_time(100)
        assert len(setup.post.forms) == 17  # at 0, 0.1, 0.6, 1.6, 3.6, 7.6 s, then every 8 s
        setup.clock.pass_time(BACKOFF_MOST)
        setup.post.answer = setup.active()
        setup.claims()
        setup.post.answer = "timeout"
        for _ in range(2):
            with pytest.raises(IntrospectionUnavailableError):
                setup.claims("another")
        setup.clock.pass_time(BACKOFF_FIRST)
        setup.post.answer = setup.active()
        assert setup.claims("another")

    def test_kept_answers_bridge_an_outage(self) -> None:
        """A token that was active seconds ago goes on working."""
        setup = Setup()
        setup.claims()
        setup.post.answer = "timeout"
        for _ in range(3):
            with pytest.raises(IntrospectionUnavailableError):
                setup.claims("another")
        assert setup.claims()

    def test_no_time_is_an_outage_without_a_request(self) -> None:
        """An invocation that is about to end asks nobody."""
        setup = Setup()
        with pytest.raises(IntrospectionUnavailableError, match="no time"):
            setup.claims(left=99)
        assert setup.post.forms == []

    def test_the_request_ends_with_the_callers_time_or_the_budget(self) -> None:
        """The earlier of both."""
        setup = Setup(cache=0)
        start = setup.clock.monotonic
        setup.claims(left=500)
        setup.claims(left=60_000)
        assert setup.post.deadlines == [start + 500, start + BUDGET]

    def test_a_refused_secret_is_read_again(self) -> None:
        """After 401 the secret may have been rotated."""
        setup = Setup()
        secrets = iter(["old", "new"])
        introspector = Introspector(
            [setup.issuer],
            environ={"CLIENT_SECRET": "x"},
            post=setup.post,
            clock=setup.clock,
            read_secret=lambda _reference: next(secrets),
        )
        setup.post.answer = "http_401"
        with pytest.raises(IntrospectionUnavailableError):
            introspector.claims(TOKEN, setup.issuer, setup.clock.monotonic + 3_000)
        setup.post.answer = setup.active()
        assert introspector.claims(TOKEN, setup.issuer, setup.clock.monotonic + 3_000)
        assert setup.post.headers[0] != setup.post.headers[1]


class TestSetup:
    """Where the endpoint and its credentials come from."""

    def test_the_endpoint_is_discovered_and_kept_for_four_hours(self) -> None:
        """`introspection_endpoint` of the issuer's metadata, whose issuer is equal byte for byte."""
        setup = Setup(endpoint="discover", cache=0)
        metadata = {"issuer": ISSUER, "introspection_endpoint": "https://id.example/discovered"}
        setup.fetcher.pages[WELL_KNOWN] = json.dumps(metadata).encode()
        setup.claims()
        setup.clock.pass_time(ADDRESS_AGE - 1)
        setup.post.answer = setup.active()
        setup.claims()
        assert setup.fetcher.asked == [WELL_KNOWN]
        setup.clock.pass_time(1)
        setup.claims()
        assert setup.fetcher.asked == [WELL_KNOWN] * 2
        assert setup.post.urls == ["https://id.example/discovered"] * 3

    def test_metadata_of_another_issuer_gets_no_token(self) -> None:
        """The token is not sent to an endpoint that the issuer did not name."""
        setup = Setup(endpoint="discover")
        metadata = {"issuer": "https://evil.example", "introspection_endpoint": "https://evil.example/"}
        setup.fetcher.pages[WELL_KNOWN] = json.dumps(metadata).encode()
        with pytest.raises(IntrospectionUnavailableError, match="issuer_mismatch"):
            setup.claims()
        assert setup.post.forms == []

    def test_an_issuer_with_keys_is_not_asked(self) -> None:
        """Only issuers of opaque tokens are."""
        introspector = Introspector([opaque_issuer()._replace(introspection=None)], environ={})
        with pytest.raises(IntrospectionUnavailableError):
            introspector.claims(TOKEN, opaque_issuer(), 3_000)
        assert introspector.health() == ()
        introspector.after_restore()

    def test_a_missing_secret_stops_the_start(self) -> None:
        """The operator learns it at the first deployment, not at the first call."""
        with pytest.raises(ConfigurationError, match="CLIENT_SECRET"):
            Introspector([opaque_issuer()], environ={})

    def test_the_defaults_speak_https_only(self) -> None:
        """The real fetcher and poster are made when first needed, and refuse http."""
        issuer = opaque_issuer()
        assert issuer.introspection is not None
        for endpoint, url in (("http://127.0.0.1:9/", ISSUER), ("discover", "http://127.0.0.1:9")):
            config: IntrospectionConfig = issuer.introspection._replace(endpoint=endpoint, issuer=url)
            plain = issuer._replace(introspection=config)
            introspector = Introspector([plain], environ={"CLIENT_SECRET": SECRET})
            with pytest.raises(IntrospectionUnavailableError, match="scheme_refused"):
                introspector.claims(TOKEN, plain, introspector._clock.monotonic_ms() + 3_000)
