"""Rules in words: what a condition asks, what a route is called, who a caller of the matrix is."""

from collections.abc import Mapping, Sequence
from typing import Any

from lambda_authorizer.rules.model import Route, Rule, RuleSet, Target


def joined(words: Sequence[str], last: str) -> str:
    """Return `a, b and c` for the last word "and"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def plural(noun: str, count: int) -> str:
    """Return `1 rule`, `2 rules`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def duration(seconds: int) -> str:
    """Return seconds as a person says them: `300 s`, `45 min`, `24 h`."""
    if seconds >= 7200 and seconds % 3600 == 0:  # noqa: PLR2004 - from two whole hours on
        return f"{seconds // 3600} h"
    if seconds >= 600:  # noqa: PLR2004 - from ten minutes on
        return f"{-(-seconds // 60)} min"  # rounded up: it is a bound
    return f"{seconds} s"


def condition(kind: str, wanted: Any) -> str:
    """Return one condition of a rule in words."""
    match kind:
        case "scopes":
            return f"scope{'s' if len(wanted) > 1 else ''} {joined(wanted, 'and')}"
        case "any_scopes":
            return f"scope {joined(wanted, 'or')}"
        case "groups" | "roles":
            return f"{kind[:-1]} {joined(wanted, 'or')}"
        case "all_groups" | "all_roles":
            return f"{kind[4:-1]}{'s' if len(wanted) > 1 else ''} {joined(wanted, 'and')}"
        case "tier" | "min_tier":
            return f"tier {joined(wanted, 'or')}"
        case "issuer":
            return f"issuer {joined(wanted, 'or')}"
        case "claims":
            return joined([_claim(path, operator, operand) for path, operator, operand in wanted], "and")
        case "present":
            return f"claim {joined([dotted(path) for path in wanted], 'and')}"
        case "absent":
            return f"no claim {joined([dotted(path) for path in wanted], 'or')}"
        case "source_ip":
            return f"address in {joined(wanted, 'or')}"
        case "client_certificate":
            fields = [f"{field} {joined(values, 'or')}" for field, values in wanted.items()]
            return " with ".join(["client certificate", *([joined(fields, "and")] if fields else [])])
        case "authenticated":
            return "any valid credential"
        case "anonymous":
            return "everybody"
        case _:
            return f"{kind} {wanted}"


def dotted(path: Sequence[str]) -> str:
    """Return a claim path; a name with a dot of its own is quoted."""
    return ".".join(f'"{name}"' if "." in name else name for name in path)


def _claim(path: Sequence[str], operator: str, operand: Any) -> str:
    if operator == "range":
        least, greatest = operand
        if least is None or greatest is None:
            return f"{dotted(path)} at most {greatest}" if least is None else f"{dotted(path)} at least {least}"
        return f"{dotted(path)} from {least} to {greatest}"
    return f"{dotted(path)} = {joined([str(value) for value in operand], 'or')}"


def conditions(rules: RuleSet, rule: Rule, target: Target) -> str:
    """Return everything that a rule asks for one of its routes."""
    parts = [condition(kind, wanted) for kind, wanted in rule.conditions]
    routes: Mapping[int, Route] = dict(enumerate(rules.routes if rule.effect == "allow" else rules.denials))
    parts += [f"{variable(routes[target.route], position)} = {dotted(path)}" for position, path in target.where]
    return "; ".join(parts)


def variable(route: Route, position: int) -> str:
    """Return the name of a path variable, as first written."""
    path = route.text.partition(" ")[2]
    return path[1:].split("/")[position].strip("{}+")
