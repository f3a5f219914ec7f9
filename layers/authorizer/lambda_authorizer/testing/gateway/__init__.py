"""API Gateway and AppSync in the test's own process: what a client gets, given an authorizer function.

    api = RestApi(handler, ["GET /orders/{id}"], kind="request", ttl=300)
    answer = api.call("GET /orders/1", token=token)
    assert answer.status == 200, answer.explanation

Each front end takes a call through the gates that AWS describes, in their order, keeps answers as the service does
on a clock of its own, and explains every step together with how it is known (`behaviours`).
"""

from lambda_authorizer.testing.gateway.appsync import EventsApi, GraphqlApi
from lambda_authorizer.testing.gateway.behaviours import BEHAVIOURS, NOT_SIMULATED, Behaviour
from lambda_authorizer.testing.gateway.http import HttpApi
from lambda_authorizer.testing.gateway.model import Answer, Clock, Handler, Step
from lambda_authorizer.testing.gateway.responses import GatewayResponse
from lambda_authorizer.testing.gateway.rest import RestApi
from lambda_authorizer.testing.gateway.routing import Route
from lambda_authorizer.testing.gateway.usage import UsagePlan
from lambda_authorizer.testing.gateway.websocket import WebSocketApi

__all__ = [
    "BEHAVIOURS",
    "NOT_SIMULATED",
    "Answer",
    "Behaviour",
    "Clock",
    "EventsApi",
    "GatewayResponse",
    "GraphqlApi",
    "Handler",
    "HttpApi",
    "RestApi",
    "Route",
    "Step",
    "UsagePlan",
    "WebSocketApi",
]
