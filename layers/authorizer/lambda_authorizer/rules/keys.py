"""Every key of the rules file, once: the parser, the JSON Schema and the reference in the docs are made from it.

Laws of this file: data only. A key's `shape` names one validator of `parse.py` and one schema of `schema.py`.
`[[issuer]]` is read by `lambda_authorizer.tokens`, which owns its keys.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Key(NamedTuple):
    """One key: the shape of its value and what it says, in words for people."""

    shape: str
    means: str


SCHEMA_VERSION: Final = 1

TOP: Final[Mapping[str, Key]] = {
    "schema": Key("version", "version of this language; always 1"),
    "issuer": Key("issuers", "whom to trust, one table each"),
    "tiers": Key("tiers", "the tiers of callers, low to high"),
    "requirement": Key("requirements", "named conditions that rules share: `[requirement.staff]`"),
    "rule": Key("rules", "who may call what, one table each"),
    "context": Key("context", "what the backend gets, besides principal id, scopes and tier"),
    "scope_strategy": Key("strategy", "`exact` (default), or `hierarchical`: `orders` covers `orders:read`"),
    "resource_policy": Key("boolean", "the API has a resource policy: refusals are spelled out as Deny lines"),
}

TIERS: Final[Mapping[str, Key]] = {
    "order": Key("names", "every tier, low to high"),
    "default": Key("text", "tier of a caller without the claim; absent: no tier"),
    "values": Key("text_map", "value of the claim = tier, where they differ"),
    "usage_keys": Key(
        "text_map", "tier = where its API key is (`secretsmanager:…`, `ssm:…`); tier authorizer only"
    ),
}

CONDITIONS: Final[Mapping[str, Key]] = {
    "scopes": Key("names", "all of these scopes"),
    "any_scopes": Key("names", "at least one of these scopes"),
    "groups": Key("names", "member of at least one of these groups"),
    "all_groups": Key("names", "member of all of these groups"),
    "roles": Key("names", "at least one of these roles"),
    "all_roles": Key("names", "all of these roles"),
    "tier": Key("name_or_names", "exactly this tier, or one of these"),
    "min_tier": Key("text", "this tier or a higher one"),
    "claims": Key("claims", "claim = value, list of values (one of them), or `{ min = …, max = … }`"),
    "present": Key("paths", "each of these claims is there"),
    "absent": Key("paths", "none of these claims is there"),
    "issuer": Key("name_or_names", "the token comes from this issuer, or one of these"),
    "source_ip": Key("networks", "the caller's address is in one of these ranges; nothing may be cached"),
    "client_certificate": Key("certificate", "`true`, or `{ subject = …, issuer = … }`; nothing may be cached"),
    "authenticated": Key("true", "any caller with a valid credential; nothing more is asked"),
    "anonymous": Key("true", "everybody, with or without a credential"),
}

RULE: Final[Mapping[str, Key]] = {
    "name": Key("text", "unique; shown in logs, explanations and errors"),
    "description": Key("text", "for people"),
    "allow": Key("routes", "routes that callers who meet all conditions may call"),
    "deny": Key("routes", "routes that they may not call, whatever allows them; in place of `allow`"),
    "where": Key("where", "path variable = claim that it must equal"),
    "requires": Key("names", "named requirements whose conditions are added"),
    "narrow": Key("boolean", "accept that some of these requests are denied where IAM cannot tell them apart"),
    **CONDITIONS,
}

CONTEXT_ENTRY: Final[Mapping[str, Key]] = {
    "claim": Key("path", "name of the claim, or a list of names to walk down"),
    "type": Key("context_type", "`auto` (default), `string`, `number`, `boolean`, `list` or `json`"),
}
CONTEXT_TYPES: Final = ("auto", "string", "number", "boolean", "list", "json")
RESERVED_CONTEXT: Final = frozenset(
    {"claims", "integrationLatency", "principal", "principalId", "reason", "scopes", "tier"}
)

CLAIM_RANGE: Final[Mapping[str, Key]] = {
    "min": Key("number", "least value"),
    "max": Key("number", "greatest value"),
}
CLAIM_ENTRY: Final[Mapping[str, Key]] = {
    "path": Key("path", "name of the claim, or a list of names to walk down"),
    "equals": Key("value", "the value, or a list of values"),
    **CLAIM_RANGE,
}
CERTIFICATE: Final[Mapping[str, Key]] = {
    "subject": Key("name_or_names", "distinguished name of the certificate's subject, or one of these"),
    "issuer": Key("name_or_names", "distinguished name of its issuer, or one of these"),
    "serial_number": Key("name_or_names", "its serial number, or one of these"),
}
REQUEST_CONDITIONS: Final = frozenset({"source_ip", "client_certificate"})
