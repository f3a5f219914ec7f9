"""Every root field of a schema is found, or the schema is refused."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lambda_authorizer.response.graphql import SchemaError, parse_schema

SCHEMA = '''
"""The orders of a shop: type Query { fake: Int }"""
directive @auth(rules: [Rule!] = [{allow: "type Query { x: Int }"}]) repeatable on OBJECT | FIELD_DEFINITION
scalar AWSDateTime
scalar type
union Found = Order | type
enum Kind { type, schema input }
interface Node { id: ID! }
input NewOrder { name: String = "}", kind: Kind }

schema @auth(rules: [{allow: "a"}]) { query: Query, mutation: Changes }

type Query @aws_lambda {
  "one order: or another"
  order(id: ID!, filter: NewOrder = {name: "a", kind: type}): Order @deprecated(reason: "old: type")
  orders(first: Int = 10 after: String): [Order!]! @aws_lambda  # comment: with colon
  type: String
}
extend type Query { count: Int }
type Changes { addOrder(order: NewOrder!): Order }
type Order implements Node & type @key(fields: "id") { id: ID!, at: AWSDateTime query: String }
type Empty
type Subscription { added: Order @aws_subscribe(mutations: ["addOrder"]) }
'''


def test_root_fields_are_those_of_the_operations_the_schema_names():
    """Names in strings, comments, arguments, enums and inputs are no fields; extensions count."""
    schema = parse_schema(SCHEMA)
    assert schema.root_fields == {
        "Query.order",
        "Query.orders",
        "Query.type",
        "Query.count",
        "Changes.addOrder",
    }
    assert set(schema.fields) == schema.root_fields | {"Order.id", "Order.at", "Order.query", "Subscription.added"}


def test_without_a_schema_block_the_usual_names_are_the_operations():
    """Query, Mutation and Subscription, as the specification has it."""
    schema = parse_schema("type Query{a:Int}type Mutation{b:Int}type Subscription{c:Int}type Other{d:Int}")
    assert schema.root_fields == {"Query.a", "Mutation.b", "Subscription.c"}


def test_an_extended_schema_adds_operations():
    """`extend schema` takes none away."""
    schema = parse_schema("type Query { a: Int } extend schema { mutation: M } type M { b: Int }")
    assert schema.root_fields == {"Query.a", "M.b"}


def test_a_list_of_fields_will_do():
    """One `Type.field` a line, comments allowed; all of them count as root fields."""
    schema = parse_schema("# fields\nQuery.a\n\nMutation.b # change\nQuery.a\n")
    assert schema.fields == ("Query.a", "Mutation.b")
    assert schema.root_fields == {"Query.a", "Mutation.b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type Order { id: ID }",
        "type Query {",
        "type Query { a: Int } }",
        "type Query { a(b: Int: Int }",
        "type Query { a: [Int }",
        "type Query { a: Int) }",
        "type Query { a: Int; b: Int }",
        'type Query { a: Int """ }',
        "{ a: Int }",
        "query { a }",
        "Query.a\nQuery",
    ],
)
def test_what_cannot_be_read_is_refused(text):
    """A field that is overlooked would be allowed to everybody, so nothing is guessed."""
    with pytest.raises(SchemaError):
        parse_schema(text)


NAMES = st.from_regex(r"\A[_A-Za-z][_0-9A-Za-z]{0,8}\Z")


@hypothesis_settings(deadline=None)
@given(
    fields=st.lists(NAMES, min_size=1, max_size=5, unique=True),
    noise=st.sampled_from(
        ["# type Query { x: Int }\n", '"""type Query { x: Int }"""', "scalar type ", "union A = B "]
    ),
)
def test_fields_of_any_name_are_found_behind_any_noise(fields, noise):
    """The language has no reserved words, and strings and comments hide nothing."""
    body = " ".join(f'"{name}: x" {name}(type: Int = 1): [{name}!]! @d(a: 1)' for name in fields)
    assert parse_schema(f"{noise} type Query {{ {body} }}").fields == tuple(f"Query.{name}" for name in fields)


@hypothesis_settings(deadline=None)
@given(st.text(alphabet='type Query{}()[]:!@|&="#\n\\x1', max_size=60))
def test_no_text_raises_anything_but_a_schema_error(text):
    """Whatever the file holds."""
    try:
        parse_schema(text)
    except SchemaError:
        return
