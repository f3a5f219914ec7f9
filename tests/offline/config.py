"""serverless.yml for the emulator, generated from the SAM template and from what `sam build` made."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.built import BUILD
from tests.offline.simulated import ROUTES, authorizer_properties, settings_of

HERE = Path(__file__).parent
Fronts = tuple[str, str]
"""A REST kind (`token`, `request`) and an HTTP API kind (`simple`, `policy`)."""
FRONTS: tuple[Fronts, ...] = (("token", "simple"), ("request", "policy"))
FUNCTIONS = ("TokenAuthorizer", "RequestAuthorizer", "HttpApiAuthorizer", "WebSocketAuthorizer")
TIMEOUT = 2
"""Seconds; the emulator answers a function that failed only after them."""


def project(folder: Path, front: Fronts, ports: tuple[int, int, int]) -> Path:
    """Write the emulator's project into a folder and return the path of its serverless.yml.

    Args:
        folder: emptied first.
        front: which of the front ends it has; two kinds of authorizer cannot stand on one path.
        ports: for HTTP, for function calls, for WebSocket.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FUNCTIONS:
        (folder / name).symlink_to(BUILD / name)
    for name in ("backend.py", "broken.py"):
        shutil.copy(HERE / name, folder)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    path = folder / "serverless.yml"
    path.write_text(yaml.safe_dump(serverless(front, ports), sort_keys=False), encoding="utf-8")
    return path


def serverless(front: Fronts, ports: tuple[int, int, int]) -> dict[str, Any]:
    """Return the content of serverless.yml."""
    http = authorizer_properties("HttpAuthorizer")
    common = {"type": "request", "identitySource": http["IdentitySource"], "resultTtlInSeconds": 0}
    return {
        "service": "offline",
        "frameworkVersion": "*",
        "provider": {
            "name": "aws",
            "runtime": "python3.13",
            "region": "eu-west-1",
            "stage": "prod",
            "timeout": TIMEOUT,
            "httpApi": {
                "authorizers": {
                    "simple": common
                    | {
                        "functionName": "HttpApiAuthorizer",
                        "payloadVersion": http["AuthorizerPayloadFormatVersion"],
                        "enableSimpleResponses": http["EnableSimpleResponses"],
                    },
                    "policy": common | {"functionName": "HttpApiPolicyAuthorizer", "payloadVersion": "1.0"},
                    "broken": common
                    | {"functionName": "Broken", "payloadVersion": "2.0", "enableSimpleResponses": True},
                }
            },
        },
        "plugins": ["serverless-offline"],
        "custom": {
            "serverless-offline": {
                "host": "127.0.0.1",
                "httpPort": ports[0],
                "lambdaPort": ports[1],
                "websocketPort": ports[2],
                "noPrependStageInUrl": False,
            }
        },
        "functions": _functions(front),
    }


def _functions(front: Fronts) -> dict[str, Any]:
    """Return the authorizer functions as built, and a backend that shows what it gets from them."""
    found: dict[str, Any] = {
        name: {"handler": f"{name}/{_module(name)}.lambda_handler", "environment": _environment(name)}
        for name in FUNCTIONS
    }
    found["HttpApiPolicyAuthorizer"] = {
        "handler": "HttpApiAuthorizer/http_api_authorizer.lambda_handler",
        "environment": _environment("HttpApiAuthorizer", AUTHORIZER_RESPONSE="policy"),
    }
    found["Broken"] = {"handler": "broken.lambda_handler"}
    found["Backend"] = {"handler": "backend.lambda_handler", "events": _events(front)}
    return found


def _module(name: str) -> str:
    return {
        "TokenAuthorizer": "token_authorizer",
        "RequestAuthorizer": "request_authorizer",
        "HttpApiAuthorizer": "http_api_authorizer",
        "WebSocketAuthorizer": "websocket_authorizer",
    }[name]


def _environment(name: str, **more: str) -> dict[str, str]:
    return settings_of(name, LAMBDA_TASK_ROOT=str(BUILD / name), **more)


def _events(front: Fronts) -> list[dict[str, Any]]:
    """Return every route of the scenarios; REST stands behind the stage's name, the HTTP API at the root."""
    token, request = authorizer_properties("RestTokenAuthorizer"), authorizer_properties("RestRequestAuthorizer")
    rest = {
        "token": {
            "name": "TokenAuthorizer",
            "type": "token",
            "identitySource": token["IdentitySource"],
            "identityValidationExpression": token["IdentityValidationExpression"],
            "resultTtlInSeconds": 0,
        },
        "request": {
            "name": "RequestAuthorizer",
            "type": "request",
            "identitySource": request["IdentitySource"],
            "resultTtlInSeconds": 0,
        },
    }
    found: list[dict[str, Any]] = []
    for route in ROUTES:
        method, _, path = route.partition(" ")
        found.append({"http": {"path": path[1:], "method": method.lower(), "authorizer": rest[front[0]]}})
        found.append({"httpApi": {"path": path, "method": method, "authorizer": {"name": front[1]}}})
    broken = rest["request"] | {"name": "Broken"}
    found.append({"http": {"path": "broken", "method": "get", "authorizer": broken}})
    found.append({"httpApi": {"path": "/broken", "method": "GET", "authorizer": {"name": "broken"}}})
    connect = authorizer_properties("ConnectAuthorizer")
    found.append(
        {
            "websocket": {
                "route": "$connect",
                "authorizer": {"name": "WebSocketAuthorizer", "identitySource": connect["IdentitySource"]},
            }
        }
    )
    return found
