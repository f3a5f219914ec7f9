"""Assertions about what a client gets; a failing one tells the whole way of the call."""

from collections.abc import Callable
from typing import Any, Protocol

from lambda_authorizer.testing.gateway import Answer

_FIELDS = ("decision", "reason", "rule", "error")


class Front(Protocol):
    """Any simulated front end."""

    handler: Callable[[Any, Any], Any]

    @property
    def call(self) -> Callable[..., Answer]:
        """Make a call."""


def assert_allows(api: Front, *call: Any, **details: Any) -> Answer:
    """Assert that a call reaches the backend, and return the client's answer.

    Args:
        api: the simulated front end.
        call: as for its `call`.
        details: as for its `call`.

    Raises:
        AssertionError: it does not; the message explains why.
    """
    __tracebackhide__ = True
    answer = api.call(*call, **details)
    if not answer.allowed:
        raise AssertionError(_told("expected to be allowed", api, call, answer))
    return answer


def assert_denies(
    api: Front, *call: Any, status: int | None = None, reason: str | None = None, **details: Any
) -> Answer:
    """Assert that a call does not reach the backend, and return the client's answer.

    Args:
        api: the simulated front end.
        call: as for its `call`.
        status: what the client must see; any refusal counts where not given.
        reason: the reason that the function must have recorded for this call (`docs/reasons.md`); only where the
            function is an `AuthorizerFunction`, and was asked.
        details: as for the front end's `call`.

    Raises:
        AssertionError: it is allowed, or refused otherwise; the message explains why.
    """
    __tracebackhide__ = True
    answer = api.call(*call, **details)
    if answer.allowed:
        raise AssertionError(_told("expected to be refused", api, call, answer))
    if status is not None and answer.status != status:
        raise AssertionError(_told(f"expected to be refused with {status}", api, call, answer))
    found = _record(api, answer).get("reason")
    if reason is not None and found != reason:
        raise AssertionError(_told(f"expected the reason {reason}, found {found}", api, call, answer))
    return answer


def _record(api: Front, answer: Answer) -> dict[str, Any]:
    """Return what the function recorded of this call; nothing where it was not asked."""
    records = getattr(api.handler, "records", None)
    return dict(records[-1]) if records and answer.invoked else {}


def _told(expected: str, api: Front, call: tuple[Any, ...], answer: Answer) -> str:
    """Return the message of a failed assertion; it holds no token."""
    record = _record(api, answer)
    fields = [f"{name}={record[name]}" for name in _FIELDS if record.get(name) is not None]
    said = [f"the function recorded: {', '.join(fields)}"] if fields else []
    what = " ".join(str(one) for one in call) or "the call"
    return "\n".join([f"{what}: {expected}", answer.explanation, *said])
