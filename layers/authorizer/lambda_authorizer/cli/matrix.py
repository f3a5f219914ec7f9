"""Who may call what: each route against each tier, scope, group or role, worked out from the conditions.

A cell tells what a caller with the column's attribute still needs. Nothing is sampled: a rule speaks in a cell
unless its own condition on the column's attribute rules it out.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from lambda_authorizer.cli.shapes import denied
from lambda_authorizer.cli.words import condition, dotted, joined, variable
from lambda_authorizer.rules.model import Route, Rule, RuleSet, Target

By = Literal["tier", "scope", "group", "role"]

ORDER: tuple[By, ...] = ("tier", "scope", "group", "role")

_KINDS: dict[str, tuple[str, ...]] = {
    "tier": ("tier", "min_tier"),
    "scope": ("scopes", "any_scopes"),
    "group": ("groups", "all_groups"),
    "role": ("roles", "all_roles"),
}
ANYONE = "no credential"
OTHERS = "any other caller"


class Cell(NamedTuple):
    """What a caller of the column may do with the route of the row."""

    allowed: bool  # False: no rule lets such a caller in, whatever else they have
    ways: tuple[str, ...]  # what else is asked, one text a rule; () where nothing is
    unless: tuple[str, ...]  # deny rules that may still refuse, in words

    @property
    def text(self) -> str:
        """The cell in plain words."""
        if not self.allowed:
            return "no"
        said = "yes" if not self.ways else f"with {joined(self.ways, 'or with')}"
        return f"{said}; not {joined(self.unless, 'or')}" if self.unless else said


class Row(NamedTuple):
    """One route."""

    route: str
    rules: tuple[str, ...]
    cells: tuple[Cell, ...]


class Matrix(NamedTuple):
    """Routes against callers."""

    by: By
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def matrix(rules: RuleSet, by: By | None = None) -> Matrix:
    """Return the matrix; by tier where there are tiers, else by scope, else by group, unless told otherwise."""
    used: list[By] = [one for one in ORDER if _values(rules, one)]
    chosen: By = by if by is not None else next(iter(used), "tier")
    values = _values(rules, chosen)
    columns = [*values, *([] if chosen == "tier" and rules.tiers and rules.tiers.default else [OTHERS])]
    columns = [*([ANYONE] if rules.has_anonymous else []), *columns]
    rows = [_row(rules, number, route, chosen, columns) for number, route in enumerate(rules.routes)]
    return Matrix(chosen, tuple(columns), tuple(rows))


def _values(rules: RuleSet, by: By) -> list[str]:
    """The attribute's values: tiers in their order, everything else as the rules name them, sorted."""
    if by == "tier":
        return list(rules.tiers.order) if rules.tiers else []
    found = {
        name for rule in rules.rules for kind, wanted in rule.conditions if kind in _KINDS[by] for name in wanted
    }
    return sorted(found)


def _row(rules: RuleSet, number: int, route: Route, by: By, columns: Sequence[str]) -> Row:
    allows = [
        (rule, target)
        for rule in rules.rules
        if rule.effect == "allow"
        for target in rule.targets
        if target.route == number
    ]
    denies = [
        (rule, target)
        for rule in rules.rules
        if rule.effect == "deny"
        for target in rule.targets
        if denied(rules.denials[target.route], route)[0]
    ]
    cells = tuple(_cell(rules, route, (allows, denies), by, column) for column in columns)
    return Row(route.text, tuple(dict.fromkeys(rule.name for rule, _ in allows)), cells)


_Uses = Sequence[tuple[Rule, Target]]


def _cell(rules: RuleSet, route: Route, uses: tuple[_Uses, _Uses], by: By, column: str) -> Cell:
    allows, denies = uses
    ways: list[str] = []
    whole = False
    for rule, target in allows:
        needs = _needs(rules, rule, target, by, column)
        if needs is None:
            continue
        whole = whole or not needs
        ways.append(joined(needs, "and"))
    if not ways:
        return Cell(allowed=False, ways=(), unless=())
    unless = []
    for rule, target in denies:
        needs = _needs(rules, rule, target, by, column)
        pattern = rules.denials[target.route]
        _, whole_route = denied(pattern, route)
        if needs == [] and whole_route:
            return Cell(allowed=False, ways=(), unless=())
        if needs is not None:
            where = [] if whole_route else [f"on {pattern.text}"]
            unless.append(" ".join([*where, *([joined(needs, "and")] if needs else [])]))
    left = () if whole else tuple(dict.fromkeys(ways))
    return Cell(allowed=True, ways=left, unless=tuple(dict.fromkeys(unless)))


def _needs(rules: RuleSet, rule: Rule, target: Target, by: By, column: str) -> list[str] | None:
    """What a rule asks beside the column's attribute; None where it cannot hold for such a caller."""
    needs: list[str] = []
    kinds = {kind for kind, _ in rule.conditions}
    if column == ANYONE and "anonymous" not in kinds:
        return None if rule.effect == "allow" else ["with a credential"]
    for kind, wanted in rule.conditions:
        if kind in {"authenticated", "anonymous"}:
            continue
        if kind in _KINDS[by]:
            left = _left(kind, wanted, column, hierarchical=rules.hierarchical_scopes)
            if left is None:
                return None
            needs += [condition(kind, left)] if left else []
        else:
            needs.append(condition(kind, wanted))
    listed = rules.routes if rule.effect == "allow" else rules.denials
    needs += [f"{variable(listed[target.route], at)} = {dotted(path)}" for at, path in target.where]
    return needs


def _left(kind: str, wanted: Any, column: str, *, hierarchical: bool) -> tuple[str, ...] | None:
    """What is still asked of the column's attribute: nothing, the rest of an all-of list; None: cannot be."""
    if column in {OTHERS, ANYONE}:
        return None
    met = [name for name in wanted if _is(column, name, kind, hierarchical=hierarchical)]
    if not met:
        return None
    if kind in {"scopes", "all_groups", "all_roles"}:
        return tuple(name for name in wanted if name not in met)
    return ()


def _is(column: str, name: str, kind: str, *, hierarchical: bool) -> bool:
    return column == name or (hierarchical and "scopes" in kind and name.startswith(f"{column}:"))


def markdown(shown: Matrix) -> str:
    """Return the matrix as a Markdown table."""

    def cell(text: str) -> str:
        return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

    lines = [f"| route | {' | '.join(cell(column) for column in shown.columns)} |"]
    lines.append("|" + "---|" * (len(shown.columns) + 1))
    lines += [f"| `{row.route}` | {' | '.join(cell(one.text) for one in row.cells)} |" for row in shown.rows]
    return "\n".join(lines) + "\n"


def comma_separated(shown: Matrix) -> str:
    """Return the matrix as CSV (RFC 4180); a cell that a spreadsheet would take for a formula gets a quote."""

    def cell(text: str) -> str:
        return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["route", "rules", *(cell(column) for column in shown.columns)])
    for row in shown.rows:
        rules = "; ".join(row.rules)
        writer.writerow([cell(row.route), cell(rules), *(cell(one.text) for one in row.cells)])
    return stream.getvalue()
