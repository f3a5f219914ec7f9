"""A decision, written as the answer that each front end expects."""

from lambda_authorizer.response.context import RESERVED, caller_context, carried
from lambda_authorizer.response.outcomes import FRONT_ENDS, OUTCOMES, Cell, Form, FrontEnd, Outcome, front_end
from lambda_authorizer.response.render import ANONYMOUS_ID, Answer, allows_anything, own_value, render, size

__all__ = [
    "ANONYMOUS_ID",
    "FRONT_ENDS",
    "OUTCOMES",
    "RESERVED",
    "Answer",
    "Cell",
    "Form",
    "FrontEnd",
    "Outcome",
    "allows_anything",
    "caller_context",
    "carried",
    "front_end",
    "own_value",
    "render",
    "size",
]
