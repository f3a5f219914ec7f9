"""Masks of patterns with a value that some route spells: worked out when they are needed, which is hardly ever.

The compiled masks take a bound value for one that no route spells. A caller whose id is `me`, beside a route
`/users/me`, is the exception; the automaton is then built again for that caller.
"""

from collections.abc import Mapping, Sequence

from lambda_authorizer.policy.table import BOUND, Form, Table
from lambda_authorizer.rules import RuleSet
from lambda_authorizer.rules.automaton import MANY
from lambda_authorizer.rules.model import GREEDY, VARIABLE, Segment
from lambda_authorizer.rules.patterns import pattern_of
from lambda_authorizer.rules.tables import View, numbers_of


class Masks:
    """The automaton of one table, built at run time."""

    def __init__(self, rules: RuleSet, table: Table) -> None:
        method = table.methods[0]
        self._view = View(
            rules.routes,
            rules.denials,
            numbers_of(rules.routes, method),
            numbers_of(rules.denials, method),
            list(table.methods),
            {},
            {},
            routes_known=rules.routes_known,
        )

    @classmethod
    def of(cls, rules: RuleSet, table: Table) -> "Masks":
        """Return the masks of a table, built once a rule set."""
        key = f"masks {table.methods[0]}"
        found: Masks | None = rules.made.get(key)
        if found is None:
            found = rules.made[key] = cls(rules, table)
        return found

    def form(self, template: Sequence[Segment], form: Form, values: Sequence[str]) -> Form:
        """Return a form of a template with the masks it has for these values."""
        hits, covers = self._view.automaton.reach(pattern_of(_filled(form.text, values)))
        inside, _ = self._view.automaton.reach(
            tuple(
                MANY if segment == GREEDY else segment
                for segment in _with_values(template, form.positions, values)
            )
        )
        own = tuple((text, self.hits(_filled(text, values))) for text, _ in form.own)
        return Form(form.positions, form.aligned, form.text, hits, covers, inside, own, {})

    def hits(self, text: str) -> int:
        """Return the cells that a text with its values in it hits."""
        return self._view.automaton.reach(pattern_of(text))[0]

    def fence(self, cell: int, bindings: Mapping[int, Sequence[str]]) -> tuple[str, int] | None:
        """Return a cell's fence with the values in it, and what it hits; None where they do not fit it."""
        word = self._view.automaton.cells[cell].word
        if any(at >= len(word) or word[at] not in {VARIABLE, values[0]} for at, values in bindings.items()):
            return None
        text = "/".join(
            BOUND if at in bindings else "*" if part in {VARIABLE, GREEDY} else str(part)
            for at, part in enumerate(word)
        )
        return text, self.hits(_filled(text, [values[0] for _, values in sorted(bindings.items())]))


def _with_values(
    template: Sequence[Segment], positions: Sequence[int], values: Sequence[str]
) -> tuple[Segment, ...]:
    bound = dict(zip(positions, values, strict=True))
    return tuple(bound.get(at, segment) for at, segment in enumerate(template))


def _filled(text: str, values: Sequence[str]) -> str:
    parts = text.split(BOUND)
    return "".join(part + value for part, value in zip(parts, (*values, ""), strict=True))
