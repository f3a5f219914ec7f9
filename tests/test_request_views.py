"""The path decided about and the route that the gateway chose must be one."""

import pytest

from lambda_authorizer.request.event import fits_route_key, parse_event
from lambda_authorizer.testing import events


def fits(path: str, key: str | None, method: str = "GET") -> bool:
    """Say whether a call fits the route key."""
    event = events.http_2_event(events.Call(method, path), route_key=key)
    if key is None:
        del event["routeKey"], event["requestContext"]["routeKey"]
    return fits_route_key(parse_event(event))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/", "GET /"),
        ("/orders", "GET /orders"),
        ("/orders/1", "GET /orders/{id}"),
        ("/orders/1", "ANY /orders/{id}"),
        ("/orders/1", "ANY /{proxy+}"),
        ("/orders/1/", "ANY /{proxy+}"),
        ("/orders/1/items", "GET /orders/{id}/{rest+}"),
        ("/orders/1", "$default"),
        ("/orders/1", None),
        ("/a:b", "GET /a:b"),
    ],
)
def test_a_path_of_the_chosen_route_fits(path, key):
    """Literals, variables, greedy variables, `ANY` and `$default` are read as the gateway reads them."""
    assert fits(path, key)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/orders/1/", "GET /orders/{id}"),
        ("/orders/", "GET /orders"),
        ("/orders/", "GET /orders/{id}"),
        ("//orders", "GET /orders"),
        ("/orders//1", "GET /orders/{id}"),
        ("/orders/1/2", "GET /orders/{id}"),
        ("/orders/", "GET /orders/{rest+}"),
        ("/Orders/1", "GET /orders/{id}"),
        ("/orders/1", "POST /orders/{id}"),
        ("/orders/1", "GET"),
        ("/orders/1", "GET /orders/{id"),
        ("/", "ANY /{proxy+}"),
    ],
)
def test_a_path_that_the_gateway_read_differently_does_not_fit(path, key):
    """A trailing slash, collapsed slashes, another method: the rules would speak about another route."""
    assert not fits(path, key)


def test_connecting_has_no_path_to_compare():
    """A WebSocket call has a route key and no path."""
    assert fits_route_key(parse_event(events.websocket_event()))
