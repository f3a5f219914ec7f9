"""The integration behind the emulated gateway: says what the authorizer gave it."""

import json
from typing import Any


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the authorizer's part of the request context."""
    authorizer = event.get("requestContext", {}).get("authorizer")
    return {"statusCode": 200, "body": json.dumps(authorizer)}
