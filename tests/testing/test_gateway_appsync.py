"""Simulated AppSync APIs: the token, the cache that knows nothing else, denied fields."""

from typing import Any

import pytest
from tests.testing.handlers import Function
from tests.testing.shows import shows

from lambda_authorizer.testing.gateway import Clock, EventsApi, GraphqlApi
from lambda_authorizer.testing.gateway.graphql import DocumentError, root_fields

YES = {"isAuthorized": True, "resolverContext": {"tier": "gold"}}
READ = "{ points { balance } }"


@shows("appsync.source.missing")
@pytest.mark.parametrize("token", [None, ""])
def test_no_authorization_header_is_401_without_asking(token: str | None) -> None:
    """For GraphQL and for Events."""
    function = Function(YES)
    assert GraphqlApi(function).call(READ, token=token).status == 401
    assert EventsApi(function).call(token=token).status == 401
    assert function.events == []


@shows("appsync.source.validation", "appsync.source.length")
def test_a_token_that_cannot_be_one_is_401_without_asking() -> None:
    """By the validation expression, or by its length."""
    function = Function(YES)
    api = GraphqlApi(function, validation=r"custom-.*")
    assert api.call(READ, token="bearer-a").status == 401
    assert api.call(READ, token="custom-" + "a" * 2042).status == 401
    assert function.events == []
    assert api.call(READ, token="custom-" + "a" * 2041).status == 200


@shows("appsync.denied")
def test_a_no_is_401() -> None:
    """UnauthorizedException, in the shape of a GraphQL error."""
    answer = GraphqlApi(Function({"isAuthorized": False})).call(READ, token="t")
    assert (answer.status, answer.allowed) == (401, False)
    assert answer.body["errors"][0]["errorType"] == "UnauthorizedException"


@shows("appsync.error")
@pytest.mark.parametrize(
    "function",
    [
        Function(error=ValueError("Unauthorized")),
        Function(None),
        Function({"isAuthorized": "true"}),
        Function(YES | {"resolverContext": ["a"]}),
        Function(YES | {"resolverContext": {"a": {"b": 1}}}),
        Function(YES | {"deniedFields": "Query.points"}),
        Function(YES | {"deniedFields": [1]}),
        Function(YES | {"ttlOverride": -1}),
        Function(YES | {"ttlOverride": True}),
        Function(YES | {"ttlOverride": "0"}),
    ],
)
def test_an_error_or_a_malformed_answer_never_allows(function: Function) -> None:
    """And is not kept."""
    api = GraphqlApi(function, ttl=300)
    assert [api.call(READ, token="t").status for _ in range(2)] == [500, 500]
    assert len(function.events) == 2


@shows("appsync.denied-fields")
@pytest.mark.parametrize(
    "denied",
    [
        "Query.points",
        "arn:aws:appsync:eu-west-1:123456789012:apis/giy7kumfmvcqvbedntjwjvagii/types/Query/fields/points",
    ],
)
def test_a_denied_field_is_null_with_an_error_beside_it(denied: str) -> None:
    """By name or by ARN; other fields are not touched."""
    answer = GraphqlApi(Function(YES | {"deniedFields": [denied]})).call("{ points flights }", token="t")
    assert (answer.status, answer.denied_fields) == (200, ("Query.points",))
    assert answer.body == {"data": {"points": None}, "errors": [{"errorType": "Unauthorized", "path": ["points"]}]}


def test_an_arn_of_another_api_denies_nothing_here() -> None:
    """The ARN form tells APIs apart."""
    other = "arn:aws:appsync:eu-west-1:123456789012:apis/other/types/Query/fields/points"
    assert GraphqlApi(Function(YES | {"deniedFields": [other]})).call(READ, token="t").denied_fields == ()


def test_fields_below_the_root_are_denied_when_the_test_names_them() -> None:
    """The simulator has no schema, so a test says which typed fields a document reads."""
    api = GraphqlApi(Function(YES | {"deniedFields": ["Points.balance"]}))
    assert api.call(READ, token="t", fields=["Points.balance"]).denied_fields == ("Points.balance",)


@shows("context.appsync")
def test_the_resolver_gets_the_context() -> None:
    """`resolverContext` for GraphQL, `handlerContext` for Events; the other name is dropped."""
    both = {"isAuthorized": True, "resolverContext": {"a": 1}, "handlerContext": {"b": 2}}
    assert GraphqlApi(Function(both)).call(READ, token="t").context == {"a": 1}
    assert EventsApi(Function(both)).call(token="t").context == {"b": 2}


@shows("cache.appsync.key", "cache.events.key")
def test_an_answer_is_kept_for_the_token_whatever_the_call() -> None:
    """Neither the document nor other headers, nor a channel, are part of the key."""
    clock = Clock(0)
    function = Function(lambda event: {"isAuthorized": "redeem" not in str(event)})
    api = GraphqlApi(function, ttl=60, clock=clock)
    assert api.call(READ, token="t").status == 200
    assert api.call("mutation { redeem }", token="t", headers={"x": "y"}).cached
    assert api.call("mutation { redeem }", token="u").status == 401
    clock.advance(60)
    assert api.call("mutation { redeem }", token="t").status == 401
    events = EventsApi(Function(YES), ttl=60)
    assert not events.call("SUBSCRIBE", "/a/b", token="t").cached
    assert events.call("PUBLISH", "/a/b", token="t").cached


@shows("cache.appsync.override")
def test_ttl_override_replaces_the_apis_ttl() -> None:
    """0 keeps nothing, another number keeps that long, an hour at most."""
    clock = Clock(0)
    function = Function(YES | {"ttlOverride": 0})
    api = GraphqlApi(function, ttl=60, clock=clock)
    assert [api.call(READ, token="t").cached for _ in range(2)] == [False, False]
    function.answer = YES | {"ttlOverride": 90_000}
    assert [api.call(READ, token="t").cached for _ in range(2)] == [False, True]
    clock.advance(3599)
    assert api.call(READ, token="t").cached
    clock.advance(1)
    assert not api.call(READ, token="t").cached


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ("{ a }", ["Query.a"]),
        ('query { a, b(x: {y: [1, "}"]}) { c { d } } }', ["Query.a", "Query.b"]),
        ("query Q($v: Int = 1) @live { alias: a @include(if: $v) { z } }", ["Query.a"]),
        ('mutation { a(text: """ } "quoted" \\""" { """) # { b }\n c }', ["Mutation.a", "Mutation.c"]),
        ("subscription { onPoints { id } }", ["Subscription.onPoints"]),
        ("{ ...F a } fragment F on Query @d(x: 1) { b ... on Query { c } ... @skip(if: true) { d } }",
         ["Query.b", "Query.c", "Query.d", "Query.a"]),
        ("{ ...F @include(if: true) ...F } fragment F on Query { b }", ["Query.b"]),
    ],
)  # fmt: skip
def test_root_fields_are_found_through_aliases_and_fragments(document: str, fields: list[str]) -> None:
    """What runs is what counts, each field once."""
    assert root_fields(document) == tuple(fields)


def test_of_several_operations_the_named_one_counts() -> None:
    """As the server chooses."""
    document = "query A { a } mutation B { b }"
    assert root_fields(document, "B") == ("Mutation.b",)


@pytest.mark.parametrize(
    "document",
    ["", "{", "{ a", "query", "query A { a } query B { b }", "type Query { a: Int }",
     "query { @x }", "query Q Q { a }", "{ ...F }", "{ a: }", "{ a(",
     "{ ...F } fragment F on Query { ...F }", "query Q { a } 7"],
)  # fmt: skip
def test_what_is_no_document_is_refused(document: str) -> None:
    """A test does not pass on a document that AppSync would refuse."""
    with pytest.raises(DocumentError):
        root_fields(document)


def test_an_unknown_operation_is_refused() -> None:
    """A misspelt name does not quietly run another operation."""
    with pytest.raises(DocumentError):
        root_fields("query A { a }", "B")


def test_every_part_of_the_call_reaches_the_event() -> None:
    """Document, operation, variables and headers."""
    function: Any = Function(YES)
    GraphqlApi(function).call(
        "query A { a }", token="t", operation_name="A", variables={"v": 1}, headers={"X-Y": "z"}
    )
    context = function.events[0]["requestContext"]
    assert (context["queryString"], context["operationName"], context["variables"]) == (
        "query A { a }",
        "A",
        {"v": 1},
    )
    assert function.events[0]["requestHeaders"] == {"x-y": "z"}
