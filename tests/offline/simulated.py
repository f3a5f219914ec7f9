"""The scenario list through the simulator: the shipped rules behind front ends set up as by template.yaml."""

import json
from functools import cache
from typing import Any

from tests.e2e.built import ROOT, Intrinsics, load_template
from tests.offline.broken import lambda_handler as broken
from tests.offline.scenarios import PRINCIPAL, Scenario, authorization

from lambda_authorizer.authorizer import Authorizer
from lambda_authorizer.authorizer.start import parts
from lambda_authorizer.testing.gateway import Answer, Handler, HttpApi, RestApi, WebSocketApi

ROUTES = ("GET /loyalty/{customerId}", "GET /upgrades", "GET /flights")
PARAMETERS = {
    "Issuer": "local",
    "Audience": "local",
    "Telemetry": "plain",
    "ResultTtl": "0",
    "HttpApiResultTtl": "0",
}


_NOT_OURS = {"AuthorizerUri", "Name", "RestApiId", "ApiId"}


class _Silent:
    """Records nothing."""

    def record(self, entry: object) -> None:
        """Drop a record."""


@cache
def sam_template() -> dict[str, Any]:
    """Return the project's template, read once."""
    return load_template(ROOT / "template.yaml")


def settings_of(function: str, **more: str) -> dict[str, str]:
    """Return the environment that the template and events/env.json give a function."""
    template = sam_template()
    intrinsics = Intrinsics(template, PARAMETERS)
    given = {
        **template["Globals"]["Function"]["Environment"]["Variables"],
        **template["Resources"][function]["Properties"]["Environment"]["Variables"],
    }
    found = {name: intrinsics.text(value) for name, value in given.items()}
    demo = json.loads((ROOT / "events/env.json").read_text(encoding="utf-8"))[function]
    return {name: value for name, value in found.items() if value is not None} | demo | more


def authorizer_properties(name: str) -> dict[str, Any]:
    """Return the properties of an authorizer resource of the template, with its parameters put in."""
    template = sam_template()
    intrinsics = Intrinsics(template, PARAMETERS)

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(one) for one in value]
        if isinstance(value, dict) and "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            return plain(yes if intrinsics.holds({"Condition": condition}) else no)
        return intrinsics.text(value) if isinstance(value, dict) and set(value) <= {"Ref", "Fn::Sub"} else value

    found = template["Resources"][name]["Properties"]
    return {key: plain(value) for key, value in found.items() if key not in _NOT_OURS}


def handler(function: str, **more: str) -> Handler:
    """Return the shipped function with the demo's trust."""
    environment = settings_of(function, LAMBDA_TASK_ROOT=str(ROOT / "authorizers"), **more)
    return Authorizer(**(parts(None, environment, usage_keys=False) | {"telemetry": _Silent()})).handle


@cache
def front(name: str) -> RestApi | HttpApi | WebSocketApi:
    """Return the simulated front end of a scenario."""
    token = authorizer_properties("RestTokenAuthorizer")
    request = authorizer_properties("RestRequestAuthorizer")
    http = authorizer_properties("HttpAuthorizer")
    socket = authorizer_properties("ConnectAuthorizer")
    sources = {"identity_sources": request["IdentitySource"].split(",")}
    simple = handler("HttpApiAuthorizer") if name == "http-simple" else broken
    made: dict[str, Any] = {
        "token": lambda: RestApi(
            handler("TokenAuthorizer"),
            ROUTES,
            validation=token["IdentityValidationExpression"],
            identity_sources=token["IdentitySource"].split(","),
            ttl=0,
        ),
        "request": lambda: RestApi(handler("RequestAuthorizer"), ROUTES, kind="request", ttl=0, **sources),
        "broken-request": lambda: RestApi(broken, ["GET /broken"], kind="request", ttl=0, **sources),
        "http-simple": lambda: HttpApi(simple, ROUTES, identity_sources=http["IdentitySource"]),
        "broken-http-simple": lambda: HttpApi(simple, ["GET /broken"], identity_sources=http["IdentitySource"]),
        "http-policy": lambda: HttpApi(
            handler("HttpApiAuthorizer", AUTHORIZER_RESPONSE="policy"),
            ROUTES,
            simple=False,
            payload="1.0",
            identity_sources=http["IdentitySource"],
        ),
        "websocket": lambda: WebSocketApi(
            handler("WebSocketAuthorizer"), identity_sources=socket["IdentitySource"]
        ),
    }
    found: RestApi | HttpApi | WebSocketApi = made[name]()
    return found


def ask(scenario: Scenario) -> tuple[int, bool]:
    """Return the status that a simulated client gets, and whether the backend gets the principal."""
    sent = authorization(scenario)
    headers = {} if sent is None else {"Authorization": sent}
    answer: Answer = front(scenario.front).call(scenario.call, headers=headers)
    return answer.status, PRINCIPAL in json.dumps(answer.context)
