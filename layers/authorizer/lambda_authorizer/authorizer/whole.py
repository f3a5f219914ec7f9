"""Whether a yes to one call of an HTTP API is a yes to every call that shares its route key.

A simple answer that the gateway keeps is given again to all calls with the same identity sources. So the route key
must be one of those, and everything that the gateway routes under that key must have the same answer.
"""

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.policy import route_of
from lambda_authorizer.request import Request
from lambda_authorizer.rules import Grants, Route
from lambda_authorizer.rules.model import GREEDY


def is_whole_route(request: Request, grants: Grants) -> bool:
    """Say whether the whole of the called route is granted, given that this call is.

    Raises:
        ConfigurationError: the gateway does not keep answers apart by route.
    """
    key = request.route_key
    if key is None or key not in request.identity_sources:
        raise ConfigurationError(
            "the HTTP API's authorizer",
            "identity sources",
            "none that is the route key",
            "$context.routeKey beside the credential, or a result TTL of 0",
        )
    rules = grants.rules
    deciding = [f"{method} {template}" for method, template in route_of(rules, request.method, request.path)]
    if deciding != [key]:
        return False
    whole = next(route for route in rules.routes if route.text == key)
    if any(_share_a_request(rules.denials[number], whole) for number in grants.denied):
        return False
    # Where the API's routes are known, a finer one has a key of its own.
    return rules.routes_known or all(
        number in grants.routes or not _share_a_request(route, whole) for number, route in enumerate(rules.routes)
    )


def _share_a_request(left: Route, right: Route) -> bool:
    """Say whether some request is one of both routes; at worst yes where there is none."""
    if left.kind != right.kind or (left.method != right.method and "ANY" not in (left.method, right.method)):
        return False
    for one, other in zip(left.segments, right.segments, strict=False):
        if GREEDY in (one, other):
            return True
        if isinstance(one, str) and isinstance(other, str) and one != other:
            return False
    return len(left.segments) == len(right.segments)
