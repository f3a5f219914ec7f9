"""The backend of the quickstart: it says who called, from what the authorizer handed over."""

import json
from typing import Any


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer with the authorizer's context, which REST APIs and HTTP APIs keep in different places."""
    authorizer = event["requestContext"].get("authorizer", {})
    about = authorizer.get("lambda", authorizer)
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"customer": event["pathParameters"]["customerId"], "authorizer": about}),
    }
