"""What `check` can find, as data: the codes are stable, for machines; docs/cli.md prints the table."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Level = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One thing that was found."""

    level: Level
    code: str  # a key of `CODES`
    where: str
    text: str
    way_out: str = ""


CODES: Mapping[str, tuple[str, str]] = {
    # code: level, meaning
    "anonymous": ("error", "a rule lets everybody in, and the gateway answers 401 before it asks"),
    "cache-credential": ("error", "answers are kept under a key without the credential: callers share them"),
    "cache-request": ("error", "answers are kept, and rules read the single request (address, certificate)"),
    "cache-route": ("error", "simple answers are kept under a key without the route"),
    "cache-where": ("error", "simple answers are kept, and rules bind path variables to claims"),
    "corner-over": ("error", "policy and rules disagree: a defect of the toolkit"),
    "corner-policy_too_large": ("error", "the policy of some caller is over 6 KB"),
    "corner-resource_too_long": ("error", "a Resource would be longer than 512 characters"),
    "corner-undecided": ("error", "the proof ran out of its budget"),
    "corner-wildcard": (
        "error",
        "IAM's `*` cannot tell two routes apart; a note where `narrow` or TTL 0 accepts it",
    ),
    "default-route": ("note", "the route `$default`, which no rule can name"),
    "guard-unknown": ("warning", "what guards a route cannot be read"),
    "key-not-required": ("error", "the authorizer gives the API key, and no method requires one"),
    "key-source": ("warning", "usage keys without `ApiKeySourceType: AUTHORIZER` have no effect"),
    "no-api": ("warning", "the file defines no API"),
    "no-permission": ("error", "nothing lets the gateway call the function"),
    "no-tier-claim": ("warning", "tiers, and no claim of an issuer that gives one"),
    "no-tier-key": ("warning", "callers without a tier have no usage key"),
    "no-usage-keys": ("error", "the API takes its key from the authorizer, and the rules give none"),
    "no-usage-plan": ("error", "no usage plan is attached to the API"),
    "open-route": ("error", "a route without an authorizer; `--public` says that it is meant"),
    "other-guard": ("note", "an API that IAM, Cognito or the gateway's own JWT authorizer guards"),
    "payload": ("error", "simple answers with payload version 1.0"),
    "preflight-any": ("note", "an ANY route takes OPTIONS too"),
    "preflight-guarded": ("error", "an authorizer on OPTIONS, where browsers send no credential"),
    "resource-policy": ("error", "a private API or a resource policy, and refusals are not spelled out"),
    "response-differs": ("error", "gateway and function disagree about simple answers and policies"),
    "route-without-rule": ("warning", "a route of the API that no rule names: always denied"),
    "rule-without-route": ("warning", "a rule's route that the API does not have"),
    "tier-without-key": ("warning", "a tier without a usage key: its callers get 403"),
    "ttl-differs": ("error", "gateway and function are told different TTLs"),
    "ttl-unknown": ("warning", "a TTL that only the deployment knows; it counts as cached"),
    "unguarded-api": ("warning", "an API that no Lambda authorizer guards"),
    "unread": ("warning", "something in the file could not be read"),
}
