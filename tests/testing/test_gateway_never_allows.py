"""Whatever a function answers or a client sends, the simulated gateway answers, and only a real yes passes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.testing.handlers import API, HTTP, Function

from lambda_authorizer.testing.events import Call
from lambda_authorizer.testing.gateway import EventsApi, GraphqlApi, HttpApi, RestApi, WebSocketApi
from lambda_authorizer.testing.iam import PolicyFormatError, evaluate

keys = st.sampled_from(
    [
        *("principalId", "policyDocument", "context", "usageIdentifierKey", "isAuthorized", "resolverContext"),
        *("handlerContext", "deniedFields", "ttlOverride", "Version", "Statement", "Effect", "Action", "Resource"),
        *("NotResource", "Condition", "x"),
    ]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5000),
    st.floats(allow_nan=False),
    st.sampled_from(
        ["", "Allow", "Deny", "*", "2012-10-17", "execute-api:Invoke", "true", API + "GET/a", HTTP + "GET/a"]
    ),
)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=12,
)
statement = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny", "allow"]),
        "Action": st.just("*"),
        "Resource": st.one_of(scalars, st.lists(scalars, max_size=2)),
    },
    optional={"Condition": junk, "Principal": junk},
)
nearly = st.fixed_dictionaries(
    {
        "principalId": st.one_of(st.just("p"), scalars),
        "policyDocument": st.fixed_dictionaries(
            {
                "Version": st.sampled_from(["2012-10-17", "2008-10-17", None]),
                "Statement": st.lists(statement, max_size=3),
            }
        ),
    },
    optional={"context": junk, "usageIdentifierKey": junk, "isAuthorized": scalars},
)
outputs = st.one_of(junk, nearly)


def is_policy_yes(output: Any, arn: str) -> bool:
    """Tell by the evaluator alone whether an answer in policy form allows."""
    try:
        return evaluate(output["policyDocument"], arn, context={"aws:SourceIp": "203.0.113.10"}).allowed
    except (PolicyFormatError, TypeError, KeyError, IndexError):
        return False


@settings(max_examples=100, deadline=None)
@given(outputs)
def test_only_a_well_formed_yes_passes(output: Any) -> None:
    """Every front end answers every output with a status of its own, and passes nothing that is not a yes."""
    function = Function(output)
    rest = RestApi(function, ["GET /a"], ttl=0).call("GET /a", token="t")
    policy = HttpApi(function, ["GET /a"], simple=False).call("GET /a", token="t")
    simple = HttpApi(function, ["GET /a"]).call("GET /a", token="t")
    socket = WebSocketApi(function).call(token="t")
    graphql = GraphqlApi(function).call("{ a }", token="t")
    events = EventsApi(function).call(token="t")
    assert rest.status in {200, 403, 500}
    assert policy.status in {200, 403, 500}
    assert simple.status in {200, 403, 500}
    assert socket.status in {101, 403, 500}
    assert graphql.status in {200, 401, 500}
    assert events.status in {200, 401, 500}
    yes = isinstance(output, dict) and output.get("isAuthorized") is True
    assert yes or not (simple.allowed or graphql.allowed or events.allowed)
    assert is_policy_yes(output, API + "GET/a") or not rest.allowed
    assert is_policy_yes(output, HTTP + "GET/a") or not policy.allowed
    assert is_policy_yes(output, API + "$connect") or not socket.allowed


text = st.text(max_size=12)
ROUTES = ["GET /a", "GET /a/{x}", "ANY /b/{rest+}"]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "", "get", "ANY"]),
    text.map(lambda tail: "/" + tail),
    st.lists(
        st.tuples(st.sampled_from(["Authorization", "authorization", "X-HTTP-Method-Override", "Cookie"]), text),
        max_size=4,
    ),
    text,
)
def test_whatever_a_client_sends_gets_an_answer(
    method: str, path: str, headers: list[tuple[str, str]], query: str
) -> None:
    """No call ends in an exception, and a refusing function refuses all of them."""
    function = Function({"isAuthorized": False})
    call = Call(method, path, headers, query)
    for api in (
        RestApi(function, ROUTES, kind="request"),
        HttpApi(function, [*ROUTES, "$default"]),
        WebSocketApi(function),
    ):
        answer = api.call(call)
        assert not answer.allowed
        assert answer.explanation.startswith(f"refused with {answer.status}\n")


@pytest.mark.parametrize("front", [RestApi, HttpApi])
def test_a_method_that_no_route_has_finds_none(front: Any) -> None:
    """ANY is a route's word and no method of a request, but the service would not know the difference either."""
    function = Function({"isAuthorized": True})
    assert front(function, ["GET /a"]).call("ANY /a", token="t").status in {403, 404}
