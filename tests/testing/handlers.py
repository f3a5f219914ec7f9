"""Authorizer functions with a known answer, and a recorder of what they were sent."""

from collections.abc import Callable
from typing import Any

API = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/"
HTTP = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/$default/"


def policy(*statements: tuple[str, str], context: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a policy answer from (effect, resource) pairs."""
    answer = {
        "principalId": "c-1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
                for effect, resource in statements
            ],
        },
    }
    return answer | ({} if context is None else {"context": context}) | more


ALLOW_ALL = policy(("Allow", "*"))
DENY_ALL = policy(("Deny", "*"))


class Function:
    """An authorizer function that gives one answer, or raises one error, and remembers its events."""

    def __init__(self, answer: Any = None, error: Exception | None = None) -> None:
        self.answer = answer
        self.error = error
        self.events: list[Any] = []

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer as Lambda would call it."""
        assert context.get_remaining_time_in_millis() > 0
        self.events.append(event)
        if self.error is not None:
            raise self.error
        return self.answer(event) if isinstance(self.answer, Callable) else self.answer
