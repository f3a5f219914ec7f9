"""Assertions about what a client gets; a failing one tells the whole way of the call."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lambda_authorizer.testing.events import Call
from lambda_authorizer.testing.gateway import Answer

_FIELDS = ("decision", "reason", "rule", "error")


class Front(Protocol):
    """Any simulated front end."""

    handler: Callable[[Any, Any], Any]

    @property
    def call(self) -> Callable[..., Answer]:
        """Make a call."""
        raise NotImplementedError


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
        raise AssertionError(_told("expected to be allowed", api, call, answer, details))
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
        raise AssertionError(_told("expected to be refused", api, call, answer, details))
    if status is not None and answer.status != status:
        raise AssertionError(_told(f"expected to be refused with {status}", api, call, answer, details))
    found = _record(api, answer).get("reason")
    if reason is not None and found != reason:
        raise AssertionError(_told(f"expected the reason {reason}, found {found}", api, call, answer, details))
    return answer


def _record(api: Front, answer: Answer) -> dict[str, Any]:
    """Return what the function recorded of this call; nothing where it was not asked."""
    records = getattr(api.handler, "records", None)
    return dict(records[-1]) if records and answer.invoked else {}


def _told(expected: str, api: Front, call: tuple[Any, ...], answer: Answer, details: Mapping[str, Any]) -> str:
    """Return the message of a failed assertion; it holds no token."""
    record = _record(api, answer)
    fields = [f"{name}={record[name]}" for name in _FIELDS if record.get(name) is not None]
    said = [f"the function recorded: {', '.join(fields)}"] if fields else []
    what = " ".join(str(one) for one in call) or "the call"
    return "\n".join([f"{what}: {expected}", answer.explanation, *said, *_why(api, call, record, details)])


def _why(api: Front, call: tuple[Any, ...], record: Mapping[str, Any], details: Mapping[str, Any]) -> list[str]:
    """Return what the rules say of a refused call, where rules, caller and route are known."""
    rules, token = getattr(api.handler, "rules", None), details.get("token")
    if record.get("reason") != "no_rule_allows" or rules is None or token is None:
        return []
    from lambda_authorizer.testing.why import caller, why

    method, path = _route(call)
    principal = caller(rules, token)
    return [] if principal is None else why(rules, principal, method, path)


def _route(call: tuple[Any, ...]) -> tuple[str, str]:
    """Return method and path of a call, as the rules name them."""
    if not call:
        return "$connect", ""
    first = call[0]
    if isinstance(first, Call):
        return first.method, first.path
    if len(call) > 1 or first in {"CONNECT", "PUBLISH", "SUBSCRIBE"}:
        return first, call[1] if len(call) > 1 else "/"
    method, _, target = first.partition(" ")
    return method, target.partition("?")[0]
