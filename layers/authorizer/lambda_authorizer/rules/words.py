"""Conditions and rules in words, for explanations, differences and tables."""

from collections.abc import Iterable, Sequence
from typing import Any

from lambda_authorizer.rules.model import Rule, Target

_PHRASES = {
    "scopes": "all of the scopes {}",
    "any_scopes": "one of the scopes {}",
    "groups": "one of the groups {}",
    "all_groups": "all of the groups {}",
    "roles": "one of the roles {}",
    "all_roles": "all of the roles {}",
    "tier": "one of the tiers {}",
    "min_tier": "one of the tiers {}",
    "issuer": "a token of {}",
    "source_ip": "an address in {}",
}
_SINGULAR = {
    "scopes": "the scope {}",
    "any_scopes": "the scope {}",
    "groups": "the group {}",
    "all_groups": "the group {}",
    "roles": "the role {}",
    "all_roles": "the role {}",
    "tier": "the tier {}",
    "min_tier": "the tier {}",
}


def condition_text(kind: str, wanted: Any) -> str:
    """Return one condition in words."""
    if kind == "authenticated":
        return "any valid credential"
    if kind == "anonymous":
        return "nobody in particular"
    if kind in {"present", "absent"}:
        listed = ", ".join(".".join(path) for path in wanted)
        return f"the claims {listed}" if kind == "present" else f"no claim {listed}"
    if kind == "claims":
        return " and ".join(_claim(entry) for entry in wanted)
    if kind == "client_certificate":
        fields = " and ".join(f"{field} {_listed(values)}" for field, values in wanted.items())
        return f"a client certificate with {fields}" if fields else "a client certificate"
    phrases = _SINGULAR if len(wanted) == 1 and kind in _SINGULAR else _PHRASES
    return phrases[kind].format(_listed(wanted))


def _claim(entry: Sequence[Any]) -> str:
    path, operator, operand = entry
    name = ".".join(path)
    if operator == "range":
        least, greatest = operand
        if greatest is None:
            return f"the claim {name} at least {least}"
        if least is None:
            return f"the claim {name} at most {greatest}"
        return f"the claim {name} from {least} to {greatest}"
    return f"the claim {name} equal to {_listed(operand)}"


def _listed(values: Iterable[Any]) -> str:
    return " or ".join(value if isinstance(value, str) else repr(value).lower() for value in values)


def rule_text(rule: Rule, target: Target | None = None) -> str:
    """Return whom a rule speaks of, in words; with a target, its bound variables as well."""
    parts = [condition_text(kind, wanted) for kind, wanted in rule.conditions]
    if target is not None:
        parts += [f"only where the path has their own {'.'.join(path)}" for _, path in target.where]
    return "callers with " + " and ".join(parts) if parts else "callers"
