"""Grants + ARN → IAM policy document, and the decision asked of the same grants."""

from lambda_authorizer.policy.build import Narrowed, Policy, build_policy, refusal
from lambda_authorizer.policy.decide import Decision, decide, denied_fields, route_of

__all__ = [
    "Decision",
    "Narrowed",
    "Policy",
    "build_policy",
    "decide",
    "denied_fields",
    "refusal",
    "route_of",
]
