"""Mint the demo: one event of the true shape per front end and case, and the settings that trust its key.

    python -m lambda_authorizer.testing.demo --out events

Each run makes a fresh key, signs tokens that last until 2099 (and some that are long over), writes the public half
into `env.json` (the file of `sam local --env-vars`) and forgets the private half. The names are reserved ones
(RFC 2606), so that no real issuer is ever named like the demo's. The routes are those of `authorizers/rules.toml`.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from lambda_authorizer.testing.events import (
    Call,
    Event,
    appsync_event,
    appsync_events_event,
    bearer,
    http_2_event,
    request_event,
    token_event,
    websocket_event,
)
from lambda_authorizer.testing.issuer import FakeIssuer, SigningKey

ISSUER: Final = "https://demo-issuer.example/"
AUDIENCE: Final = "https://demo-api.example"
USAGE_KEYS: Final = {"silver": "demoSilverKeyValue00000001", "gold": "demoGoldKeyValue0000000002"}
TIER_CLAIM: Final = "https://airline.example/tier"

_ISSUED: Final = 1_767_225_600  # 2026-01-01
_FOREVER: Final = 4_070_908_800  # 2099-01-01
_LONG_OVER: Final = 1_577_836_800  # 2020-01-01

Kind = Literal["token", "request", "http-api", "tier", "websocket", "appsync"]
FUNCTIONS: Final[Mapping[Kind, str]] = {
    "token": "TokenAuthorizer",
    "request": "RequestAuthorizer",
    "http-api": "HttpApiAuthorizer",
    "tier": "TierAuthorizer",
    "websocket": "WebSocketAuthorizer",
    "appsync": "AppSyncAuthorizer",
}
"""Kind of event to the logical id of the function that answers it."""

MEMBER: Final = {"sub": "c-1", "scope": "loyalty:read"}
SILVER: Final = MEMBER | {TIER_CLAIM: "silver"}
PARTNER: Final = {"sub": "p-7", "scope": "loyalty:write", "groups": ["partners"], TIER_CLAIM: "gold"}
SILVER_PARTNER: Final = PARTNER | {TIER_CLAIM: "silver"}
STRANGER: Final = {"sub": "c-1", "scope": "flights:read"}


class Case(NamedTuple):
    """One event of the demo and what it proves."""

    kind: Kind
    name: str
    claims: Mapping[str, object]
    target: str
    """ "GET /loyalty/c-1"; for AppSync a GraphQL document, or an operation and a channel."""
    decision: Literal["allow", "deny", "unauthorized"]
    reason: str
    fault: str = ""
    """Name of the bad token that is sent; the empty string for a good one."""

    @property
    def file(self) -> str:
        """Name of the event's file."""
        return f"{self.kind}-{self.name}.json"


def _http_cases(kind: Kind) -> tuple[Case, ...]:
    """Return the cases that REST and HTTP APIs share."""
    own, history, points = "GET /loyalty/c-1", "GET /loyalty/c-1/history", "POST /loyalty/c-2/points"
    return (
        Case(kind, "allow", MEMBER, own, "allow", "allowed"),
        Case(kind, "allow-history", MEMBER, history, "allow", "allowed"),
        Case(kind, "allow-partner", PARTNER, points, "allow", "allowed"),
        Case(kind, "wrong-scope", STRANGER, own, "deny", "no_rule_allows"),
        Case(kind, "other-customer", MEMBER, "GET /loyalty/c-2", "deny", "no_rule_allows"),
        Case(kind, "low-tier", SILVER_PARTNER, points, "deny", "no_rule_allows"),
        Case(kind, "unknown-route", MEMBER, "GET /loyalty", "deny", "no_rule_allows"),
        Case(kind, "odd-path", MEMBER, "GET /loyalty/c-1%2Fhistory", "deny", "path_refused"),
        *_bad_tokens(kind, own),
    )


def _bad_tokens(kind: Kind, target: str) -> tuple[Case, ...]:
    """Return the cases of every front end whose credential is the fault."""
    return (
        Case(kind, "missing-token", MEMBER, target, "unauthorized", "missing_token", "missing"),
        Case(kind, "expired", MEMBER, target, "unauthorized", "expired", "expired"),
        Case(kind, "bad-signature", MEMBER, target, "unauthorized", "invalid_signature", "bad-signature"),
    )


def _more_bad_tokens(kind: Kind, target: str) -> tuple[Case, ...]:
    """Return more such cases; one front end shows them, as no front end changes what a token is worth."""
    return (
        Case(kind, "wrong-audience", MEMBER, target, "unauthorized", "invalid_audience", "wrong-audience"),
        Case(kind, "wrong-issuer", MEMBER, target, "unauthorized", "untrusted_issuer", "wrong-issuer"),
        Case(kind, "unknown-key", MEMBER, target, "unauthorized", "unknown_key", "unknown-key"),
        Case(kind, "alg-none", MEMBER, target, "unauthorized", "unsupported_algorithm", "alg-none"),
        Case(kind, "malformed", MEMBER, target, "unauthorized", "malformed_token", "not-a-token"),
    )


_READ = 'query { loyalty(customerId: "c-1") { points } }'
_WRITE = 'mutation { addPoints(customerId: "c-2", points: 5) { points } }'

CASES: Final[tuple[Case, ...]] = (
    *_http_cases("token"),
    *_more_bad_tokens("token", "GET /loyalty/c-1"),
    *_http_cases("request"),
    *_http_cases("http-api"),
    *_http_cases("tier"),
    Case("tier", "allow-silver", SILVER, "GET /upgrades", "allow", "allowed"),
    Case("tier", "standard-tier", MEMBER, "GET /upgrades", "deny", "no_rule_allows"),
    Case("websocket", "allow", MEMBER, "$connect", "allow", "allowed"),
    Case("websocket", "wrong-scope", STRANGER, "$connect", "deny", "no_rule_allows"),
    *_bad_tokens("websocket", "$connect"),
    Case("appsync", "allow", MEMBER, _READ, "allow", "allowed"),
    Case("appsync", "allow-partner", PARTNER, _WRITE, "allow", "allowed"),
    Case("appsync", "wrong-scope", STRANGER, _READ, "deny", "no_rule_allows"),
    *_bad_tokens("appsync", _READ),
    Case("appsync", "events-connect", MEMBER, "EVENT_CONNECT", "allow", "allowed"),
    Case("appsync", "events-subscribe", MEMBER, "EVENT_SUBSCRIBE /loyalty/c-1", "allow", "allowed"),
    Case("appsync", "events-other-customer", MEMBER, "EVENT_SUBSCRIBE /loyalty/c-2", "deny", "no_rule_allows"),
    Case("appsync", "events-publish", PARTNER, "EVENT_PUBLISH /loyalty/c-2", "allow", "allowed"),
)
"""Every event of the demo, with the decision and the reason that it gets."""

_TEMPLATES: Final = (
    ("/loyalty/{customerId}/history", 3, "/history"),
    ("/loyalty/{customerId}/points", 3, "/points"),
    ("/loyalty/{customerId}", 2, ""),
)


def _route(path: str) -> tuple[str, dict[str, str]]:
    """Return the resource template of a path and its variables; the path itself where it has none."""
    parts = path.strip("/").split("/")
    for template, length, suffix in _TEMPLATES:
        if len(parts) == length and path.endswith(suffix):
            return template, {"customerId": parts[1]}
    return path, {}


def _token(issuer: FakeIssuer, case: Case) -> str:
    claims = {"exp": _FOREVER, **case.claims}
    if case.fault == "expired":
        return issuer.mint(claims | {"iat": _LONG_OVER - 300, "exp": _LONG_OVER})
    return issuer.bad(case.fault, claims) if case.fault else issuer.mint(claims)


def _event(issuer: FakeIssuer, case: Case) -> Event:
    """Return the event that this case sends."""
    token = "" if case.fault == "missing" else _token(issuer, case)
    headers = bearer(token) if token else {}
    method, _, path = case.target.partition(" ")
    template, variables = _route(path)
    call = Call(method, path, headers)
    # AppSync has no such call: there a target is a document, or an operation and its channel.
    makers: Mapping[Kind, Callable[[], Event]] = {
        "token": lambda: token_event(headers.get("Authorization", ""), method, path),
        "request": lambda: request_event(call, resource=template, path_parameters=variables),
        "tier": lambda: request_event(call, resource=template, path_parameters=variables),
        "http-api": lambda: http_2_event(call, route_key=f"{method} {template}", path_parameters=variables),
        "websocket": lambda: websocket_event(Call(headers=headers)),
        "appsync": lambda: (
            appsync_events_event(token, method, path or None)
            if method.startswith("EVENT_")
            else appsync_event(token, case.target)
        ),
    }
    return makers[case.kind]()


def mint() -> dict[str, object]:
    """Return the content of every file of the demo, by name, signed with a key that nobody has afterwards."""
    issuer = FakeIssuer(ISSUER, audience=AUDIENCE, algorithm="RS256", clock=lambda: _ISSUED)
    # The `kid` differs from run to run as the key does, so that no cache takes one demo's key for another's.
    issuer.keys = [SigningKey("RS256", f"demo-{issuer.key.jwk['n'][:8]}")]
    settings: dict[str, dict[str, str]] = {name: dict(issuer.settings) for name in FUNCTIONS.values()}
    settings["TierAuthorizer"]["AUTHORIZER_USAGE_KEYS"] = json.dumps(USAGE_KEYS)
    return {"env.json": settings, **{case.file: _event(issuer, case) for case in CASES}}


def write(folder: Path) -> list[str]:
    """Write the whole demo into a folder and return the names written; events that are no more part of it go.

    Args:
        folder: made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = mint()
    for kind in FUNCTIONS:
        for old in folder.glob(f"{kind}-*.json"):
            if old.name not in files:
                old.unlink()
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return sorted(files)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(prog="demo", description="Mint the demo events with a fresh key.")
    parser.add_argument("--out", type=Path, default=Path("events"), help="folder to write to (default: events)")
    folder = parser.parse_args(arguments).out
    written = write(folder)
    print(f"{len(written)} files in {folder}, signed with a fresh key")  # noqa: T201 - the command's answer


if __name__ == "__main__":  # pragma: no cover - the line that makes it a command
    main()
