"""Decisions: paths, the most specific route, incomparable routes, deny rules, every front end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rules.parts import caller, rules_of

from lambda_authorizer.policy import Decision, decide, denied_fields, route_numbers, route_of
from lambda_authorizer.rules import Grants, grants_for


def grants(
    text: str,
    *scopes: str,
    groups: tuple[str, ...] = (),
    sub: str = "me",
    api_routes: list[str] | None = None,
) -> Grants:
    """Return the grants of a caller with these scopes: `scope: route, route` lines make the rules."""
    tables = []
    for number, line in enumerate(text.strip().splitlines()):
        scope, _, routes = line.strip().partition(": ")
        effect, key = ("deny", "groups") if scope.startswith("!") else ("allow", "scopes")
        where = ""
        if " where " in routes:
            routes, _, variable = routes.partition(" where ")
            where = f'\nwhere = {{ {variable} = "sub" }}'
        listed = ", ".join(f'"{route.strip()}"' for route in routes.split(","))
        tables.append(
            f'[[rule]]\nname = "{number} {scope}"\n{effect} = [{listed}]\n{key} = ["{scope.lstrip("!")}"]{where}\n'
        )
    rules = rules_of("".join(tables), api_routes=api_routes)
    return grants_for(rules, caller(scopes=scopes, groups=groups, claims={"sub": sub}), None)


SPECIFIC = """
wide: ANY /{proxy+}
item: GET /orders/{id}
export: GET /orders/export
any: ANY /orders/{id}/x
"""


@pytest.mark.parametrize(
    ("method", "path", "scopes", "expected"),
    [
        ("GET", "/orders/1", ("item",), True),
        ("GET", "/orders/1", ("wide",), False),
        ("GET", "/orders/1", ("wide", "item"), True),
        ("GET", "/orders/export", ("wide", "item"), False),
        ("GET", "/orders/export", ("export",), True),
        ("POST", "/orders/1", ("wide",), True),
        ("POST", "/orders/1", ("item",), False),
        ("GET", "/orders", ("wide",), True),
        ("GET", "/orders", ("item",), False),
        ("GET", "/", ("wide",), False),
        ("GET", "/orders/1/x", ("wide",), False),
        ("GET", "/orders/1/x", ("any",), True),
        ("GET", "/orders/1/x/y", ("wide",), True),
        ("TRACE", "/orders/1/x/y", ("wide",), False),
        ("get", "/orders/1", ("item",), False),
        ("GET", "/orders/*", ("item",), True),
        ("GET", "/orders/${a}?", ("item",), True),
        # A trailing slash makes another path, which no route here spells: open end and route must both grant.
        ("GET", "/orders/1/", ("item",), False),
        ("GET", "/orders/1/", ("wide",), False),
        ("GET", "/orders/1/", ("wide", "item"), True),
        ("GET", "/other/", ("wide",), True),
    ],
)
def test_a_request_belongs_to_its_most_specific_routes(
    method: str, path: str, scopes: tuple[str, ...], *, expected: bool
) -> None:
    """Literal before variable before open end, then method before ANY; a wider route opens no stricter one."""
    assert decide(grants(SPECIFIC, *scopes), method, path).allowed is expected


@pytest.mark.parametrize(
    ("path", "scopes", "expected"),
    [
        ("/a/b", ("left", "right"), True),
        ("/a/b", ("left",), False),
        ("/a/b", ("right",), False),
        ("/a/c", ("left",), True),
        ("/c/b", ("right",), True),
    ],
)
def test_incomparable_routes_must_both_grant(path: str, scopes: tuple[str, ...], *, expected: bool) -> None:
    """`/a/{x}` and `/{y}/b` meet in `/a/b`, which needs both."""
    assert decide(grants("left: GET /a/{x}\nright: GET /{y}/b", *scopes), "GET", path).allowed is expected


def test_path_and_method_that_disagree_need_both() -> None:
    """`ANY /orders/x` is the stricter path, `GET /orders/{id}` the stricter method."""
    text = "path: ANY /orders/x\nmethod: GET /orders/{id}"
    assert not decide(grants(text, "path"), "GET", "/orders/x").allowed
    assert not decide(grants(text, "method"), "GET", "/orders/x").allowed
    assert decide(grants(text, "path", "method"), "GET", "/orders/x").allowed
    assert decide(grants(text, "path"), "POST", "/orders/x").allowed


def test_a_spelled_trailing_slash_is_a_route_of_its_own() -> None:
    """Where a rule spells the slash, the path without it has no say."""
    text = "plain: GET /a/{x}\nslash: GET /a/{x}/\nwide: GET /{rest+}"
    assert decide(grants(text, "slash"), "GET", "/a/1/").allowed
    assert not decide(grants(text, "plain", "wide"), "GET", "/a/1/").allowed


def test_a_deny_rule_beats_every_allow_however_specific() -> None:
    """A deny that holds reaches all that its pattern matches."""
    text = "s: GET /a/{x}, GET /a/b\n!g: ANY /a/{rest+}"
    assert decide(grants(text, "s"), "GET", "/a/b").allowed
    assert decide(grants(text, "s", groups=("g",)), "GET", "/a/b") == Decision(False, "denied_by_rule", "1 !g")


def test_a_deny_rule_makes_no_route() -> None:
    """Whom a deny rule does not concern finds the wider route as if it were not there."""
    assert decide(grants("s: GET /{rest+}\n!g: ANY /admin/{rest+}", "s"), "GET", "/admin/x").allowed


def test_a_deny_rule_reaches_the_path_with_a_trailing_slash() -> None:
    """A slash at the end is no way around a deny rule."""
    text = "s: GET /{rest+}\n!g: GET /admin"
    assert decide(grants(text, "s", groups=("g",)), "GET", "/admin/").reason == "denied_by_rule"


@pytest.mark.parametrize(
    "path",
    [
        "/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb", "/%2e%2E", "/a/./b", "/a/../b", "/..", "/a/.", "//", "//a",
        "/a//b", "/a\nb", "/a\x00", "/a%00", "/a%0a", "/a%1F", "/a%7f",
        "/a\\b", "/x/..\\admin", "/a b", "/é", "/a\x7f", "", "a",
    ],
)  # fmt: skip
def test_an_odd_path_belongs_to_no_route(path: str) -> None:
    """What a server on the way may read as another path is refused, whoever asks."""
    assert decide(grants("s: ANY /{rest+}", "s"), "GET", path) == Decision(False, "path_refused")


@pytest.mark.parametrize("path", ["/a.b", "/.a", "/a/...", "/a%20b", "/%41", "/a/", "/~a", "/a:b@c;d=e,f!g"])
def test_an_unusual_path_is_not_odd(path: str) -> None:
    """Dots inside names, encoded blanks and punctuation are ordinary."""
    assert decide(grants("s: ANY /{rest+}", "s"), "GET", path).allowed


@given(
    st.text(max_size=30), st.sampled_from(["GET", "POST", "$connect", "CONNECT", "SUBSCRIBE", "PUBLISH", "", "x"])
)
def test_no_request_makes_decide_fail(path: str, method: str) -> None:
    """Any text gets a decision, and only a route that is granted allows."""
    found = decide(EVERYTHING, method, path)
    assert found.allowed is (found.reason == "allowed")


EVERYTHING = grants("s: ANY /{rest+}, $connect, CONNECT, SUBSCRIBE /n/{rest+}, PUBLISH /n/{c}, Query.a", "s")


def test_the_deciding_rule_is_named() -> None:
    """The first rule of the file that grants it."""
    assert decide(EVERYTHING, "GET", "/x") == Decision(True, "allowed", "0 s")
    assert decide(EVERYTHING, "$connect", "") == Decision(True, "allowed", "0 s")
    assert decide(EVERYTHING, "CONNECT", "").allowed
    assert not decide(grants("s: GET /a", "s"), "$connect", "").allowed


def test_graphql_fields_are_literal() -> None:
    """Each field is a route; the rest is denied, in the order of the schema."""
    some = grants("s: Query.a, Mutation.b\nt: Query.c", "s")
    assert denied_fields(some, ["Query.c", "Query.a", "Mutation.b", "Query.A"]) == ("Query.c", "Query.A")


@pytest.mark.parametrize(
    ("text", "channel", "expected"),
    [
        ("s: SUBSCRIBE /n/{rest+}", "/n/*", True),
        ("s: SUBSCRIBE /n/{rest+}", "/n/a/*", True),
        ("s: SUBSCRIBE /{rest+}", "/n/*", True),
        ("s: SUBSCRIBE /n/{c}", "/n/*", False),
        ("s: SUBSCRIBE /n/{c}, SUBSCRIBE /n/{rest+}", "/n/*", True),
        ("s: SUBSCRIBE /n/{rest+}\nt: SUBSCRIBE /n/secret", "/n/*", False),
        ("s: SUBSCRIBE /n/{rest+}\nt: SUBSCRIBE /n/a/secret", "/n/a/*", False),
        ("s: SUBSCRIBE /n/{rest+}\nt: SUBSCRIBE /n/b/secret", "/n/a/*", True),
        ("s: SUBSCRIBE /n/{rest+}\nt: SUBSCRIBE /n", "/n/*", True),
        ("s: SUBSCRIBE /n/{rest+}\nt: SUBSCRIBE /n", "/n/a/b/*", True),
        ("s: SUBSCRIBE /n/{rest+}\n!g: SUBSCRIBE /n/secret", "/n/*", False),
        ("s: SUBSCRIBE /n/{rest+}\n!g: SUBSCRIBE /m/secret", "/n/*", True),
        ("s: SUBSCRIBE /n/{c}/{rest+} where c", "/n/me/*", False),
        ("s: PUBLISH /n/{rest+}", "/n/*", False),
    ],
)
def test_a_wildcard_subscription_needs_everything_below(text: str, channel: str, *, expected: bool) -> None:
    """AppSync Events delivers every channel below `/*`: a `{c}` that takes `*` as a name would give too much."""
    assert decide(grants(text, "s", groups=("g",)), "SUBSCRIBE", channel).allowed is expected


@pytest.mark.parametrize("channel", ["/n/*/", "/*/", "/n/*/x", "/n/se*", "/n/*x", "/*/secret", "/n/**"])
def test_no_other_spelling_of_a_wildcard_subscription_gets_past_a_finer_route(channel: str) -> None:
    """Event APIs take a slash at the end of a channel for nothing; other wildcards are none, and never granted."""
    assert not decide(grants("s: SUBSCRIBE /{rest+}\nt: SUBSCRIBE /n/secret", "s"), "SUBSCRIBE", channel).allowed
    everything = grants("s: SUBSCRIBE /{rest+}", "s")
    assert decide(everything, "SUBSCRIBE", channel).allowed is (channel in {"/n/*/", "/*/"})


def test_the_route_of_a_request_is_told() -> None:
    """Method and template of the routes it belongs to, for answers that are kept by route."""
    rules = EVERYTHING.rules
    assert route_of(rules, "GET", "/x/y") == (("ANY", "/{rest+}"),)
    assert route_of(rules, "GET", "/a%2f") == ()
    assert route_of(rules, "TRACE", "/a") == ()
    assert route_numbers(rules, "GET", "//") == ([], [], ())
    assert route_numbers(rules, "GET", "/x") == ([0], [], ["x"])
