"""What every measured process agrees on: names, the event, the bits of a token."""

import base64

ISSUER = "https://issuer.example.test/pool"
AUDIENCE = "https://api.example.test"
ALGORITHMS = ("RS256", "ES256", "EdDSA")
METHOD_ARN = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/GET/orders/42"


def event(token: str) -> dict[str, str]:
    """Return the TOKEN event of a call that the rules allow."""
    return {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": METHOD_ARN}


def bits(segment: str) -> bytes:
    """Return the bytes of a base64url segment."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
