"""Grants + ARN → IAM policy document, and the decision asked of the same grants."""

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy.build import Narrowed, Policy, build_policy, refusal
from lambda_authorizer.policy.decide import Decision, decide, denied_fields, route_of
from lambda_authorizer.rules import RuleSet

__all__ = [
    "Decision",
    "Narrowed",
    "Policy",
    "build_policy",
    "decide",
    "denied_fields",
    "narrowed_here",
    "prepare",
    "refusal",
    "route_of",
]


def prepare(rules: RuleSet) -> None:
    """Make ready at INIT what `build_policy` needs for whole policies."""
    from lambda_authorizer.policy import methods, select  # noqa: F401 - what an invocation would otherwise import
    from lambda_authorizer.policy.build import tables_of
    from lambda_authorizer.policy.decide import tries_of

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
