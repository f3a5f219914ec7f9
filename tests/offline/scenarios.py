"""What is asked of the emulator and of the simulator alike: one list, with what AWS gives.

`AWS` is what the simulator says, and each row names the behaviour (`docs/simulator.md`) that makes it so.
"""

import json
from typing import NamedTuple

from tests.e2e.built import ROOT

PRINCIPAL = "c-1"
MEMBER = "token-allow"
FLIGHTS, UPGRADES = "GET /flights", "GET /upgrades"


class Scenario(NamedTuple):
    """One call to one front end."""

    front: str
    """`token`, `request`, `http-simple`, `http-policy`, `websocket`, or one of them with `broken-` before it."""
    what: str
    call: str
    event: str
    """File of events/ whose credential is sent; empty for none."""
    aws: int
    behaviour: str
    context: bool = False
    """The backend must get the principal from the authorizer."""

    @property
    def name(self) -> str:
        """Front end and what is shown, as a key."""
        return f"{self.front}: {self.what}"


def _rest(front: str) -> tuple[Scenario, ...]:
    own, other = "GET /loyalty/c-1", "GET /loyalty/c-2"
    return (
        Scenario(front, "no token", own, "", 401, "rest.source.missing"),
        Scenario(
            front, "allowed, context reaches the backend", FLIGHTS, MEMBER, 200, "context.text", context=True
        ),
        Scenario(front, "one's own", own, MEMBER, 200, "policy.order", context=True),
        Scenario(front, "too low a tier", UPGRADES, MEMBER, 403, "rest.denied.implicit"),
        Scenario(front, "somebody else's", other, MEMBER, 403, "rest.denied.implicit"),
        Scenario(front, "wrong scope", own, "token-wrong-scope", 403, "rest.denied.implicit"),
        Scenario(front, "expired", own, "token-expired", 401, "rest.error.unauthorized"),
        Scenario(front, "bad signature", own, "token-bad-signature", 401, "rest.error.unauthorized"),
        Scenario(front, "an encoded slash", "GET /loyalty/c-1%2F", MEMBER, 403, "policy.order"),
        Scenario(front, "a path of no route", "GET /nothing", MEMBER, 403, "rest.route.unknown"),
    )


def _http(front: str, context: str) -> tuple[Scenario, ...]:
    own, other = "GET /loyalty/c-1", "GET /loyalty/c-2"
    return (
        Scenario(front, "no token", own, "", 401, "http.source.missing"),
        Scenario(front, "allowed, context reaches the backend", FLIGHTS, MEMBER, 200, context, context=True),
        Scenario(front, "one's own", own, MEMBER, 200, "policy.order", context=True),
        Scenario(front, "too low a tier", UPGRADES, MEMBER, 403, "http.denied"),
        Scenario(front, "somebody else's", other, MEMBER, 403, "http.denied"),
        Scenario(front, "wrong scope", own, "token-wrong-scope", 403, "http.denied"),
        Scenario(front, "expired", own, "token-expired", 403, "http.denied"),
        Scenario(front, "a path of no route", "GET /nothing", MEMBER, 404, "http.route.unknown"),
    )


SCENARIOS: tuple[Scenario, ...] = (
    *_rest("token"),
    Scenario("token", "not a bearer token", "GET /loyalty/c-1", "!Basic abc", 401, "rest.source.validation"),
    *_rest("request"),
    *_http("http-simple", "context.typed"),
    *_http("http-policy", "context.text"),
    Scenario("websocket", "connect", "$connect", MEMBER, 101, "context.websocket"),
    Scenario("websocket", "wrong scope", "$connect", "token-wrong-scope", 403, "websocket.denied"),
    Scenario("websocket", "expired", "$connect", "token-expired", 401, "websocket.error.unauthorized"),
    Scenario("websocket", "no token", "$connect", "", 401, "websocket.source.missing"),
    Scenario("broken-request", "the function fails", "GET /broken", MEMBER, 500, "rest.error.other"),
    Scenario("broken-http-simple", "the function fails", "GET /broken", MEMBER, 500, "http.error"),
)


def authorization(scenario: Scenario) -> str | None:
    """Return the Authorization header that a scenario sends."""
    if not scenario.event:
        return None
    if scenario.event.startswith("!"):
        return scenario.event[1:]
    event = json.loads((ROOT / "events" / f"{scenario.event}.json").read_text(encoding="utf-8"))
    return str(event["authorizationToken"])
