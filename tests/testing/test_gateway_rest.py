"""The simulated REST API takes a call through the gates of the real one, in their order."""

from typing import Any

import pytest
from tests.testing.handlers import ALLOW_ALL, API, DENY_ALL, Function, policy
from tests.testing.shows import shows

from lambda_authorizer.testing.events import Call
from lambda_authorizer.testing.gateway import Clock, GatewayResponse, RestApi, Route, UsagePlan

ROUTES = [
    "GET /orders",
    "GET /orders/{id}",
    "POST /orders/{id}",
    "ANY /files/{path+}",
    Route("GET", "/open", authorizer=False),
]
UNAUTHORIZED = (401, {"message": "Unauthorized"})


def rest(function: Any = None, **settings: Any) -> RestApi:
    """Return a REST API with a REQUEST authorizer that allows everything unless told otherwise."""
    routes = settings.pop("routes", ROUTES)
    return RestApi(function or Function(ALLOW_ALL), routes, **({"kind": "request"} | settings))


@shows("rest.route.unknown")
@pytest.mark.parametrize("call", ["GET /nothing", "PUT /orders/1", "GET /orders/1/items", "GET /"])
def test_an_unknown_path_or_method_is_403_without_asking(call: str) -> None:
    """The service says `Missing Authentication Token`, and no authorizer runs."""
    function = Function(ALLOW_ALL)
    answer = rest(function).call(call, token="t")
    assert (answer.status, answer.body) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert function.events == []


@shows("open")
def test_a_method_without_an_authorizer_is_open() -> None:
    """`Authorizer: NONE` lets everybody through, with no context for the backend."""
    answer = rest(Function(DENY_ALL)).call("GET /open")
    assert (answer.status, answer.allowed, answer.context, answer.invoked) == (200, True, None, False)


@shows("rest.route.specific")
def test_the_most_specific_resource_is_taken_and_then_its_method() -> None:
    """A literal beats a variable beats a greedy one, a method beats ANY; the event tells the template."""
    function = Function(ALLOW_ALL)
    routes = ["ANY /{all+}", "GET /{a}", "GET /orders", "ANY /orders", "POST /orders/{id}", "GET /orders/{rest+}"]
    api = rest(function, routes=routes, ttl=0)
    for call in ("GET /orders", "PUT /orders", "GET /x", "GET /x/y", "POST /orders/1"):
        assert api.call(call, token="t").status == 200, call
    assert [event["resource"] for event in function.events] == [
        "/orders", "/orders", "/{a}", "/{all+}", "/orders/{id}",
    ]  # fmt: skip
    # The resource is chosen before the method: /orders/{id} has no GET, and the greedy one is not tried.
    assert api.call("GET /orders/1", token="t").status == 403
    assert function.events[-1]["pathParameters"] == {"id": "1"}


@shows("rest.route.slashes", "rest.arn")
def test_slashes_that_do_not_matter_for_routing_stay_in_the_path() -> None:
    """A trailing slash stays in path and ARN; doubled leading slashes collapse."""
    function = Function(ALLOW_ALL)
    api = rest(function, ttl=0)
    assert api.call("GET /orders/", token="t").status == 200
    assert (function.events[-1]["path"], function.events[-1]["resource"]) == ("/orders/", "/orders")
    assert function.events[-1]["methodArn"].endswith("/prod/GET/orders/")
    assert api.call("GET //orders", token="t").status == 200
    assert function.events[-1]["path"] == "/orders"
    assert api.call("GET /files//a", token="t").status == 200
    assert function.events[-1]["pathParameters"] == {"path": "/a"}
    assert api.call("GET /orders//", token="t").status == 403


@shows("rest.route.encoded")
def test_nothing_of_the_path_is_decoded() -> None:
    """An encoded slash stays one segment, and stays encoded."""
    function = Function(ALLOW_ALL)
    assert rest(function).call("GET /orders/1%2F2?q=%2B+x", token="t").status == 200
    assert function.events[-1]["pathParameters"] == {"id": "1%2F2"}
    assert function.events[-1]["queryStringParameters"] == {"q": "+ x"}


@shows("rest.route.override")
def test_the_override_header_replaces_the_method() -> None:
    """X-HTTP-Method-Override decides what is routed, and what the ARN says."""
    function = Function(ALLOW_ALL)
    answer = rest(function).call("GET /orders/1", token="t", headers={"X-HTTP-Method-Override": "POST"})
    assert answer.status == 200
    assert function.events[-1]["httpMethod"] == "POST"
    assert function.events[-1]["methodArn"].endswith("/POST/orders/1")


@shows("rest.arn.length")
def test_an_arn_that_is_too_long_is_414() -> None:
    """The limit is 1600 bytes of the whole method ARN."""
    function = Function(ALLOW_ALL)
    fits = 1600 - len(API + "GET/orders/")
    api = rest(function, ttl=0)
    assert api.call("GET /orders/" + "x" * fits, token="t").status == 200
    assert api.call("GET /orders/" + "x" * (fits + 1), token="t").status == 414
    assert len(function.events) == 1


@shows("rest.source.missing", "rest.source.uncached")
@pytest.mark.parametrize("ttl", [300, 0])
@pytest.mark.parametrize("kind", ["token", "request"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}])
def test_a_missing_or_empty_identity_source_is_401_without_asking(
    kind: str, ttl: int, headers: dict[str, str]
) -> None:
    """The function never sees a call without a credential."""
    function = Function(ALLOW_ALL)
    answer = rest(function, kind=kind, ttl=ttl).call("GET /orders", headers=headers)
    assert (answer.status, answer.body) == UNAUTHORIZED
    assert answer.headers == {"x-amzn-errortype": "UnauthorizedException"}
    assert function.events == []


def test_without_identity_sources_the_function_is_asked_about_everything() -> None:
    """With TTL 0 a REQUEST authorizer may have none, and then sees calls without a credential too."""
    function = Function(DENY_ALL)
    assert rest(function, identity_sources=(), ttl=0).call("GET /orders").status == 403
    assert len(function.events) == 1


def test_every_identity_source_must_be_there() -> None:
    """Several sources are joined by and, never by or."""
    sources = [
        "method.request.header.Authorization",
        "method.request.querystring.q",
        "stageVariables.env",
        "context.identity.sourceIp",
        "context.httpMethod",
    ]
    api = rest(identity_sources=sources, stage_variables={"env": "blue"})
    assert api.call("GET /orders?q=1", token="t").status == 200
    assert api.call("GET /orders", token="t").status == 401
    assert api.call("GET /orders?Q=1", token="t").status == 401
    assert api.call("GET /orders?q=1").status == 401
    assert rest(identity_sources=sources).call("GET /orders?q=1", token="t").status == 401


@shows("rest.source.case", "rest.source.last")
def test_identity_headers_compare_without_case_and_the_last_value_counts() -> None:
    """A lower-case header is found; of two values the token event gets the last."""
    function = Function(ALLOW_ALL)
    api = rest(function, kind="token")
    assert api.call(Call("GET", "/orders", (("authorization", "a"), ("AUTHORIZATION", "b")))).status == 200
    assert function.events[-1]["authorizationToken"] == "b"


@shows("rest.source.validation", "rest.source.whole")
@pytest.mark.parametrize(
    ("header", "status"), [("Bearer abc", 200), ("Bearer", 401), ("xBearer abc", 401), ("Bearer abc!", 401)]
)
def test_a_token_that_does_not_match_the_expression_is_401_without_asking(header: str, status: int) -> None:
    """The validation expression filters before the function, on the whole value."""
    function = Function(ALLOW_ALL)
    api = rest(function, kind="token", validation=r"Bearer [a-z]+")
    assert api.call("GET /orders", headers={"Authorization": header}).status == status
    assert len(function.events) == (status == 200)


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "token", "identity_sources": []},
        {"kind": "token", "identity_sources": ["method.request.querystring.t"]},
        {"kind": "request", "identity_sources": [], "ttl": 1},
        {"kind": "request", "validation": "x"},
        {"ttl": 3601},
        {"ttl": -1},
        {"identity_sources": ["$request.header.Authorization"]},
        {"identity_sources": ["method.request.header."]},
        {"routes": ["get /orders"]},
        {"routes": ["GET orders"]},
        {"usage_plans": [UsagePlan(("a",)), UsagePlan(("a",))]},
    ],
)
def test_what_the_service_would_not_take_is_no_api(settings: dict[str, Any]) -> None:
    """A test cannot pass on a configuration that cannot be deployed."""
    with pytest.raises(ValueError, match=r"\w+"):
        rest(**settings)


@shows("rest.error.unauthorized")
def test_the_exact_word_is_401() -> None:
    """Only an error whose message is `Unauthorized` and nothing else is a 401."""
    answer = rest(Function(error=Exception("Unauthorized"))).call("GET /orders", token="t")
    assert (answer.status, answer.body) == UNAUTHORIZED
    assert answer.invoked


@shows("rest.error.other")
@pytest.mark.parametrize("message", ["Unauthorized: expired", "unauthorized", "", "boom"])
def test_any_other_error_is_500(message: str) -> None:
    """A prefix, another case or no message at all is a broken authorizer."""
    answer = rest(Function(error=ValueError(message))).call("GET /orders", token="t")
    assert (answer.status, answer.body) == (500, {"message": None})
    assert answer.headers["x-amzn-errortype"] == "AuthorizerConfigurationException"


def resource(length: int) -> str:
    """Return a Resource of this many characters."""
    return API + "GET/" + "x" * (length - len(API) - 4)


MALFORMED: dict[str, Any] = {
    "null": None,
    "a string": "Allow",
    "not JSON": {1, 2},
    "not a number": policy(("Allow", "*"), context={"n": float("nan")}),
    "an http answer": {"statusCode": 401},
    "a simple answer": {"isAuthorized": True},
    "no principal": {"policyDocument": ALLOW_ALL["policyDocument"]},
    "empty principal": ALLOW_ALL | {"principalId": ""},
    "principal is a number": ALLOW_ALL | {"principalId": 7},
    "no policy": {"principalId": "a"},
    "empty statements": policy(),
    "null condition": {
        "principalId": "a",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": None}],
        },
    },
    "malformed condition": {
        "principalId": "a",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"a": "b"}}}
            ],
        },
    },
    "long resource": policy(("Allow", resource(513))),
    "list in the context": policy(("Allow", "*"), context={"scopes": ["a"]}),
    "object in the context": policy(("Allow", "*"), context={"claims": {"a": "b"}}),
    "context is a list": policy(("Allow", "*")) | {"context": ["a"]},
}


@shows("answer.policy", "answer.principal", "answer.resource", "answer.context")
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_is_500_and_is_not_kept(name: str) -> None:
    """What the gateway cannot read never allows, and the next call asks again."""
    function = Function(MALFORMED[name])
    api = rest(function)
    for _ in range(2):
        assert api.call("GET /orders", token="t").status == 500
    assert len(function.events) == 2


def test_a_resource_of_512_characters_is_well_formed() -> None:
    """The limit itself still passes."""
    assert (
        rest(Function(policy(("Allow", "*"), ("Deny", resource(512))))).call("GET /orders", token="t").status
        == 200
    )


@shows("policy.order", "rest.denied.explicit", "rest.denied.implicit")
def test_refusals_say_whether_a_deny_was_explicit() -> None:
    """Both are 403, with different texts."""
    explicit = rest(Function(policy(("Allow", "*"), ("Deny", API + "GET/orders/*")))).call(
        "GET /orders/1", token="t"
    )
    silent = rest(Function(policy(("Allow", API + "GET/orders")))).call("GET /orders/1", token="t")
    text = "User is not authorized to access this resource"
    assert (explicit.status, explicit.body) == (403, {"Message": f"{text} with an explicit deny"})
    assert (silent.status, silent.body) == (403, {"Message": text})
    assert explicit.headers == silent.headers == {"x-amzn-errortype": "AccessDeniedException"}


@shows("policy.conditions")
def test_conditions_of_the_policy_are_judged_on_the_gateways_clock() -> None:
    """A cached Allow that ends with the token really ends."""
    clock = Clock(1000)
    answer = policy(("Allow", "*"))
    answer["policyDocument"]["Statement"][0]["Condition"] = {
        "NumericLessThan": {"aws:EpochTime": "1060"},
        "IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"aws:UserAgent": "u", "aws:Referer": "r"},
    }
    api = rest(Function(answer), clock=clock)
    headers = {"User-Agent": "u", "Referer": "r"}
    assert api.call("GET /orders", token="t", headers=headers).status == 200
    assert api.call(Call("GET", "/orders", headers, source_ip="198.51.100.1"), token="t").status == 403
    assert api.call("GET /orders", token="t").status == 403
    clock.advance(60)
    assert api.call("GET /orders", token="t", headers=headers).status == 403


@shows("cache.rest.key", "cache.lifetime", "cache.policy", "cache.refusals")
@pytest.mark.parametrize("kind", ["token", "request"])
def test_an_answer_is_kept_for_its_time_and_judged_anew_for_each_call(kind: str) -> None:
    """One token asks once per TTL; the policy still decides each path by itself."""
    clock = Clock(1000)
    function = Function(policy(("Allow", API + "GET/orders/1")))
    api = rest(function, kind=kind, ttl=300, clock=clock)
    assert [api.call(f"GET /orders/{one}", token="t").status for one in (1, 2, 1)] == [200, 403, 200]
    assert len(function.events) == 1
    assert api.call("GET /orders/1", token="u").status == 200
    assert len(function.events) == 2
    clock.advance(299.999)
    assert api.call("GET /orders/1", token="t").cached
    clock.advance(0.001)
    assert not api.call("GET /orders/1", token="t").cached
    assert len(function.events) == 3


def test_a_ttl_of_zero_asks_every_time() -> None:
    """Nothing is kept."""
    function = Function(ALLOW_ALL)
    api = rest(function, ttl=0)
    for _ in range(3):
        assert not api.call("GET /orders", token="t").cached
    assert len(function.events) == 3


def test_a_kept_refusal_refuses_without_asking() -> None:
    """A Deny is kept as an Allow is."""
    function = Function(DENY_ALL)
    api = rest(function)
    assert [api.call("GET /orders", token="t").status for _ in range(2)] == [403, 403]
    assert len(function.events) == 1


@shows("cache.errors")
def test_an_error_is_never_kept() -> None:
    """A caller is not locked out by one failure of the function."""
    function = Function(ALLOW_ALL, error=Exception("Unauthorized"))
    api = rest(function)
    assert api.call("GET /orders", token="t").status == 401
    function.error = None
    assert api.call("GET /orders", token="t").status == 200


@shows("cache.scope")
def test_two_apis_share_no_cache() -> None:
    """The same function behind two APIs is asked by each."""
    function = Function(ALLOW_ALL)
    clock = Clock()
    for _ in range(2):
        rest(function, clock=clock).call("GET /orders", token="t")
    assert len(function.events) == 2


def test_a_flushed_cache_asks_again() -> None:
    """FlushStageAuthorizersCache."""
    function = Function(ALLOW_ALL)
    api = rest(function)
    api.call("GET /orders", token="t")
    api.cache.clear()
    api.call("GET /orders", token="t")
    assert len(function.events) == 2


def resource_policy(effect: str, resource: str = "execute-api:/*") -> dict[str, Any]:
    """Return a resource policy of one statement."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource}],
    }


@shows("rest.policy.first")
def test_a_deny_of_the_resource_policy_comes_before_the_authorizer() -> None:
    """The function is not asked, and the text names the caller anonymous."""
    function = Function(ALLOW_ALL)
    answer = rest(function, resource_policy=resource_policy("Deny")).call("GET /orders", token="t")
    assert answer.status == 403
    assert answer.body["Message"].startswith("User: anonymous is not authorized to perform: execute-api:Invoke")
    assert function.events == []


@shows("rest.policy.joint")
def test_an_allow_of_the_resource_policy_makes_silence_a_yes() -> None:
    """In one account one Allow is enough, so that only an explicit Deny of the authorizer refuses."""
    silent = Function(policy(("Allow", API + "GET/other")))
    allows = resource_policy("Allow")
    assert rest(silent, resource_policy=allows).call("GET /orders", token="t").status == 200
    assert rest(silent, resource_policy=allows, cross_account=True).call("GET /orders", token="t").status == 403
    assert rest(Function(DENY_ALL), resource_policy=allows).call("GET /orders", token="t").status == 403


KEY = "k" * 20
KEYED = [Route("GET", "/orders", api_key_required=True)]


@shows("usage.source", "usage.unknown", "usage.order")
def test_the_api_key_is_checked_after_the_authorizer() -> None:
    """The key comes from the header or from the authorizer's answer, and must be in a plan of the stage."""
    plan = UsagePlan((KEY, "d" * 20), disabled=("d" * 20,))
    header = rest(routes=KEYED, usage_plans=[plan])
    assert header.call("GET /orders", token="t", headers={"X-Api-Key": KEY}).status == 200
    for key in ({}, {"x-api-key": "x" * 20}, {"x-api-key": "d" * 20}):
        answer = header.call("GET /orders", token="t", headers=key)
        assert (answer.status, answer.body) == (403, {"message": "Forbidden"})
        assert answer.headers["x-amzn-errortype"] == "ForbiddenException"
    given = policy(("Allow", "*"), usageIdentifierKey=KEY)
    own = {"routes": KEYED, "usage_plans": [plan], "api_key_source": "AUTHORIZER"}
    assert rest(Function(given), **own).call("GET /orders", token="t").status == 200
    assert (
        rest(Function(ALLOW_ALL), **own).call("GET /orders", token="t", headers={"x-api-key": KEY}).status == 403
    )
    assert rest(Function(DENY_ALL), **own).call("GET /orders", token="t").body != {"message": "Forbidden"}


@shows("usage.throttle", "usage.exact")
def test_a_rate_is_a_bucket_that_refills() -> None:
    """A burst passes at once, then the rate counts."""
    clock = Clock(0)
    api = rest(routes=KEYED, usage_plans=[UsagePlan((KEY,), rate=2, burst=3)], clock=clock)

    def call() -> Any:
        return api.call("GET /orders", token="t", headers={"x-api-key": KEY})

    assert [call().status for _ in range(4)] == [200, 200, 200, 429]
    refused = call()
    assert refused.body == {"message": "Too Many Requests"}
    assert refused.headers["x-amzn-errortype"] == "TooManyRequestsException"
    clock.advance(0.5)
    assert [call().status for _ in range(2)] == [200, 429]
    clock.advance(60)
    assert [call().status for _ in range(4)] == [200, 200, 200, 429]


@shows("usage.quota")
@pytest.mark.parametrize(("period", "days"), [("DAY", 1), ("WEEK", 7), ("MONTH", 31)])
def test_a_quota_counts_within_its_period(period: Any, days: int) -> None:
    """Over the quota is 429 until the period ends."""
    clock = Clock(1_767_225_600)  # a Thursday, the first of a month
    api = rest(routes=KEYED, usage_plans=[UsagePlan((KEY,), quota=2, period=period)], clock=clock)

    def call() -> Any:
        return api.call("GET /orders", token="t", headers={"x-api-key": KEY})

    assert [call().status for _ in range(3)] == [200, 200, 429]
    assert call().body == {"message": "Limit Exceeded"}
    assert call().headers["x-amzn-errortype"] == "LimitExceededException"
    clock.advance(days * 86400)
    assert call().status == 200


@shows("context.text", "context.added")
def test_the_backend_gets_the_context_as_text() -> None:
    """Numbers and booleans become text, null stays null, and the principal stands beside them."""
    context = {"s": "x", "n": 1, "f": 1.5, "b": True, "z": None}
    answer = rest(Function(policy(("Allow", "*"), context=context))).call("GET /orders", token="t")
    assert answer.context == {
        "s": "x", "n": "1", "f": "1.5", "b": "true", "z": None, "principalId": "c-1", "integrationLatency": 0,
    }  # fmt: skip


@shows("rest.responses")
def test_gateway_responses_change_status_headers_and_body() -> None:
    """Templates get variables as they stand, from the authorizer's context too."""
    responses = {
        "UNAUTHORIZED": GatewayResponse(headers={"WWW-Authenticate": "'Bearer realm=\"api\"'"}),
        "ACCESS_DENIED": GatewayResponse(
            status=404,
            headers={"X-Reason": "context.authorizer.reason"},
            template='{"message": $context.error.messageString, "type": "$context.error.responseType", '
            '"reason": "$context.authorizer.reason", "none": "$context.authorizer.nothing."}',
        ),
        "DEFAULT_5XX": GatewayResponse(template="sorry: $context.error.messageString"),
        "DEFAULT_4XX": GatewayResponse(headers={"Access-Control-Allow-Origin": "'*'"}),
    }
    function = Function(policy(("Deny", "*"), context={"reason": "no_rule_allows"}))
    api = rest(function, gateway_responses=responses)
    missing = api.call("GET /orders")
    assert (missing.status, missing.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    denied = api.call("GET /orders", token="t")
    assert (denied.status, denied.headers["X-Reason"]) == (404, "no_rule_allows")
    assert denied.body == {
        "message": "User is not authorized to access this resource with an explicit deny",
        "type": "ACCESS_DENIED",
        "reason": "no_rule_allows",
        "none": ".",
    }
    assert api.call("GET /nothing").headers["Access-Control-Allow-Origin"] == "*"
    function.error = ValueError()
    api.cache.clear()
    assert api.call("GET /orders", token="t").body == "sorry: null"


def test_a_context_value_with_a_quote_breaks_out_of_a_template() -> None:
    """Nothing is escaped, which is why the toolkit restricts what it puts into a context."""
    responses = {"ACCESS_DENIED": GatewayResponse(template='{"reason": "$context.authorizer.reason"}')}
    function = Function(policy(("Deny", "*"), context={"reason": 'x", "admin": "true'}))
    answer = rest(function, gateway_responses=responses).call("GET /orders", token="t")
    assert answer.body == {"reason": "x", "admin": "true"}


def test_a_header_expression_is_a_quoted_text_or_a_variable() -> None:
    """Anything else would not deploy."""
    api = rest(gateway_responses={"UNAUTHORIZED": GatewayResponse(headers={"X": "Bearer"})})
    with pytest.raises(ValueError, match="single quotes"):
        api.call("GET /orders")


def test_an_explanation_tells_each_step_and_how_it_is_known() -> None:
    """A reader sees route, cache, deciding statement and basis, and no token."""
    api = rest(Function(policy(("Allow", "*"), ("Deny", API + "GET/orders/*"))))
    text = api.call("GET /orders/1", token="s3cret").explanation
    assert text.splitlines() == [
        "refused with 403",
        "  GET /orders/1 takes GET /orders/{id}  [assumed: rest.route.specific]",
        "  result cache: miss  [documented: cache.lifetime]",
        f"  statement 1 of the authorizer's policy, Deny, decides {API}GET/orders/1  [documented: policy.order]",
        "  refused  [observed: rest.denied.explicit]",
    ]
    assert "s3cret" not in text
    assert api.call("GET /orders", token="s3cret").explanation.startswith("allowed with 200")


@shows("path.characters")
@pytest.mark.parametrize("path", ["/orders/\x00", "/orders/a b", "/orders/\x7f", "/orders/é", "/orders/\u2028"])
def test_a_path_that_no_client_can_send_is_400_without_asking(path: str) -> None:
    """What cannot stand in a request line never reaches a function."""
    function = Function(ALLOW_ALL)
    assert rest(function).call(Call("GET", path), token="t").status == 400
    assert function.events == []


@shows("rest.policy.alone")
def test_an_open_method_needs_an_allow_of_the_resource_policy_where_there_is_one() -> None:
    """Without an authorizer the resource policy decides alone, and silence refuses."""
    silent = resource_policy("Allow", "execute-api:/prod/GET/other")
    assert rest(resource_policy=resource_policy("Allow")).call("GET /open").status == 200
    answer = rest(resource_policy=silent).call("GET /open")
    assert answer.status == 403
    assert answer.body["Message"].startswith("User: anonymous")


def test_an_open_method_can_ask_for_an_api_key() -> None:
    """The key comes from the header; no authorizer is there to name one."""
    routes = [Route("GET", "/open", authorizer=False, api_key_required=True)]
    plan = UsagePlan((KEY,))
    assert rest(routes=routes, usage_plans=[plan]).call("GET /open", headers={"x-api-key": KEY}).status == 200
    assert rest(routes=routes, usage_plans=[plan]).call("GET /open").status == 403
    named = rest(routes=routes, usage_plans=[plan], api_key_source="AUTHORIZER")
    assert named.call("GET /open", headers={"x-api-key": KEY}).status == 403
