"""Grants + ARN → IAM policy document.

Laws of this file: a refusal is an explicit Deny; no empty list, no null; nothing of the request's path is ever
written; every policy with a wildcard denies odd paths first. `Allow` with NotResource is never written. Where
several methods have the same patterns, they stand once, behind one `*` or a row of `?`: `???` is GET and PUT,
`????` HEAD and POST and nothing else, because a method is followed by a slash and no other method has so many
letters (`GET/` before a second slash is an odd path, denied first); `*` also takes slashes, so it is written only
where every request that it reaches under any method may be reached.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import json
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.policy import decide, deciding_routes
from lambda_authorizer.rules.model import GREEDY, METHODS, VARIABLE, Route, Segment, bits, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambda_authorizer.arn import ExecuteApiArn
    from lambda_authorizer.policy.table import Corner, Lines, Table
    from lambda_authorizer.rules import Grants, RuleSet

ACTION: Final = "execute-api:Invoke"
LONGEST_RESOURCE: Final = 512
LARGEST_POLICY: Final = 6 * 1024
_MOST_CACHED: Final = 256
_MOST_STRICTER: Final = 24
_SAME_LENGTH: Final = (("GET", "PUT"), ("HEAD", "POST"))

# Paths that belong to no route, whatever the routes are (`policy.is_odd`). They stand behind any API and stage.
ODD: Final = (
    "*%2F*", "*%2f*", "*%5C*", "*%5c*", "*%2E*", "*%2e*", "*//*", "*/./*", "*/.", "*/../*", "*/..",
    "*%0*", "*%1*", "*%7F*", "*%7f*", "*\\*",
)  # fmt: skip


class Narrowed:
    """A corner in words: what the rules allow and this policy denies."""

    __slots__ = ("because", "methods", "routes", "whole", "why")

    def __init__(
        self, methods: tuple[str, ...], routes: tuple[str, ...], because: tuple[str, ...], *, whole: bool, why: str
    ) -> None:
        self.methods = methods
        self.routes = routes  # "GET /orders/{id}"
        self.because = because
        self.whole = whole
        self.why = why  # "wildcard", "resource_too_long" or "policy_too_large"


class Policy:
    """A policy document, and what had to be left out of it."""

    __slots__ = ("document", "narrowed")

    def __init__(self, document: dict[str, Any], narrowed: tuple[Narrowed, ...]) -> None:
        self.document = document
        self.narrowed = narrowed


def build_policy(
    grants: Grants,
    arn: ExecuteApiArn,
    *,
    whole: bool = True,
    resource_policy: bool = False,
    largest: int = LARGEST_POLICY,
) -> Policy:
    """Return the policy of one caller.

    Args:
        grants: what the caller may do.
        arn: of the call, for partition, API and stage; its path is used only to find the called route.
        whole: cover the whole API (the answer is cached, or may be); otherwise the called route only.
        resource_policy: the API has a resource policy, so silence could turn into Allow: spell refusals out.
        largest: bytes of the document at most.
    """
    rules = grants.rules
    key = (grants.key, arn.prefix, arn.method == "$connect", resource_policy, largest) if whole else None
    if key is not None and key in rules.cache:
        found: Policy = rules.cache[key]
        return found
    if arn.method == "$connect":
        policy = _connect(grants, arn)
    elif whole:
        policy = _fitting(grants, arn, largest, resource_policy=resource_policy or rules.resource_policy)
    else:
        policy = _called(grants, arn)
    if key is not None:
        if len(rules.cache) >= _MOST_CACHED:
            rules.cache.clear()
        rules.cache[key] = policy
    return policy


def refusal(arn: ExecuteApiArn) -> dict[str, Any]:
    """Return the document that denies the whole stage, explicitly."""
    return _document([], [arn.prefix + "*"])


def _connect(grants: Grants, arn: ExecuteApiArn) -> Policy:
    if not decide(grants, "$connect", "").allowed:
        return Policy(refusal(arn), ())
    return Policy(_document([arn.prefix + "$connect"], []), ())


def tables_of(rules: RuleSet) -> list[Table]:
    """Return the rule set's tables, made ready when first asked for."""
    tables: list[Table] | None = rules.made.get("tables")
    if tables is None:
        from lambda_authorizer.policy import table as made  # a function that keeps nothing needs no tables

        tables = rules.made["tables"] = [made.Table(table) for table in rules.tables]
    return tables


def _whole(rules: RuleSet, arn: ExecuteApiArn, selected: Sequence[Lines], *, resource_policy: bool) -> Policy:
    """Return the document of the patterns that were selected for each table."""
    narrowed = [_worded(rules, corner) for lines in selected for corner in lines.corners]
    allow, deny = across_methods(tables_of(rules), selected, routes_known=rules.routes_known)
    allow = [arn.prefix + text for text in allow]
    deny = [_anywhere(arn) + f"{arn.api_id}/{arn.stage}/{text}" for text in deny]
    too_long = [resource for resource in allow if len(resource) > LONGEST_RESOURCE]
    if too_long:
        allow = [resource for resource in allow if len(resource) <= LONGEST_RESOURCE]
        narrowed.append(Narrowed((), (), (), whole=False, why="resource_too_long"))
    deny = [resource if len(resource) <= LONGEST_RESOURCE else _cut(resource) for resource in deny]
    if not allow:
        return Policy(refusal(arn), tuple(narrowed))
    document = _document(allow, _with_odd(arn, allow, deny), closed=resource_policy)
    return Policy(document, tuple(narrowed))


def across_methods(
    tables: Sequence[Table], selected: Sequence[Lines], *, routes_known: bool
) -> tuple[list[str], list[str]]:
    """Return Allow and Deny patterns with their methods, merged over methods where that is exact."""
    named = sum(len(table.methods) for table in tables)
    # A method that no route has: where requests of no route count, `*` must not reach it.
    every = routes_known or named == len(METHODS)
    allow = _methods_of(selected, [lines.allow for lines in selected])
    deny = _methods_of(selected, [lines.deny for lines in selected])

    def may_allow(text: str) -> bool:
        return every and all(
            (hits := table.behind_any_method(text)) is not None and not hits & ~lines.reachable
            for table, lines in zip(tables, selected, strict=True)
        )

    def may_deny(text: str) -> bool:
        return all(
            (hits := table.behind_any_method(text)) is not None and not hits & lines.allowed
            for table, lines in zip(tables, selected, strict=True)
        )

    # A row of `?` is a wildcard, and a policy with one needs lines against odd paths: not for a few literals.
    rows = any("*" in text for text in allow)
    return (
        [
            line
            for text, methods in allow.items()
            for line in _written(text, methods, wide=may_allow(text), rows=rows)
        ],
        [
            line
            for text, methods in deny.items()
            for line in _written(text, methods, wide=may_deny(text), rows=rows)
        ],
    )


def _methods_of(selected: Sequence[Lines], texts: Sequence[Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for lines, listed in zip(selected, texts, strict=True):
        for text in listed:
            found.setdefault(text, []).extend(lines.methods)
    return found


def _written(text: str, methods: Sequence[str], *, wide: bool, rows: bool) -> list[str]:
    if wide and len(methods) > 1:
        return [f"*/{text}"]
    left = list(methods)
    written = []
    for pair in _SAME_LENGTH if rows else ():
        if all(method in left for method in pair):
            written.append("?" * len(pair[0]) + f"/{text}")
            left = [method for method in left if method not in pair]
    return written + [f"{method}/{text}" for method in left]


def size_of(document: dict[str, Any]) -> int:
    """Return the bytes of a document as the answer carries it."""
    return len(json.dumps(document, separators=(",", ":")))


def _fitting(grants: Grants, arn: ExecuteApiArn, largest: int, *, resource_policy: bool) -> Policy:
    """Return the policy for the whole API, or for as much of it as fits: the costliest lines go first."""
    from lambda_authorizer.policy.select import select

    tables = tables_of(grants.rules)
    lost = 0
    finely = True
    while True:
        selected = [select(table, grants.without(lost) if lost else grants, finely=finely) for table in tables]
        policy = _whole(grants.rules, arn, selected, resource_policy=resource_policy)
        excess = size_of(policy.document) - largest
        if excess <= 0 or not any(lines.allow for lines in selected):
            break
        if not finely:
            lost |= _costliest(tables, selected, len(arn.prefix), excess)
        finely = False
    if not lost:
        return policy
    routes = tuple(grants.rules.routes[number].text for number in bits(lost))
    return Policy(
        policy.document, (*policy.narrowed, Narrowed((), routes, (), whole=True, why="policy_too_large"))
    )


def _costliest(tables: Sequence[Table], selected: Sequence[Lines], prefix: int, excess: int) -> int:
    """Return the routes, one bit each, of the Allow lines with most bytes a route; of equals, the last.

    Their fences go with them, so lines of half the excess are taken at a time.
    """
    found = []
    for table, lines in zip(tables, selected, strict=True):
        for text, cells in lines.allow.items():
            routes = 0
            for needs, mine in zip(table.needs, table.mine, strict=True):
                if mine & cells:
                    # Of routes that only together grant a request, one is enough to lose it.
                    routes |= 1 << needs.bit_length() - 1
            size = (prefix + len(text)) * len(lines.methods)
            found.append((size / max(1, routes.bit_count()), routes, size))
    found.sort(reverse=True)
    lost = taken = 0
    for _, routes, size in found:
        lost |= routes
        taken += size
        if 2 * taken >= excess:
            break
    return lost


def _cut(resource: str) -> str:
    """Return a wider Deny that fits: what it adds is narrower, never wider."""
    return resource[: LONGEST_RESOURCE - 1] + "*"


def _with_odd(arn: ExecuteApiArn, allow: Sequence[str], deny: Sequence[str]) -> list[str]:
    if not any("*" in resource or "?" in resource for resource in allow):
        return list(deny)
    return [*deny, *(_anywhere(arn) + text for text in ODD)]


def _anywhere(arn: ExecuteApiArn) -> str:
    """Return how a Deny line begins: shorter than the API's own ARN, and if it reaches further, it only denies."""
    return f"arn:{arn.partition}:execute-api:*:*:"


def _called(grants: Grants, arn: ExecuteApiArn) -> Policy:
    """Return the policy for the called route only: its template, and fences around what lies beyond it."""
    found = deciding_routes(grants, arn.method, arn.path)
    if found is None:
        return Policy(refusal(arn), ())
    template, bindings = found
    elements = ["?*" if isinstance(segment, int) else segment for segment in template]
    deny = []
    for at, segment in enumerate(template):
        if at in bindings:
            elements[at] = bindings[at]
        elif segment == VARIABLE and template[-1] != GREEDY:
            # With an open end, a variable that takes a slash is still a path of this route.
            deny.append(_beyond(template, bindings, at))
    deny += _stricter(grants.rules, arn, template)
    start = f"{arn.prefix}{arn.method}/"
    allow = [start + "/".join(elements)]
    if len(allow[0]) > LONGEST_RESOURCE:
        return Policy(refusal(arn), (Narrowed((), (), (), whole=False, why="resource_too_long"),))
    deny = [start + text for text in deny if len(start + text) <= LONGEST_RESOURCE]
    return Policy(_document(allow, _with_odd(arn, allow, deny)), ())


def _stricter(rules: RuleSet, arn: ExecuteApiArn, template: Sequence[Segment]) -> list[str]:
    """Return fences around the stricter routes inside a template, as far as they leave the called path alone."""
    from lambda_authorizer.policy.lines import matches

    called = Route("http", arn.method, tuple(template), "")
    found: dict[str, None] = {}
    for route in rules.routes:
        inside = route._replace(method=arn.method)
        if (
            route.method not in {arn.method, "ANY"}
            or route.segments == called.segments
            or not within(inside, called)
        ):
            continue
        text = "/".join("*" if isinstance(segment, int) else segment for segment in route.segments)
        if not matches("/" + text, arn.path):
            found[text] = None
    return list(found)[:_MOST_STRICTER]


def _beyond(template: Sequence[Segment], bindings: dict[int, str], at: int) -> str:
    """Return the fence around paths in which the variable at `at` would take a slash."""
    parts = [
        bindings[number] if number in bindings else "*" if isinstance(segment, int) else segment
        for number, segment in enumerate(template)
    ]
    return "/".join([*parts[:at], "*", *parts[at:]])


def _worded(rules: RuleSet, corner: Corner) -> Narrowed:
    return Narrowed(
        corner.methods,
        tuple(rules.routes[number].text for number in corner.lost),
        tuple(rules.routes[number].text for number in corner.because),
        whole=corner.whole,
        why="wildcard",
    )


def _document(allow: Sequence[str], deny: Sequence[str], *, closed: bool = False) -> dict[str, Any]:
    """Return the document; `closed` denies all that is not in an Allow line, where silence might become Allow."""
    statements = []
    if allow:
        statements.append({"Effect": "Allow", "Action": ACTION, "Resource": list(allow)})
    if deny:
        statements.append({"Effect": "Deny", "Action": ACTION, "Resource": list(deny)})
    if closed:
        statements.append({"Effect": "Deny", "Action": ACTION, "NotResource": list(allow)})
    return {"Version": "2012-10-17", "Statement": statements}
