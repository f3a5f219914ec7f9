"""Policy documents: their shape, their size, what they never hold; IAM is `testing.iam`, written apart."""

import json

import pytest
from tests.policy.test_decide import grants
from tests.rules.parts import ARN, caller, rules_of

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy import decide, narrowed_here, prepare
from lambda_authorizer.policy.build import Policy, build_policy, refusal, size_of, tables_of
from lambda_authorizer.policy.lines import deciding_line, matches
from lambda_authorizer.rules import Grants, grants_for
from lambda_authorizer.testing.iam import evaluate


def called(method: str, path: str) -> ExecuteApiArn:
    """Return the ARN of a call."""
    return ExecuteApiArn(ARN.partition, ARN.region, ARN.account, ARN.api_id, ARN.stage, method, path)


def says(policy: Policy, method: str, path: str) -> bool:
    """Return what IAM says."""
    return evaluate(policy.document, f"{ARN.prefix}{method}{path}").allowed


def test_nobody_and_nothing_is_an_explicit_deny() -> None:
    """A caller who may call nothing gets a Deny for the stage, never silence or an empty list."""
    policy = build_policy(grants("s: GET /a"), ARN, whole=True)
    assert policy.document == refusal(ARN)
    assert policy.document["Statement"] == [
        {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": [ARN.prefix + "*"]}
    ]


def test_literal_routes_need_no_wildcard_and_no_fence() -> None:
    """One line a route, in the caller's own partition, account, API and stage."""
    gov = ExecuteApiArn("aws-us-gov", "us-gov-west-1", "1", "x", "s", "GET", "/")
    policy = build_policy(grants("s: GET /a, GET /", "s"), gov, whole=True)
    assert policy.document["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": [gov.prefix + "GET/a", gov.prefix + "GET/"],
        }
    ]


def test_every_policy_with_a_wildcard_denies_odd_paths() -> None:
    """A cached answer says about odd paths what a direct one says."""
    policy = build_policy(grants("s: GET /{rest+}", "s"), ARN, whole=True)
    assert says(policy, "GET", "/a/b")
    for path in (
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a%5cb",
        "/%2E",
        "/%2e",
        "//a",
        "/a//b",
        "/a/./b",
        "/a/.",
        "/../a",
        "/a/..",
        "/a%00b",
        "/a%0Ab",
        "/a%1f",
        "/a%7F",
        "/a%7f",
        "/a\\b",
    ):
        assert not says(policy, "GET", path)
        assert not decide(grants("s: GET /{rest+}", "s"), "GET", path).allowed


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_of_the_path_is_written_into_a_policy(whole: bool) -> None:  # noqa: FBT001 - a parameter
    """A client that sends `*` gets a policy for its route, not for everything beneath."""
    policy = build_policy(grants("s: GET /a/{x}", "s"), called("GET", "/a/*"), whole=whole)
    assert not says(policy, "GET", "/a/b/c")
    assert says(policy, "GET", "/a/*")
    assert "NotResource" not in json.dumps(policy.document)
    assert 'GET/a/*"' not in json.dumps(policy.document["Statement"][0])


def test_a_ttl_of_zero_covers_the_called_route_only() -> None:
    """Other routes of the caller are not in it, and stricter routes inside the called one are fenced off."""
    some = grants("s: GET /a/{x}, GET /a/{x}/b, GET /c\nt: GET /a/secret", "s")
    policy = build_policy(some, called("GET", "/a/1"), whole=False)
    assert says(policy, "GET", "/a/1")
    assert not says(policy, "GET", "/a/secret")
    assert not says(policy, "GET", "/a/1/b")
    assert not says(policy, "GET", "/c")
    assert build_policy(some, called("GET", "/a/secret"), whole=False).document == refusal(ARN)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("s: GET /orders, GET /{v0}/{rest+}", "/orders/orders/orders"),
        ("s: GET /a/{x}\ns: GET /{y}/b", "/a/b"),
        ("s: GET /a/{x}/", "/a/1/"),
        ("s: GET /{rest+}, GET /a/{x}", "/a/1/"),
        ("s: GET /{rest+}\ns: GET /a/{x}/b where x", "/a/me/b"),
        ("s: GET /{x}/{y} where y", "/1/me"),
        ("s: GET /{rest+}, GET /a/{x}/b", "/a/1/2/b"),
    ],
)
def test_a_ttl_of_zero_never_denies_the_call_it_allows(text: str, path: str) -> None:
    """Fences leave the called path alone."""
    some = grants(text, "s")
    assert decide(some, "GET", path).allowed
    assert says(build_policy(some, called("GET", path), whole=False), "GET", path)


def test_a_bound_route_is_written_with_the_callers_value() -> None:
    """In both hex cases where it must be encoded."""
    policy = build_policy(grants("s: GET /c/{id} where id", "s", sub="a:b"), ARN, whole=True)
    assert says(policy, "GET", "/c/a%3Ab")
    assert says(policy, "GET", "/c/a%3ab")
    assert not says(policy, "GET", "/c/x")
    assert "*" not in json.dumps(policy.document)


def test_a_websocket_connection_is_one_route() -> None:
    """`$connect` is allowed or denied, and nothing else is in its policy."""
    connect = called("$connect", "")
    allowed = build_policy(grants("s: $connect, GET /a", "s"), connect, whole=True)
    assert allowed.document["Statement"][0]["Resource"] == [ARN.prefix + "$connect"]
    assert build_policy(grants("s: $connect", "t"), connect, whole=True).document == refusal(ARN)


def test_with_a_resource_policy_silence_is_spelled_out() -> None:
    """What no Allow line has is denied explicitly, because silence may turn into Allow (gateway facts, 6.3)."""
    some = grants("s: GET /a/{x}\nt: GET /b", "s")
    policy = build_policy(some, ARN, whole=True, resource_policy=True)
    open_to_all = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}],
    }
    inside = evaluate(policy.document, f"{ARN.prefix}GET/a/1", resource_policy=open_to_all)
    outside = evaluate(policy.document, f"{ARN.prefix}GET/b", resource_policy=open_to_all)
    assert inside.allowed
    assert not outside.allowed
    assert outside.explicit_deny
    line = deciding_line(policy.document, called("GET", "/b"))
    assert line is not None
    assert (line.effect, line.element) == ("Deny", "NotResource")


def test_equal_grants_share_one_policy() -> None:
    """A policy is built once for equal grants, API and stage."""
    some = grants("s: GET /a", "s")
    assert build_policy(some, ARN, whole=True) is build_policy(some, called("POST", "/x"), whole=True)
    rules = some.rules
    for number in range(300):
        build_policy(some, ExecuteApiArn("aws", "r", "1", f"api{number}", "s", "GET", "/"), whole=True)
    assert len(rules.cache) <= 256


def test_tables_can_be_made_ready_before_the_first_call() -> None:
    """INIT may do what the first policy would have to wait for."""
    some = grants("s: GET /a/{x}", "s")
    prepare(some.rules)
    assert tables_of(some.rules) is tables_of(some.rules)
    assert says(build_policy(some, ARN), "GET", "/a/1")


def test_the_budget_can_be_another() -> None:
    """A setting may allow larger or smaller policies."""
    some = grants("s: GET /a/{x}, GET /b, GET /c", "s")
    full = size_of(build_policy(some, ARN).document)
    small = build_policy(some, ARN, largest=full - 1)
    assert [narrowed.why for narrowed in small.narrowed] == ["policy_too_large"]
    assert size_of(small.document) < full
    assert build_policy(some, ARN, largest=full).narrowed == ()


LARGE = "\n".join(f"s{number}: GET /r{number * 7}x/{{a}}, POST /q{number}y/{{b}}/c" for number in range(80))


def test_a_policy_never_outgrows_its_budget() -> None:
    """What does not fit is denied and named; what is left is exact."""
    some = grants(LARGE, *(f"s{number}" for number in range(80)))
    policy = build_policy(some, ARN, whole=True)
    assert len(json.dumps(policy.document, separators=(",", ":"))) <= 6144
    assert [narrowed.why for narrowed in policy.narrowed] == ["policy_too_large"]
    lost = policy.narrowed[0].routes
    assert lost
    assert says(policy, "GET", "/r0x/1")
    for text in lost:
        method, _, path = text.partition(" ")
        request = path.replace("{a}", "1").replace("{b}", "1")
        assert decide(some, method, request).allowed
        assert not says(policy, method, request)
        assert narrowed_here(policy, called(method, request))
    assert not narrowed_here(policy, called("GET", "/r0x/1"))


def test_a_resource_never_outgrows_its_budget() -> None:
    """A line that would be longer than 512 characters is left out, and that is said."""
    long = "/".join(["x" * 40] * 9)
    stage = ExecuteApiArn("aws", "eu-west-1", "123456789012", "abcdef1234", "s" * 128, "GET", "/")
    some = grants(f"s: GET /{long}/{{a}}, GET /b/{{a}}", "s")
    policy = build_policy(some, stage, whole=True)
    for statement in policy.document["Statement"]:
        assert all(len(resource) <= 512 for resource in statement["Resource"])
    assert "resource_too_long" in {narrowed.why for narrowed in policy.narrowed}
    assert evaluate(policy.document, f"{stage.prefix}GET/b/1").allowed
    one = ExecuteApiArn("aws", "eu-west-1", "123456789012", "abcdef1234", "s" * 128, "GET", f"/{long}/1")
    assert build_policy(some, one, whole=False).document == refusal(stage)


def narrowed_grants() -> Grants:
    """Return grants of which IAM cannot say a corner: deeper routes allowed, one between them not."""
    return grants("s: GET /p/{x}, GET /p/{x}/b/{y}\nt: GET /p/{x}/c", "s")


def test_a_corner_is_narrowed_and_named() -> None:
    """The fence around the denied route also takes what looks like it, and nothing more is lost."""
    rules = narrowed_grants()
    known = rules_of(
        '[[rule]]\nname = "s"\nallow = ["GET /p/{x}", "GET /p/{x}/b/{y}"]\nscopes = ["s"]\n'
        '[[rule]]\nname = "t"\nallow = ["GET /p/{x}/c"]\nscopes = ["t"]\n',
        api_routes=["GET /p/{x}", "GET /p/{x}/b/{y}", "GET /p/{x}/c"],
    )
    some = grants_for(known, caller(scopes=["s"]), None)
    policy = build_policy(some, ARN, whole=True)
    assert not says(policy, "GET", "/p/1/c")
    assert says(policy, "GET", "/p/1")
    assert says(policy, "GET", "/p/1/b/2")
    assert not says(policy, "GET", "/p/1/b/c")
    assert narrowed_here(policy, called("GET", "/p/1/b/c"))
    assert not narrowed_here(build_policy(grants("s: GET /a", "s"), ARN), called("GET", "/b"))
    assert [(narrowed.routes, narrowed.because, narrowed.whole) for narrowed in policy.narrowed] == [
        (("GET /p/{x}/b/{y}",), ("GET /p/{x}/c",), False)
    ]
    assert not says(build_policy(rules, ARN, whole=True), "GET", "/p/1/c")


def test_a_bound_grant_survives_where_the_unbound_one_must_go() -> None:
    """A grant for the caller's own value is better than none."""
    some = grants("s: GET /p/{x}, GET /p/{x}/b\nown: GET /p/{x} where x", "s", "own")
    policy = build_policy(some, ARN, whole=True)
    assert says(policy, "GET", "/p/me")
    assert says(policy, "GET", "/p/1/b")
    assert not says(policy, "GET", "/p/1")
    assert not says(policy, "GET", "/p/1/zzz")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*c", "abbc", True), ("a*c", "abb", False), ("a?c", "abc", True), ("a?c", "ac", False), ("*", "", True),
        ("", "", True), ("", "a", False), ("a*b*c", "axbyc", True), ("a*b*c", "axcyb", False), ("a**", "a", True),
        ("*aab", "aaab", True), ("?", "/", True),
    ],
)  # fmt: skip
def test_lines_match_as_iam_matches(pattern: str, text: str, *, expected: bool) -> None:
    """`*` is any run of characters, `?` exactly one; both take slashes."""
    assert matches(pattern, text) is expected


def test_the_deciding_line_is_told() -> None:
    """A Deny before an Allow; none where nothing speaks of the request."""
    policy = build_policy(grants("s: GET /a/{x}\nt: GET /a/b", "s"), ARN, whole=True)
    allow = deciding_line(policy.document, called("GET", "/a/1"))
    deny = deciding_line(policy.document, called("GET", "/a/b"))
    assert allow is not None
    assert allow.effect == "Allow"
    assert deny is not None
    assert deny.effect == "Deny"
    assert deciding_line(policy.document, called("POST", "/zzz")) is None


def test_methods_with_the_same_line_share_it() -> None:
    """`*` where all that it reaches may be reached, `???` and `????` where the length says the methods."""
    everything = build_policy(grants("s: ANY /{rest+}, ANY /", "s"), ARN)
    assert ARN.prefix + "*/?*" in everything.document["Statement"][0]["Resource"]
    assert says(everything, "PATCH", "/a/b")
    text = "s: GET /a/{x}, PUT /a/{x}, GET /b, DELETE /a/{x}\nt: GET /c/DELETE/a/{x}"
    some = build_policy(grants(text, "s"), ARN)
    allowed = some.document["Statement"][0]["Resource"]
    assert ARN.prefix + "???/a/?*" in allowed
    assert ARN.prefix + "DELETE/a/?*" in allowed
    assert not says(some, "GET", "/c/DELETE/a/1")
    assert not says(some, "POST", "/a/1")
    assert says(some, "PUT", "/a/1")
