"""Grants + one request → decision; `build` writes the same grants as an IAM policy document.

Laws of this file, in this order: an odd path is refused; a deny that reaches the request refuses it; the request
belongs to the most specific routes that match it, and each of them must grant it; what matches no route is
refused. A path is text, compared as it stands and never decoded; one that some server on the way might read as
another path (`odd`) belongs to no route.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.rules.model import (
    GREEDY,
    METHODS,
    ODD_ESCAPES,
    VARIABLE,
    Alternative,
    Route,
    Segment,
    within,
)
from lambda_authorizer.tokens import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lambda_authorizer.arn import ExecuteApiArn
    from lambda_authorizer.policy.build import Policy
    from lambda_authorizer.rules import Grants, RuleSet

_VARIABLE: Final = str(VARIABLE)
_GREEDY: Final = str(GREEDY)


class Decision(Record):
    """May this caller make this call, and why.

    Args:
        allowed: the answer.
        reason: "allowed", "no_rule_allows", "denied_by_rule", "path_refused", "policy_narrowed".
        rule: name of the rule that decided.
    """

    __slots__ = ("allowed", "reason", "rule")

    def __init__(self, allowed: bool, reason: str, rule: str | None = None) -> None:  # noqa: FBT001 - the answer
        self.allowed: Final = allowed
        self.reason: Final = reason
        self.rule: Final = rule

    def __repr__(self) -> str:
        return f"Decision({self.allowed!r}, {self.reason!r}, {self.rule!r})"


PATH_REFUSED = Decision(False, "path_refused")
NO_RULE_ALLOWS = Decision(False, "no_rule_allows")


def decide(grants: Grants, method: str, path: str) -> Decision:
    """Return the decision about one request.

    Args:
        grants: what the caller may do.
        method: "GET" with "/orders/1"; "$connect" with ""; "PUBLISH" with "/namespace/channel"; "" for GraphQL.
        path: the path as it was sent, or the GraphQL field ("Query.orders").
    """
    rules = grants.rules
    segments = _segments(method, path)
    if segments is None:
        return PATH_REFUSED
    if method == "SUBSCRIBE" and "*" in path:
        return _subscribe_below(grants, segments if segments[-1] else segments[:-1])
    if grants.shut or grants.closed:
        for number in tries_of(rules)[1].reaching(method, segments):
            if grants.shut >> number & 1 or _satisfied(grants.closed.get(number, ()), segments) is not None:
                return Decision(False, "denied_by_rule", _denier(grants, number, segments))
    givers = []
    for number in deciding(rules.routes, tries_of(rules)[0], method, segments):
        giver = _giver(grants, number, segments)
        if giver is None:
            return NO_RULE_ALLOWS
        givers.append(giver)
    return Decision(True, "allowed", rules.rules[givers[0]].name) if givers else NO_RULE_ALLOWS


def _giver(grants: Grants, route: int, segments: Sequence[str]) -> int | None:
    """Return the first rule that grants a route to a path; None where none does."""
    if grants.open >> route & 1:
        return grants.rule_of(route)
    alternative = _satisfied(grants.bound.get(route, ()), segments)
    return None if alternative is None else alternative.rule


def _satisfied(alternatives: Sequence[Alternative], segments: Sequence[str]) -> Alternative | None:
    """Return the first alternative whose values a path has."""
    return next((one for one in alternatives if satisfies(one.bindings, segments)), None)


def _denier(grants: Grants, pattern: int, segments: Sequence[str]) -> str:
    """Return the name of the rule that denies a path by a pattern; some rule must."""
    rule = next(one.rule for one in grants.denied[pattern] if satisfies(one.bindings, segments))
    return grants.rules.rules[rule].name


def deciding_routes(grants: Grants, method: str, path: str) -> tuple[Sequence[Segment], dict[int, str]] | None:
    """Return, for an allowed request, the template of the routes that decide it and the values that bind it."""
    rules = grants.rules
    segments = _segments(method, path)
    if segments is None or not decide(grants, method, path).allowed:
        return None
    numbers = deciding(rules.routes, tries_of(rules)[0], method, segments)
    bindings: dict[int, str] = {}
    for number in numbers:
        if grants.open >> number & 1:
            continue
        alternative = _satisfied(grants.bound[number], segments)
        for at, spelled in alternative.bindings if alternative else ():
            bindings[at] = spelled[spelled.index(segments[at])]
    templates = [rules.routes[number].segments for number in numbers]
    template = templates[0]
    if len(templates) > 1:
        from lambda_authorizer.rules.automaton import meet  # incomparable routes only

        template = meet(templates)
    if not segments[-1] and template[-1] not in {GREEDY, ""}:
        template = (*template, "")
    return template, bindings


def _segments(method: str, path: str) -> Sequence[str] | None:
    if method == "" or method.startswith("$"):
        return (path,)
    if method == "CONNECT" and path == "":
        return ("",)
    return split(path)


def tries_of(rules: RuleSet) -> tuple[Trie, Trie]:
    """Return the routes and the deny patterns of a rule set by segments, made ready when first asked for."""
    tries: tuple[Trie, Trie] | None = rules.made.get("tries")
    if tries is None:
        routes, denials = rules.tries
        tries = rules.made["tries"] = Trie(routes), Trie(denials)
    return tries


def _subscribe_below(grants: Grants, segments: Sequence[str]) -> Decision:
    """Decide about `SUBSCRIBE /namespace/*`, which delivers every channel below, now and later.

    A greedy route must grant everything below without bounds, and whatever else is named below must be granted
    too.
    """
    rules = grants.rules
    prefix = segments[:-1]
    if segments[-1] != "*" or any("*" in segment for segment in prefix):
        return NO_RULE_ALLOWS  # no wildcard that Event APIs know
    rule: str | None = None
    for number, route in enumerate(rules.routes):
        if route.method != "SUBSCRIBE" or not _meets_below(route, prefix):
            continue
        if not grants.open >> number & 1:
            return NO_RULE_ALLOWS
        if route.segments[-1] == GREEDY and len(route.segments) <= len(segments):
            rule = rules.rules[grants.rule_of(number)].name
    for number, found in grants.denied.items():
        if rules.denials[number].method == "SUBSCRIBE" and _meets_below(rules.denials[number], prefix):
            return Decision(False, "denied_by_rule", rules.rules[found[0].rule].name)
    return Decision(True, "allowed", rule) if rule else NO_RULE_ALLOWS


def _meets_below(route: Route, prefix: Sequence[str]) -> bool:
    """True if the route matches some channel below the prefix."""
    for at, segment in enumerate(prefix):
        if at >= len(route.segments):
            return False
        if route.segments[at] == GREEDY:
            return True
        if isinstance(route.segments[at], str) and route.segments[at] != segment:
            return False
    return len(route.segments) > len(prefix)


def denied_fields(grants: Grants, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the GraphQL fields ("Query.orders") that the caller may not resolve, in the given order."""
    return tuple(field for field in fields if not decide(grants, "", field).allowed)


def route_numbers(rules: RuleSet, method: str, path: str) -> tuple[list[int], list[int], Sequence[str]]:
    """Return the routes a request belongs to, the deny patterns that reach it, and its segments."""
    segments = _segments(method, path)
    if segments is None:
        return [], [], ()
    denials = tries_of(rules)[1].reaching(method, segments)
    return deciding(rules.routes, tries_of(rules)[0], method, segments), denials, segments


def route_of(rules: RuleSet, method: str, path: str) -> tuple[tuple[str, str], ...]:
    """Return method and template of the routes a request belongs to: none, one, or several incomparable ones."""
    segments = _segments(method, path)
    if segments is None:
        return ()
    numbers = deciding(rules.routes, tries_of(rules)[0], method, segments)
    return tuple((rules.routes[number].method, rules.routes[number].text.partition(" ")[2]) for number in numbers)


def is_odd(path: str) -> bool:
    """True for a path that belongs to no route, whatever the routes are.

    Those hold a backslash, an encoded slash, backslash, dot or control character, a dot segment, an empty segment,
    a control character, a blank, or anything outside ASCII. A trailing slash is not odd: it makes another path.
    """
    if not path.isascii() or not path.isprintable() or " " in path or "\\" in path:
        return True
    if "//" in path or "/." in path:
        if "//" in path:
            return True
        if any(segment in {".", ".."} for segment in path.split("/")):
            return True
    if "%" in path:
        lower = path.lower()
        return any(escape in lower for escape in ODD_ESCAPES)
    return False


def split(path: str) -> list[str] | None:
    """Return the segments of a path, one empty segment for the root; None for an odd path."""
    if not path.startswith("/") or is_odd(path):
        return None
    return path[1:].split("/")


class Trie:
    """The routes of one kind, found by segments in time that does not grow with their number."""

    __slots__ = ("_root",)

    def __init__(self, root: Mapping[str, Any]) -> None:
        """Take what `rules.tables.trie_of` made."""
        self._root = root

    def matching(self, method: str, segments: Sequence[str]) -> list[int]:
        """Return the numbers of all routes whose template matches the request, in no order."""
        found: list[int] = []
        self._walk(self._root, method, segments, 0, found)
        return found

    def reaching(self, method: str, segments: Sequence[str]) -> list[int]:
        """Return what matches, and what matches without a trailing slash: for deny patterns."""
        found = self.matching(method, segments)
        if len(segments) > 1 and not segments[-1]:
            found += [number for number in self.matching(method, segments[:-1]) if number not in found]
        return found

    def _walk(
        self, node: Mapping[str, Any], method: str, segments: Sequence[str], at: int, found: list[int]
    ) -> None:
        if at == len(segments):
            self._collect(node, method, found)
            return
        segment = segments[at]
        literal = node.get("/" + segment)
        if literal is not None:
            self._walk(literal, method, segments, at + 1, found)
        if segment:
            if _VARIABLE in node:
                self._walk(node[_VARIABLE], method, segments, at + 1, found)
            if _GREEDY in node:
                self._collect(node[_GREEDY], method, found)

    @staticmethod
    def _collect(node: Mapping[str, Any], method: str, found: list[int]) -> None:
        ends = node.get("")
        if ends is None:
            return
        if method in ends:
            found.append(ends[method])
        if "ANY" in ends and method in METHODS:
            found.append(ends["ANY"])


def most_specific(routes: Sequence[Route], numbers: Sequence[int]) -> list[int]:
    """Return, of routes that match one request, those that no other is more specific than."""
    if len(numbers) < 2:  # noqa: PLR2004 - one route is the most specific of itself
        return list(numbers)
    return sorted(
        number
        for number in numbers
        if not any(other != number and within(routes[other], routes[number]) for other in numbers)
    )


def satisfies(bindings: Iterable[tuple[int, tuple[str, ...]]], segments: Sequence[str]) -> bool:
    """True if each bound segment has one of its spellings."""
    return all(segments[at] in spelled for at, spelled in bindings)


def deciding(routes: Sequence[Route], trie: Trie, method: str, segments: Sequence[str]) -> list[int]:
    """Return the routes a request belongs to, all of which must grant it.

    A trailing slash that no route spells belongs to an open end `{name+}`; the routes of the path without it must
    grant it too, because API Gateway sends both to the same place.
    """
    matching = trie.matching(method, segments)
    found = most_specific(routes, matching)
    if (
        len(segments) > 1
        and not segments[-1]
        and not any(routes[number].segments[-1] == "" for number in matching)
    ):
        without = most_specific(routes, trie.matching(method, segments[:-1])) if found else []
        return sorted({*found, *without})
    return found


def prepare(rules: RuleSet) -> None:
    """Make ready at INIT what `build_policy` needs for whole policies."""
    from lambda_authorizer.policy import select  # noqa: F401 - what an invocation would otherwise import
    from lambda_authorizer.policy.build import tables_of

    tables_of(rules)
    tries_of(rules)


def narrowed_here(policy: Policy, arn: ExecuteApiArn) -> bool:
    """True if a policy that was narrowed does not allow this request.

    Asked where `decide` says yes: the reason is then `policy_narrowed`.
    """
    if not policy.narrowed:
        return False
    from lambda_authorizer.policy.lines import allows

    return not allows(policy.document, arn)
