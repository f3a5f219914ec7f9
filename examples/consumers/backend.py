"""The backend of the Serverless example."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Say who called."""
    return {"statusCode": 200, "body": event["requestContext"]["authorizer"]["principalId"]}
