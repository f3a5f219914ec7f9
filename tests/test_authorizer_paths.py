"""Odd paths: the answer is the one for the route that the gateway chose, or a denial.

The model below routes as API Gateway does where that is known (recorded by others: a trailing slash is ignored,
leading slashes collapse, `%xx` is not decoded for REST) and, where it is not known, in each way it might.
"""

from typing import Any
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.authorizer_parts import ISSUER, Bench

from lambda_authorizer.authorizer import Unauthorized
from lambda_authorizer.errors import AuthorizerError
from lambda_authorizer.testing import events, iam

RULES = (
    ISSUER
    + """
[[rule]]
name = "open"
allow = ["ANY /{proxy+}", "GET /stock"]
scopes = ["reader"]

[[rule]]
name = "closed"
allow = ["ANY /orders/{id}", "ANY /orders", "GET /admin", "ANY /orders/{id}/{rest+}", "GET /"]
scopes = ["admin"]
"""
)
ROUTES = ("/", "/stock", "/orders", "/orders/{id}", "/admin", "/orders/{id}/{rest+}", "/{proxy+}")
CLOSED = {("GET", "/admin"), ("GET", "/")}  # and every method of these:
CLOSED_TO_ALL = {"/orders", "/orders/{id}", "/orders/{id}/{rest+}"}
UNCACHED = Bench(RULES, environ={"AUTHORIZER_RESULT_TTL": "0"})
SIMPLE = Bench(RULES, environ={"AUTHORIZER_RESULT_TTL": "0", "AUTHORIZER_RESPONSE": "simple"})
KEPT = Bench(RULES)


def routed(path: str) -> str:
    """Return the template that the gateway chooses for a path."""
    text = "/" + path.lstrip("/")
    parts = (text.rstrip("/") or "/").split("/")[1:]
    best: tuple[tuple[int, ...], str] | None = None
    for template in ROUTES:
        wanted = template.split("/")[1:]
        greedy = wanted[-1].endswith("+}")
        if len(wanted) > len(parts) or (len(wanted) < len(parts) and not greedy):
            continue
        ranks = []
        for name, value in zip(wanted, parts, strict=False):
            if not name.startswith("{"):
                if name != value:
                    break
                ranks.append(0)
            else:
                ranks.append(2 if name.endswith("+}") else 1)
        else:
            if best is None or tuple(ranks) < best[0]:
                best = (tuple(ranks), template)
    return best[1] if best else "/{proxy+}"


PIECES = [
    "orders", "admin", "stock", "1", "..", ".", "%2F", "%2f", "%2e%2e", "%5C", "", "a;b", "a:b", "ü", "%C3%BC",
    "a b", "%20", "*", "?", "$", "${x}", "@", "~", "+", "%00", "\t", "GET", "orders%2F1",
]  # fmt: skip
PATHS = st.lists(st.sampled_from(PIECES), max_size=4).map(lambda parts: "/" + "/".join(parts))
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE"])


def allowed(bench: Bench, event: dict[str, Any]) -> bool:
    """Say whether the gateway lets a call pass with the function's answer."""
    try:
        reply = bench.handle(event)
    except (Unauthorized, AuthorizerError):
        return False
    if "isAuthorized" in reply:
        return reply["isAuthorized"] is True
    return iam.evaluate(reply["policyDocument"], event.get("methodArn") or event["routeArn"]).allowed


def is_closed(method: str, template: str) -> bool:
    """Say whether readers may not call a route."""
    return template in CLOSED_TO_ALL or (method, template) in CLOSED


def variants(path: str) -> list[str]:
    """Return the texts that the ARN might hold for a path: as sent, or collapsed in front, as REST shows it."""
    return [path, "/" + path.lstrip("/")]


@hypothesis_settings(deadline=None)
@given(path=PATHS, method=METHODS, override=st.sampled_from([None, "GET", "DELETE"]))
@example(path="/orders/1/", method="GET", override=None)
@example(path="//orders/1", method="GET", override=None)
@example(path="/orders/", method="POST", override=None)
@example(path="/x", method="POST", override="DELETE")
@example(path="/orders/1/x/", method="GET", override=None)
def test_rest_answers_for_the_route_the_gateway_chose(path, method, override):
    """A reader is never let through to a route that readers may not call, whatever the path looks like."""
    template = routed(path)
    headers = events.bearer(UNCACHED.token("reader"))
    if override:
        headers = headers | {"X-HTTP-Method-Override": override}
    for text in variants(path):
        event = events.request_event(events.Call(method, text, headers=headers), resource=template)
        if allowed(UNCACHED, event):
            assert not is_closed(method, template)
            assert override in (None, method)


@hypothesis_settings(deadline=None)
@given(path=PATHS, method=METHODS)
@example(path="/orders/1/", method="GET")
@example(path="/orders", method="GET")
@example(path="/stock/", method="GET")
def test_a_kept_policy_answers_for_the_route_the_gateway_chose(path, method):
    """The document alone decides, by the text of the ARN; a TOKEN call shows nothing else."""
    template = routed(path)
    for text in variants(path):
        event = events.token_event(f"Bearer {KEPT.token('reader')}", method, text)
        if allowed(KEPT, event):
            assert not is_closed(method, template)


@hypothesis_settings(deadline=None)
@given(path=PATHS, method=METHODS, decoded=st.booleans())
@example(path="/orders/1/", method="GET", decoded=False)
@example(path="/orders%2F1", method="GET", decoded=True)
def test_http_apis_answer_for_the_route_the_gateway_chose(path, method, decoded):
    """Whether the API matches the path as sent or decoded, the answer is that route's, or no."""
    seen = unquote(path) if decoded else path
    template = routed(seen)
    key = f"ANY {template}" if template != "/stock" else f"{method} {template}"
    for text in (path, seen):
        call = events.Call(method, text, headers=events.bearer(SIMPLE.token("reader")))
        event = events.http_2_event(call, route_key=key)
        event["rawPath"] = seen
        if allowed(SIMPLE, event):
            assert not is_closed(method, template)


def test_the_model_lets_ordinary_calls_pass():
    """Otherwise the properties above would prove nothing."""
    for bench in (UNCACHED, KEPT):
        for path in ("/stock", "/x", "/x/y", "/a:b", "/x/~y"):
            call = events.Call("GET", path, headers=events.bearer(bench.token("reader")))
            assert allowed(bench, events.request_event(call, resource=routed(path)))
    call = events.Call("GET", "/x/y", headers=events.bearer(SIMPLE.token("reader")))
    assert allowed(SIMPLE, events.http_2_event(call, route_key="ANY /{proxy+}"))
