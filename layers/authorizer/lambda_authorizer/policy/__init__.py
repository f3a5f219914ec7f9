"""Grants + ARN → IAM policy document, and the decision asked of the same grants."""

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy.build import Narrowed, Policy, build_policy, refusal
from lambda_authorizer.policy.decide import Decision, decide, denied_fields, route_of

__all__ = [
    "Decision",
    "Narrowed",
    "Policy",
    "build_policy",
    "decide",
    "denied_fields",
    "narrowed_here",
    "refusal",
    "route_of",
]


def narrowed_here(policy: Policy, arn: ExecuteApiArn) -> bool:
    """True if a policy that was narrowed does not allow this request.

    Asked where `decide` says yes: the reason is then `policy_narrowed`.
    """
    if not policy.narrowed:
        return False
    from lambda_authorizer.policy.lines import allows

    return not allows(policy.document, arn)
