"""The simulated WebSocket API takes a handshake through the gates of the real one."""

from typing import Any

import pytest
from tests.testing.handlers import ALLOW_ALL, API, DENY_ALL, Function, policy
from tests.testing.shows import shows

from lambda_authorizer.testing.events import Call
from lambda_authorizer.testing.gateway import WebSocketApi


@shows("context.websocket")
def test_a_handshake_that_is_allowed_opens_and_carries_the_context() -> None:
    """101, and the context of $connect is what every later route gets."""
    answer = WebSocketApi(Function(policy(("Allow", API + "$connect"), context={"n": 1}))).call(token="t")
    assert (answer.status, answer.allowed) == (101, True)
    assert answer.context == {"n": "1", "principalId": "c-1", "integrationLatency": 0}


@shows("websocket.source.missing")
def test_a_missing_identity_source_fails_with_401_without_asking() -> None:
    """From the query string too, which is where browsers put a token."""
    function = Function(ALLOW_ALL)
    api = WebSocketApi(
        function,
        identity_sources=["route.request.querystring.token", "stageVariables.s", "context.routeKey"],
        stage_variables={"s": "v"},
    )
    assert api.call(query="other=t").status == 401
    assert function.events == []
    assert api.call(query="token=t").status == 101
    assert api.call(Call(query="token=t")).status == 101
    assert function.events[0]["queryStringParameters"] == {"token": "t"}


@shows("websocket.error.unauthorized", "websocket.error.other")
@pytest.mark.parametrize(("message", "status"), [("Unauthorized", 401), ("Unauthorized!", 500)])
def test_only_the_exact_word_fails_with_401(message: str, status: int) -> None:
    """Any other error is a 500."""
    assert WebSocketApi(Function(error=ValueError(message))).call(token="t").status == status


@shows("websocket.denied")
@pytest.mark.parametrize("answer", [DENY_ALL, policy(("Allow", API + "GET/"))])
def test_a_policy_that_does_not_allow_fails_with_403(answer: Any) -> None:
    """Explicitly or by silence."""
    assert WebSocketApi(Function(answer)).call(token="t").status == 403


@shows("websocket.size")
def test_an_answer_over_8_kb_fails_with_500() -> None:
    """The limit counts the whole answer."""

    def answer(length: int) -> dict[str, Any]:
        return policy(("Allow", "*"), context={"pad": "x" * length})

    fits = 8192 - len(str(answer(0)).replace(" ", ""))
    assert WebSocketApi(Function(answer(fits))).call(token="t").status == 101
    assert WebSocketApi(Function(answer(fits + 1))).call(token="t").status == 500


def test_a_malformed_answer_fails_with_500() -> None:
    """A simple answer is no policy."""
    assert WebSocketApi(Function({"isAuthorized": True})).call(token="t").status == 500


@shows("cache.websocket")
def test_every_handshake_asks() -> None:
    """Nothing is kept."""
    function = Function(ALLOW_ALL)
    api = WebSocketApi(function)
    for _ in range(2):
        api.call(token="t")
    assert len(function.events) == 2
