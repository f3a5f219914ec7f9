"""The simulated HTTP API takes a call through the gates of the real one, in their order."""

from typing import Any

import pytest
from tests.testing.handlers import ALLOW_ALL, DENY_ALL, HTTP, Function, policy
from tests.testing.shows import shows

from lambda_authorizer.testing.events import Api, Call
from lambda_authorizer.testing.gateway import Clock, HttpApi, Route

YES = {"isAuthorized": True}
NO = {"isAuthorized": False}
ROUTES = ["GET /orders", "GET /orders/{id}", Route("GET", "/open", authorizer=False)]


def http(function: Any = None, **settings: Any) -> HttpApi:
    """Return an HTTP API with simple responses that says yes unless told otherwise."""
    routes = settings.pop("routes", ROUTES)
    return HttpApi(function or Function(YES), routes, **settings)


# The example of the developer guide, "Working with routes for HTTP APIs", "Routing API requests".
PUBLISHED_ROUTES = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"]
PUBLISHED = {
    "GET /pets/dog/1": "GET /pets/dog/1",
    "GET /pets/dog/2": "GET /pets/dog/{id}",
    "GET /pets/cat/1": "GET /pets/{proxy+}",
    "POST /test/5": "ANY /{proxy+}",
}


@shows("http.route.priority", "http.route.specific")
@pytest.mark.parametrize("call", PUBLISHED)
@pytest.mark.parametrize("order", [1, -1])
def test_the_published_example_routes_as_published(call: str, order: int) -> None:
    """Each request of AWS's example takes the route that AWS names, in whatever order the routes stand."""
    function = Function(YES)
    assert http(function, routes=PUBLISHED_ROUTES[::order]).call(call, token="t").status == 200
    assert function.events[0]["routeKey"] == PUBLISHED[call]


def test_what_no_route_takes_falls_to_the_default_route() -> None:
    """`$default` takes any method and path that is left."""
    function = Function(YES)
    api = http(function, routes=["GET /a", "POST /{x+}", "$default"])
    for call, key in {
        "PUT /a": "$default",
        "GET /": "$default",
        "GET /b": "$default",
        "POST /a": "POST /{x+}",
    }.items():
        api.call(call, token="t")
        assert function.events[-1]["routeKey"] == key


def test_a_full_match_beats_a_greedy_one_and_a_method_beats_any() -> None:
    """However long the greedy route's beginning is."""
    function = Function(YES)
    api = http(function, routes=["GET /a/{x+}", "GET /{p}/{q}", "ANY /a/b", "GET /a/b"])
    for call, key in {"GET /a/c": "GET /{p}/{q}", "GET /a/b": "GET /a/b", "PUT /a/b": "ANY /a/b"}.items():
        api.call(call, token="t")
        assert function.events[-1]["routeKey"] == key


@shows("http.route.slash")
def test_a_trailing_slash_takes_the_same_route_and_stays_in_the_path() -> None:
    """The authorizer sees it in rawPath and ARN."""
    function = Function(YES)
    assert http(function).call("GET /orders/", token="t").status == 200
    assert function.events[0]["routeKey"] == "GET /orders"
    assert function.events[0]["rawPath"] == "/orders/"
    assert function.events[0]["routeArn"].endswith("/GET/orders/")


@shows("http.route.unknown")
def test_no_route_is_404() -> None:
    """Without asking anybody."""
    function = Function(YES)
    answer = http(function).call("PUT /orders", token="t")
    assert (answer.status, answer.body) == (404, {"message": "Not Found"})
    assert function.events == []


def test_a_route_without_an_authorizer_is_open() -> None:
    """Everybody gets through."""
    assert http(Function(NO)).call("GET /open").allowed


@shows("http.source.missing")
@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}])
def test_a_missing_or_empty_identity_source_is_401_without_asking(headers: dict[str, str]) -> None:
    """The function never sees a call without a credential."""
    function = Function(YES)
    answer = http(function).call("GET /orders", headers=headers)
    assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})
    assert function.events == []


@shows("http.source.case")
def test_identity_headers_compare_without_case_and_values_are_joined() -> None:
    """Header names in any case, query names as they are; repeated values come joined by commas."""
    function = Function(YES)
    sources = ["$request.header.X-Token", "$request.querystring.q", "$stageVariables.s", "$context.routeKey"]
    api = http(function, identity_sources=sources, stage_variables={"s": "v"})
    call = Call("GET", "/orders", (("x-token", "a"), ("X-TOKEN", "b")), "q=1&q=2")
    assert api.call(call).status == 200
    assert function.events[0]["identitySource"] == ["a,b", "1,2", "v", "GET /orders"]
    assert api.call(call._replace(query="Q=1")).status == 401


@shows("http.denied")
@pytest.mark.parametrize("settings", [{}, {"simple": False}, {"payload": "1.0", "simple": False}])
def test_a_refusal_is_403(settings: dict[str, Any]) -> None:
    """A simple no and a policy that does not allow look the same to a client."""
    function = Function(DENY_ALL if settings else NO)
    answer = http(function, **settings).call("GET /orders", token="t")
    assert (answer.status, answer.body) == (403, {"message": "Forbidden"})


@shows("http.error", "http.error.unauthorized")
@pytest.mark.parametrize("message", ["Unauthorized", "boom"])
def test_an_error_of_the_function_is_500_whatever_it_says(message: str) -> None:
    """And the next call asks again."""
    function = Function(error=ValueError(message))
    api = http(function, ttl=300)
    for _ in range(2):
        answer = api.call("GET /orders", token="t")
        assert (answer.status, answer.body) == (500, {"message": "Internal Server Error"})
    assert len(function.events) == 2


@shows("http.simple.shape")
@pytest.mark.parametrize(
    "answer",
    [
        None,
        "yes",
        {},
        {"isAuthorized": "true"},
        {"isAuthorized": "false"},
        {"isAuthorized": 1},
        {"isAuthorized": None},
        {"isAuthorized": True, "context": ["a"]},
        ALLOW_ALL,
    ],
)
def test_only_a_real_boolean_is_a_simple_answer(answer: Any) -> None:
    """Text, numbers and a policy are malformed: 500, never a yes, and not kept."""
    function = Function(answer)
    api = http(function, ttl=300)
    assert [api.call("GET /orders", token="t").status for _ in range(2)] == [500, 500]
    assert len(function.events) == 2


@pytest.mark.parametrize("answer", [YES, {"isAuthorized": True} | {"policyDocument": None}, policy()])
def test_a_simple_answer_is_no_policy(answer: Any) -> None:
    """Without simple responses only a policy counts."""
    assert http(Function(answer), simple=False).call("GET /orders", token="t").status == 500


@shows("cache.http.key", "cache.simple")
def test_a_kept_simple_answer_answers_every_route() -> None:
    """One yes opens them all, unless the route key is an identity source."""
    clock = Clock(0)

    def only_orders(event: Any) -> dict[str, bool]:
        return {"isAuthorized": event["rawPath"] == "/orders"}

    leaky = http(Function(only_orders), ttl=60, clock=clock)
    assert leaky.call("GET /orders/1", token="u").status == 403
    assert leaky.call("GET /orders", token="u").status == 403
    assert leaky.call("GET /orders", token="t").status == 200
    hit = leaky.call("GET /orders/1", token="t")
    assert (hit.status, hit.cached) == (200, True)
    clock.advance(60)
    assert leaky.call("GET /orders/1", token="t").status == 403
    keyed = http(
        Function(only_orders), ttl=60, identity_sources=["$request.header.Authorization", "$context.routeKey"]
    )
    assert keyed.call("GET /orders", token="t").status == 200
    assert keyed.call("GET /orders/1", token="t").status == 403


@pytest.mark.parametrize("payload", ["1.0", "2.0"])
def test_a_kept_policy_is_judged_anew(payload: Any) -> None:
    """The policy decides each path by itself, in both formats."""
    function = Function(policy(("Allow", HTTP + "GET/orders/1")))
    api = http(function, payload=payload, simple=False, ttl=60)
    assert [api.call(f"GET /orders/{one}", token="t").status for one in (1, 2)] == [200, 403]
    assert len(function.events) == 1


@shows("context.typed")
def test_payload_2_gives_the_backend_typed_values_and_payload_1_text() -> None:
    """Lists and objects survive in 2.0, and are an error in 1.0."""
    context = {"n": 1, "l": ["a"], "o": {"k": None}}
    given = policy(("Allow", "*"), context=context)
    assert http(Function(YES | {"context": context})).call("GET /orders", token="t").context == {"lambda": context}
    assert http(Function(YES)).call("GET /orders", token="t").context == {"lambda": None}
    assert http(Function(given), simple=False).call("GET /orders", token="t").context == {"lambda": context}
    assert http(Function(ALLOW_ALL), simple=False).call("GET /orders", token="t").context == {"lambda": None}
    older = {"simple": False, "payload": "1.0"}
    assert http(Function(given), **older).call("GET /orders", token="t").status == 500
    plain = http(Function(policy(("Allow", "*"), context={"n": 1})), **older).call("GET /orders", token="t")
    assert plain.context == {"n": "1", "principalId": "c-1", "integrationLatency": 0}


def test_a_named_stage_stands_in_path_and_arn() -> None:
    """As rawPath of the event, and once in the route ARN."""
    function = Function(policy(("Allow", "*")))
    http(function, simple=False, api=Api(stage="dev"), identity_sources=["$context.path"]).call("GET /orders")
    assert function.events[0]["rawPath"] == "/dev/orders"
    assert function.events[0]["identitySource"] == ["/dev/orders"]
    assert function.events[0]["routeArn"].endswith("/dev/GET/orders")


@pytest.mark.parametrize(
    "settings",
    [
        {"payload": "1.0"},
        {"ttl": 1, "identity_sources": []},
        {"ttl": 4000},
        {"identity_sources": ["context.routeKey"]},
    ],
)
def test_what_the_service_would_not_take_is_no_api(settings: dict[str, Any]) -> None:
    """A test cannot pass on a configuration that cannot be deployed."""
    with pytest.raises(ValueError, match=r"\w+"):
        http(**settings)


@shows("path.characters")
@pytest.mark.parametrize("path", ["/orders/\x00", "/orders/a b", "/orders/\x7f", "/orders/é", "/orders/\u2028"])
def test_a_path_that_no_client_can_send_is_400_without_asking(path: str) -> None:
    """What cannot stand in a request line never reaches a function."""
    function = Function(YES)
    assert http(function).call(Call("GET", path), token="t").status == 400
    assert function.events == []
