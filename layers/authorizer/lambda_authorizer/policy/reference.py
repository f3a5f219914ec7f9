"""Generated parts of the reference in the docs: tables of keys, and an example policy.

`python -m lambda_authorizer.policy.reference docs/rules.md docs/policy.md` writes them between
`<!-- generated: NAME -->` and `<!-- end -->`; a test keeps them in step.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy.build import build_policy
from lambda_authorizer.principal import Principal
from lambda_authorizer.rules import grants_for, keys, parse_rules

_ARN: Final = ExecuteApiArn("aws", "eu-central-1", "123456789012", "a1b2c3d4e5", "prod", "GET", "/")
_EXAMPLE: Final = """
schema = 1
[[issuer]]
name = "main"
url = "https://issuer.example"
audience = ["api"]
preset = "oidc"
[[rule]]
name = "readers"
allow = ["GET /orders/{id}", "POST /orders/{id}/notes"]
scopes = ["orders:read"]
[[rule]]
name = "exporters"
allow = ["GET /orders/export"]
scopes = ["orders:export"]
"""
_SHAPES: Final[Mapping[str, str]] = {
    "version": "`1`",
    "issuers": "tables",
    "tiers": "table",
    "requirements": "tables",
    "rules": "tables",
    "context": "table",
    "strategy": "text",
    "boolean": "`true`, `false`",
    "true": "`true`",
    "text": "text",
    "names": "list",
    "name_or_names": "text or list",
    "text_map": "table",
    "claims": "table or list",
    "paths": "list",
    "path": "text or list",
    "networks": "list",
    "certificate": "`true` or table",
    "routes": "list",
    "where": "table",
    "number": "number",
    "value": "any",
    "context_type": "text",
}


def render(text: str) -> str:
    """Return a document with its generated parts made anew."""

    def made(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n{_PARTS[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- generated: ([a-z ]+) -->\n.*?<!-- end -->", made, text, flags=re.DOTALL)


def _table(known: Mapping[str, keys.Key]) -> str:
    rows = [f"| `{name}` | {_SHAPES[key.shape]} | {key.means} |" for name, key in known.items()]
    return "\n".join(["", "| key | value | says |", "| --- | --- | --- |", *rows, ""])


def _example() -> str:
    rules = parse_rules(_EXAMPLE, file="rules.toml", environment={})
    scopes = frozenset({"orders:read"})
    caller = Principal("c", "main", scopes, frozenset(), frozenset(), None, None, {}, None, frozenset())
    document = build_policy(grants_for(rules, caller, None), _ARN).document
    stage = f":{_ARN.api_id}/{_ARN.stage}/"
    lines = [
        f"{statement['Effect']:5}  {resource.partition(stage)[2]}"
        for statement in document["Statement"]
        for resource in statement["Resource"]
        if stage in resource
    ]
    return "\n".join(["", "```text", *lines, "```", ""])


def _reserved() -> str:
    return ", ".join(f"`{name}`" for name in sorted(keys.RESERVED_CONTEXT)) + "."


_PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "top": lambda: _table(keys.TOP),
    "tiers": lambda: _table(keys.TIERS),
    "rule": lambda: _table(keys.RULE),
    "claim entry": lambda: _table(keys.CLAIM_ENTRY),
    "certificate": lambda: _table(keys.CERTIFICATE),
    "context entry": lambda: _table(keys.CONTEXT_ENTRY),
    "reserved": _reserved,
    "example": _example,
}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")
