"""Who may call what, as a table: routes down, tiers, scopes, groups, roles or rules across."""

from typing import Final, Literal, NamedTuple

from lambda_authorizer.rules import Rule, RuleSet
from lambda_authorizer.rules.sense import follows
from lambda_authorizer.rules.words import rule_text

By = Literal["tier", "scope", "group", "role", "rule"]
YES: Final = "yes"  # nothing more is asked
OWN: Final = "own"  # nothing more, for paths with the caller's own value
MORE: Final = "more"  # with further conditions
NO: Final = "no"
_ORDER: Final = (NO, MORE, OWN, YES)
_KINDS: Final = {
    "tier": ("tier", "min_tier"),
    "scope": ("scopes", "any_scopes"),
    "group": ("groups", "all_groups"),
    "role": ("roles", "all_roles"),
}


class Cell(NamedTuple):
    """One cell: the answer, and the rules behind it in words."""

    answer: str
    rules: tuple[str, ...]


class Row(NamedTuple):
    """One route."""

    route: str
    cells: tuple[Cell, ...]
    denied: tuple[str, ...]  # deny rules that may reach it, in words


class Matrix(NamedTuple):
    """The table."""

    by: By
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def matrix(rules: RuleSet, by: By = "tier") -> Matrix:
    """Return the table of routes by what callers have."""
    columns = _columns(rules, by)
    rows = []
    for number, route in enumerate(rules.routes):
        cells = tuple(_cell(rules, number, by, column) for column in columns)
        rows.append(Row(route.text, cells, _denied(rules, number)))
    return Matrix(by, columns, tuple(rows))


def _columns(rules: RuleSet, by: By) -> tuple[str, ...]:
    if by == "tier":
        return rules.tiers.order if rules.tiers else ()
    allows = [rule for rule in rules.rules if rule.effect == "allow"]
    if by == "rule":
        return tuple(rule.name for rule in allows)
    found: dict[str, None] = {}
    for rule in allows:
        for kind, wanted in rule.conditions:
            if kind in _KINDS[by]:
                found.update(dict.fromkeys(wanted))
    return tuple(found)


def _cell(rules: RuleSet, route: int, by: By, column: str) -> Cell:
    best, texts = NO, []
    for rule in rules.rules:
        if rule.effect != "allow":
            continue
        for target in rule.targets:
            if target.route == route:
                answer = _answer(rule, by, column, bound=bool(target.where))
                if answer != NO:
                    texts.append(rule_text(rule, target))
                best = max(best, answer, key=_ORDER.index)
    return Cell(best, tuple(texts))


def _answer(rule: Rule, by: By, column: str, *, bound: bool) -> str:
    if by == "rule":
        return (OWN if bound else YES) if rule.name == column else NO
    mine = [(kind, wanted) for kind, wanted in rule.conditions if kind in _KINDS[by]]
    if any(column not in wanted for _, wanted in mine) or (by != "tier" and not mine and rule.conditions):
        # A rule that asks for other scopes than this one; one that asks for none is every column's.
        if mine or not _free(rule):
            return NO
    rest = [(kind, wanted) for kind, wanted in rule.conditions if (kind, wanted) not in mine]
    several = any(kind in {"scopes", "all_groups", "all_roles"} and len(wanted) > 1 for kind, wanted in mine)
    if several or not follows(rest, (("authenticated", True),)):
        return MORE
    return OWN if bound else YES


def _free(rule: Rule) -> bool:
    return all(kind in {"authenticated", "anonymous"} for kind, _ in rule.conditions)


def _denied(rules: RuleSet, route: int) -> tuple[str, ...]:
    from lambda_authorizer.rules.model import within

    return tuple(
        rule_text(rule, target)
        for rule in rules.rules
        if rule.effect == "deny"
        for target in rule.targets
        if within(rules.routes[route], rules.denials[target.route])
    )
