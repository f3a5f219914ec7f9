"""Is the gateway's result cache honest? Every input the rules read must be part of its key, or nothing is cached.

Source: API Gateway developer guide, "Configure a Lambda authorizer" (cache keys); `docs/adr`.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from lambda_authorizer.rules import RuleSet

FrontEnd = Literal[
    "rest-token", "rest-request", "http-policy", "http-simple", "websocket", "appsync", "appsync-events"
]
_NEVER_CACHED: Final = frozenset({"websocket"})
_SOURCE_IP: Final = ("context.identity.sourceip", "$context.identity.sourceip")
_UNKNOWN_TTL: Final = 3600  # the longest the gateways allow
_NO_CACHE: Final = "set the result TTL to 0"


class Finding(NamedTuple):
    """One thing that is wrong, or that somebody should know."""

    severity: Literal["error", "warning"]
    text: str
    ways_out: tuple[str, ...]


def cache_findings(
    rules: RuleSet,
    *,
    front_end: FrontEnd,
    identity_sources: Sequence[str] = (),
    ttl: int | None,
) -> tuple[Finding, ...]:
    """Return what stands between these rules and an honest cache.

    Args:
        rules: the rules.
        front_end: what asks.
        identity_sources: as the template writes them; they are the cache's key.
        ttl: seconds an answer is kept; None where it is not known, which counts as kept.
    """
    if ttl == 0 or front_end in _NEVER_CACHED:
        return ()
    sources = [source.lower() for source in identity_sources]
    kept = "for an unknown time" if ttl is None else f"for {ttl} s"
    found = []
    for condition in sorted(rules.reads_request):
        if condition == "source_ip" and front_end == "rest-request" and any(item in sources for item in _SOURCE_IP):
            continue
        ways = [_NO_CACHE, f"drop the {condition} conditions"]
        if condition == "source_ip" and front_end == "rest-request":
            ways.insert(1, "add context.identity.sourceIp to the identity sources")
        found.append(
            Finding(
                "error",
                f"rules read {condition}, which is not part of the cache's key, and answers are kept {kept}: one "
                "caller's answer would serve another",
                tuple(ways),
            )
        )
    if front_end == "http-simple":
        found += _simple(rules, sources)
    if front_end == "appsync-events" and ttl != 0:
        found.append(
            Finding(
                "warning",
                "the cache's key is the token alone, while an answer is about one channel: every answer carries "
                "ttlOverride 0",
                (_NO_CACHE,),
            )
        )
    if front_end in {"rest-request", "http-policy", "http-simple"} and not identity_sources:
        found.append(
            Finding("error", "answers are kept and no identity source makes their key", (_NO_CACHE, "name a source"))
        )
    if rules.has_anonymous and front_end in {"rest-token", "appsync", "appsync-events"}:
        found.append(_anonymous("never asks without a credential"))
    elif rules.has_anonymous and identity_sources:
        found.append(_anonymous("answers 401 itself where an identity source is missing"))
    return tuple(found)


def _anonymous(what: str) -> Finding:
    return Finding(
        "error",
        f"rules with anonymous = true cannot work: this front end {what}",
        ("take the public routes out of the authorizer", "a REQUEST authorizer with a TTL of 0 and no identity source"),
    )


def _simple(rules: RuleSet, sources: Sequence[str]) -> list[Finding]:
    found = []
    if "$context.routekey" not in sources:
        found.append(
            Finding(
                "error",
                "a simple answer is kept for every route of the API: the yes to one route would open the others",
                (_NO_CACHE, "add $context.routeKey to the identity sources", "use policy answers"),
            )
        )
    if rules.uses_where:
        found.append(
            Finding(
                "error",
                "rules bind path variables (`where`), and a simple answer is kept for every path of the route",
                (_NO_CACHE, "use policy answers"),
            )
        )
    return found


def staleness(front_end: FrontEnd, ttl: int | None) -> int:
    """Return the seconds for which a withdrawn right, or an expired token, may still be answered with yes.

    AppSync answers end with the token (`ttlOverride`), so for an expired token theirs is 0; the value is the one for
    withdrawn rights.
    """
    if front_end in _NEVER_CACHED or front_end == "appsync-events":
        return 0
    return _UNKNOWN_TTL if ttl is None else ttl
