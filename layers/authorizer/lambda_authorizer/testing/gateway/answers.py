"""The function's answer, checked as the gateway checks it, and turned into what the backend gets."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from lambda_authorizer.testing.gateway.model import MalformedAnswer
from lambda_authorizer.testing.iam import Policy, PolicyFormatError

_MAX_RESOURCE: Final = 512
_MAX_WEBSOCKET: Final = 8192


class PolicyAnswer(NamedTuple):
    """A well-formed policy answer."""

    principal: str
    document: Any
    policy: Policy
    context: Mapping[str, Any]
    usage_key: str | None


class SimpleAnswer(NamedTuple):
    """A well-formed simple answer."""

    authorized: bool
    context: Mapping[str, Any] | None


class AppSyncAnswer(NamedTuple):
    """A well-formed AppSync answer."""

    authorized: bool
    context: Mapping[str, Any]
    denied_fields: tuple[str, ...]
    ttl: int | None


def policy_answer(output: object, *, typed_context: bool) -> PolicyAnswer:
    """Return the answer in policy form.

    Args:
        output: what the function answered.
        typed_context: lists and objects are allowed in the context (payload 2.0).

    Raises:
        MalformedAnswer: the gateway would answer 500.
    """
    if not isinstance(output, dict):
        raise MalformedAnswer("the answer is not an object", "answer.policy")
    principal = output.get("principalId")
    if not isinstance(principal, str) or not principal:
        raise MalformedAnswer("principalId is not a string with something in it", "answer.principal")
    document = output.get("policyDocument")
    try:
        policy = Policy(document)
        # Conditions and policy variables are read per request; a malformed one must not wait for that.
        policy.ask("")
    except PolicyFormatError as error:
        raise MalformedAnswer(f"policyDocument: {error}", "answer.policy") from None
    if any(len(one) > _MAX_RESOURCE for one in policy.resources):
        raise MalformedAnswer(f"a Resource is longer than {_MAX_RESOURCE} characters", "answer.resource")
    context = output.get("context") or {}
    if not isinstance(context, dict):
        raise MalformedAnswer("context is not an object", "answer.context")
    if not typed_context and any(isinstance(value, (list, dict)) for value in context.values()):
        raise MalformedAnswer("a context value is a list or an object", "answer.context")
    usage_key = output.get("usageIdentifierKey")
    return PolicyAnswer(principal, document, policy, context, usage_key if isinstance(usage_key, str) else None)


def simple_answer(output: object) -> SimpleAnswer:
    """Return the answer in simple form.

    Raises:
        MalformedAnswer: `isAuthorized` is not a boolean, or there is none.
    """
    if not isinstance(output, dict) or not isinstance(output.get("isAuthorized"), bool):
        raise MalformedAnswer("isAuthorized is not a boolean", "http.simple.shape")
    context = output.get("context")
    if context is not None and not isinstance(context, dict):
        raise MalformedAnswer("context is not an object", "http.simple.shape")
    return SimpleAnswer(output["isAuthorized"], context)


def appsync_answer(output: object, *, context_name: str) -> AppSyncAnswer:
    """Return an AppSync answer.

    Args:
        output: what the function answered.
        context_name: `resolverContext`, or `handlerContext` for Events.

    Raises:
        MalformedAnswer: a member has another type than AppSync takes.
    """
    if not isinstance(output, dict) or not isinstance(output.get("isAuthorized"), bool):
        raise MalformedAnswer("isAuthorized is not a boolean", "appsync.error")
    context = output.get(context_name) or {}
    if not isinstance(context, dict) or any(isinstance(value, (list, dict)) for value in context.values()):
        raise MalformedAnswer(f"{context_name} is not an object of plain values", "appsync.error")
    denied = output.get("deniedFields") or []
    if not isinstance(denied, list) or not all(isinstance(one, str) for one in denied):
        raise MalformedAnswer("deniedFields is not a list of names", "appsync.error")
    ttl = output.get("ttlOverride")
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int) or ttl < 0):
        raise MalformedAnswer("ttlOverride is not a number of seconds", "appsync.error")
    return AppSyncAnswer(output["isAuthorized"], context, tuple(denied), ttl)


def check_websocket_size(output: object) -> None:
    """Refuse an answer that a WebSocket API does not take.

    Raises:
        MalformedAnswer: it is over 8 KB.
    """
    if len(json.dumps(output, separators=(",", ":")).encode()) > _MAX_WEBSOCKET:
        raise MalformedAnswer("the answer is over 8 KB", "websocket.size")


def text_context(answer: PolicyAnswer) -> dict[str, Any]:
    """Return `requestContext.authorizer` of REST, WebSocket and payload 1.0: everything as text."""
    return {
        **{name: _as_text(value) for name, value in answer.context.items()},
        "principalId": answer.principal,
        "integrationLatency": 0,
    }


def _as_text(value: object) -> object:
    """Return a context value as the backend gets it; null stays null."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
