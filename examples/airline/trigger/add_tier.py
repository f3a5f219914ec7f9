"""Cognito's pre token generation trigger (V2): adds the tier to access tokens, from the groups of the member.

Groups, because a member can change attributes and only an administrator changes groups. Whoever is in none is in
the lowest tier. An event of another version stops the sign-in: its answer would be ignored, and the token would
lack the claim.

Source: Amazon Cognito developer guide, "Pre token generation Lambda trigger".
"""

from typing import Any

CLAIM = "https://airline.example/tier"
TIERS = ("gold", "silver")  # highest first
LOWEST = "standard"


def tier_of(groups: list[str]) -> str:
    """Give the highest tier among the groups."""
    return next((tier for tier in TIERS if f"tier-{tier}" in groups), LOWEST)


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer the trigger."""
    if event["version"] != "2":
        raise ValueError("the trigger must be configured with LambdaVersion V2_0")
    groups = event["request"]["groupConfiguration"].get("groupsToOverride") or []
    event["response"] = {
        "claimsAndScopeOverrideDetails": {
            "accessTokenGeneration": {"claimsToAddOrOverride": {CLAIM: tier_of(groups)}},
        },
    }
    return event
