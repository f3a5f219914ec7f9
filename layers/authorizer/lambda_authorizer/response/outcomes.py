"""What each front end gets for each outcome: the decision table, as data.

Laws of this file:
- Nothing that goes wrong allows: only the row `allowed` holds a form that can.
- A caller who is known and may not make this call gets the policy of their own, never a blanket Deny: the gateway
  may keep it and would refuse the caller's other routes with it.
- Only a doubt about the credential says `Unauthorized`.

`docs/front-ends.md` prints this table; `render` obeys it.
Sources: API Gateway developer guide, "Output from a Lambda authorizer", "Call an API with Lambda authorizers",
"Lambda authorizers for HTTP APIs"; AppSync developer guide, "AWS_LAMBDA authorization".
"""

from collections.abc import Mapping
from typing import Final, Literal

from lambda_authorizer.request import Kind

FrontEnd = Literal["rest", "http-1.0", "http-2.0", "http-simple", "websocket", "appsync", "appsync-events"]
Outcome = Literal["allowed", "not_permitted", "unauthorized", "unauthorized_kept", "unavailable", "broken"]
Form = Literal["policy", "deny", "yes", "no", "unauthorized", "error"]
# Form of the answer, and the status that the client sees (None: AWS documents none).
Cell = tuple[Form, int | None]

FRONT_ENDS: Final[tuple[FrontEnd, ...]] = (
    "rest", "http-1.0", "http-2.0", "http-simple", "websocket", "appsync", "appsync-events",
)  # fmt: skip

_ERROR: Final[Mapping[FrontEnd, Cell]] = {
    "rest": ("error", 500),
    "http-1.0": ("error", 500),
    "http-2.0": ("error", 500),
    "http-simple": ("error", 500),
    "websocket": ("error", 500),
    "appsync": ("error", None),
    "appsync-events": ("error", None),
}

OUTCOMES: Final[Mapping[Outcome, Mapping[FrontEnd, Cell]]] = {
    "allowed": {
        "rest": ("policy", 200),
        "http-1.0": ("policy", 200),
        "http-2.0": ("policy", 200),
        "http-simple": ("yes", 200),
        "websocket": ("policy", 101),
        "appsync": ("yes", 200),
        "appsync-events": ("yes", 200),
    },
    # The caller is known and may not make this call.
    "not_permitted": {
        "rest": ("policy", 403),
        "http-1.0": ("policy", 403),
        "http-2.0": ("policy", 403),
        "http-simple": ("no", 403),
        "websocket": ("deny", 403),
        "appsync": ("no", 401),
        "appsync-events": ("no", 401),
    },
    # There is no credential, or it proves nothing.
    "unauthorized": {
        "rest": ("unauthorized", 401),
        "http-1.0": ("deny", 403),
        "http-2.0": ("deny", 403),
        "http-simple": ("no", 403),
        "websocket": ("unauthorized", 401),
        "appsync": ("no", 401),
        "appsync-events": ("no", 401),
    },
    # The same with AUTHORIZER_UNAUTHORIZED=deny: an answer that the gateway keeps, not an error that it does not.
    "unauthorized_kept": {
        "rest": ("deny", 403),
        "http-1.0": ("deny", 403),
        "http-2.0": ("deny", 403),
        "http-simple": ("no", 403),
        "websocket": ("unauthorized", 401),
        "appsync": ("no", 401),
        "appsync-events": ("no", 401),
    },
    # The issuer cannot be asked, which says nothing about the caller.
    "unavailable": _ERROR,
    # Not an event that we know, broken settings, a defect of ours.
    "broken": _ERROR,
}

_FRONT_END_OF: Final[Mapping[Kind, FrontEnd]] = {
    "token": "rest",
    "request": "rest",
    "http-1.0": "http-1.0",
    "http-2.0": "http-2.0",
    "websocket": "websocket",
    "appsync": "appsync",
    "appsync-events": "appsync-events",
}


def front_end(kind: Kind, *, simple: bool) -> FrontEnd:
    """Return the column of an event; the event cannot tell whether HTTP API 2.0 expects a simple answer."""
    return "http-simple" if simple and kind == "http-2.0" else _FRONT_END_OF[kind]
