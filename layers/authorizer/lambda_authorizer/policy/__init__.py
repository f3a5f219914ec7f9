"""Grants + ARN → IAM policy document, and the decision asked of the same grants."""

from lambda_authorizer.policy.decide import Decision, decide, denied_fields, route_of

__all__ = ["Decision", "decide", "denied_fields", "route_of"]
