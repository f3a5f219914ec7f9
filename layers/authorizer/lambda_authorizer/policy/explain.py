"""One decision, step by step: which rules reach the request, which conditions are met, which line decided."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy.build import build_policy
from lambda_authorizer.policy.decide import Decision, decide, route_numbers
from lambda_authorizer.policy.lines import Line, deciding_line
from lambda_authorizer.policy.paths import satisfies
from lambda_authorizer.principal import Principal
from lambda_authorizer.rules import Facts, Grants, Rule, RuleSet, grants_for
from lambda_authorizer.rules.grants import condition_met, holds
from lambda_authorizer.rules.words import condition_text


class ConditionExplained(NamedTuple):
    """One condition of one rule."""

    kind: str
    wanted: str
    met: bool | None  # None: it cannot be known


class RuleExplained(NamedTuple):
    """One rule, as this caller and this request meet it."""

    name: str
    effect: str
    reaches: bool  # one of its routes decides about the request
    holds: bool | None
    bound: bool | None  # its `where` fits the request; None without `where`, or where it does not reach
    conditions: tuple[ConditionExplained, ...]


class Explanation(NamedTuple):
    """A decision and its reasons."""

    decision: Decision
    routes: tuple[str, ...]  # the request belongs to
    rules: tuple[RuleExplained, ...]
    line: Line | None  # of the caller's policy for the whole API, where an ARN was given


def explain(
    rules: RuleSet,
    principal: Principal,
    facts: Facts | None,
    method: str,
    path: str,
    *,
    arn: ExecuteApiArn | None = None,
) -> Explanation:
    """Return the decision about one request with its reasons, rule by rule.

    Args:
        rules: the rules.
        principal: the caller.
        facts: of the request, as for `grants_for`.
        method: as for `decide`.
        path: as for `decide`.
        arn: of the API and stage; with it the deciding policy line is found.
    """
    grants = grants_for(rules, principal, facts)
    decision = decide(grants, method, path)
    belongs, denials, segments = route_numbers(rules, method, path)
    explained = []
    for number, rule in enumerate(rules.rules):
        numbers = belongs if rule.effect == "allow" else denials
        reaches = any(target.route in numbers for target in rule.targets)
        explained.append(
            RuleExplained(
                rule.name,
                rule.effect,
                reaches,
                holds(rules, rule, principal, facts),
                _bound(grants, number, rule, numbers, segments) if reaches else None,
                _conditions(rules, rule, principal, facts),
            )
        )
    line = None
    if arn is not None and path.startswith("/"):
        called = arn._replace(method=method, path=path)
        line = deciding_line(build_policy(grants, called, whole=True).document, called)
    return Explanation(decision, tuple(rules.routes[number].text for number in belongs), tuple(explained), line)


def _conditions(
    rules: RuleSet, rule: Rule, principal: Principal, facts: Facts | None
) -> tuple[ConditionExplained, ...]:
    return tuple(
        ConditionExplained(
            kind,
            condition_text(kind, wanted),
            True if kind == "anonymous" else condition_met(rules, kind, wanted, principal, facts),
        )
        for kind, wanted in rule.conditions
    )


def _bound(grants: Grants, number: int, rule: Rule, numbers: list[int], segments: Any) -> bool | None:
    if not any(target.where for target in rule.targets if target.route in numbers):
        return None
    found: Mapping[int, Any] = grants.routes if rule.effect == "allow" else grants.denied
    return any(
        alternative.rule == number and satisfies(alternative.bindings, segments)
        for route in numbers
        for alternative in found.get(route, ())
    )
