"""The loyalty service, reduced to an answer: what was asked for, and on whose behalf."""

import json
from typing import Any


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer REST APIs, HTTP APIs and WebSocket connects alike."""
    request = event["requestContext"]
    authorizer = request.get("authorizer") or {}
    about = authorizer.get("lambda", authorizer)
    parameters = event.get("pathParameters") or {}
    answer = {"customerId": parameters.get("customerId"), "balance": 4200, "tier": about.get("tier")}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}
