"""A walk through the airline without AWS: the simulated gateway, the real authorizer, the rules of this folder.

    python examples/airline/walk.py

Tokens come from an issuer made for this walk, in the shape of Cognito's access tokens; the tier claim is added by
the example's own trigger, as Cognito would call it.
"""

import sys
from pathlib import Path
from typing import Any

from lambda_authorizer.testing.gateway import Answer, GatewayResponse, Route, UsagePlan
from lambda_authorizer.testing.stage import Gateway

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "trigger"))
from add_tier import lambda_handler as add_tier  # noqa: E402 - the trigger's folder is a function of its own

RULES = HERE / "authorizers" / "rules.toml"
CLIENTS = {"MEMBERS_CLIENT": "web", "PARTNERS_CLIENT": "partner-systems"}
KEYS = {"standard": "key-of-the-standard-tier", "silver": "key-of-the-silver-tier", "gold": "key-of-the-gold-tier"}
LOYALTY = [
    Route("GET", "/loyalty/{customerId}/get", api_key_required=True),
    Route("POST", "/loyalty/{customerId}/points", api_key_required=True),
]


def token(stage: Gateway, person: str, scopes: str, groups: list[str], client: str = "web") -> str:
    """Sign in: the trigger says what is added, the issuer signs."""
    event = {"version": "2", "request": {"groupConfiguration": {"groupsToOverride": groups}}, "response": {}}
    details: dict[str, Any] = add_tier(event, None)["response"]["claimsAndScopeOverrideDetails"]
    claims = {
        "sub": person, "client_id": client, "token_use": "access", "scope": scopes, "cognito:groups": groups,
        **details["accessTokenGeneration"]["claimsToAddOrOverride"],
    }  # fmt: skip
    return stage.issuer.mint({name: value for name, value in claims.items() if value != []} | {"aud": None})


def show(who: str, call: str, answer: Answer, note: str = "") -> None:
    """Print one line of the walk."""
    body = "" if answer.allowed or not answer.body else str(answer.body.get("message", ""))
    print(f"{who:<8} {call:<34} {answer.status}  {body or note}")


def main() -> None:
    """Take the walk."""
    stage = Gateway()
    stage.issuer.rotate("RS256", keep=False)
    common: dict[str, Any] = {**CLIENTS, "AUTHORIZER_RESOURCE_POLICY": "true"}
    anna = token(stage, "anna", "openid loyalty/read loyalty/write", [])
    gold = token(stage, "bruno", "loyalty/read loyalty/write", ["partners", "tier-gold"], "partner-systems")
    carla = token(stage, "carla", "loyalty/read", ["suspended"])
    grace = stage.issuer.bad("bad-signature", {"sub": "anna", "scope": "loyalty/read", "client_id": "web"})

    print("The loyalty service: REST, tier authorizer, usage plans\n")
    tier = stage.authorizer(RULES, usage_keys=KEYS, AUTHORIZER_RESULT_TTL="300", **common)
    loyalty = stage.rest(
        tier,
        LOYALTY,
        kind="request",
        ttl=300,
        api_key_source="AUTHORIZER",
        usage_plans=[
            UsagePlan((KEYS["standard"],), rate=1, burst=2, quota=4),
            UsagePlan((KEYS["gold"],), rate=50, burst=100, quota=500_000),
        ],
        gateway_responses={
            "UNAUTHORIZED": GatewayResponse(401, template='{"message": "Sign in first"}'),
            "ACCESS_DENIED": GatewayResponse(403, template='{"message": "Not yours"}'),
        },
    )
    own, add = "GET /loyalty/anna/get", "POST /loyalty/anna/points"
    show("anna", own, loyalty.call(own, token=anna), "her own points")
    show("anna", "GET /loyalty/bruno/get", loyalty.call("GET /loyalty/bruno/get", token=anna))
    show("anna", add, loyalty.call(add, token=anna))
    show("bruno", add, loyalty.call(add, token=gold), "a gold partner adds points")
    show("carla", "GET /loyalty/carla/get", loyalty.call("GET /loyalty/carla/get", token=carla))
    show("grace", own, loyalty.call(own, token=grace))
    show("nobody", own, loyalty.call(own))

    print("\nThe standard tier: two at once, one a second, four a day\n")
    for _ in range(2):
        show("anna", own, loyalty.call(own, token=anna), "again")
    for _ in range(2):
        stage.clock.advance(1)
        show("anna", own, loyalty.call(own, token=anna), "a second later")
    stage.clock.advance(1)
    show("anna", own, loyalty.call(own, token=anna))

    print("\nFlights: HTTP API, simple answers\n")
    simple = stage.authorizer(RULES, AUTHORIZER_RESPONSE="simple", AUTHORIZER_RESULT_TTL="0", **CLIENTS)
    flights = stage.http(simple, ["GET /flights", "GET /flights/{flight}"], simple=True, ttl=0)
    show("anna", "GET /flights/SA100", flights.call("GET /flights/SA100", token=anna), "anyone signed in")
    show("nobody", "GET /flights/SA100", flights.call("GET /flights/SA100"))

    print("\nLive updates: WebSocket, the token as a query string\n")
    live = stage.websocket(
        stage.authorizer(RULES, AUTHORIZER_CREDENTIAL="query:token", AUTHORIZER_RESULT_TTL="0", **CLIENTS),
        identity_sources=["route.request.querystring.token"],
    )
    show("anna", "$connect", live.call(query=f"token={anna}"), "connected")
    show("grace", "$connect", live.call(query=f"token={grace}"))

    print("\nThe web site's API: AppSync, field by field\n")
    graphql = stage.graphql(
        stage.authorizer(
            RULES,
            AUTHORIZER_CREDENTIAL="appsync",
            AUTHORIZER_APPSYNC_SCHEMA="schema.graphql",
            AUTHORIZER_RESULT_TTL="300",
            **CLIENTS,
        )
    )
    for person, bearer in (("anna", anna), ("bruno", gold)):
        answer = graphql.call("{ points auditLog }", token=bearer)
        show(person, "{ points auditLog }", answer, f"null: {', '.join(answer.denied_fields)}")


if __name__ == "__main__":
    main()
