"""Policy documents judged as IAM judges them; written from AWS's pages, so that it can contradict the builder.

1. An explicit Deny wins, then an Allow, else the answer is no.
2. A malformed document is an error and never an answer: the gateway turns it into a 500. That is a member that is
   null, an empty list, an unknown member, a wrong type, even in a statement that could not change the answer.
3. It imports nothing of the policy builder, and no pattern of it is shared with the builder.

Source: IAM user guide, "Policy evaluation logic" and "JSON policy element reference"; API Gateway developer guide,
"How API Gateway resource policies affect authorization workflow".
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from lambda_authorizer.testing import _conditions, _pattern
from lambda_authorizer.testing._conditions import ContextValue

INVOKE: Final = "execute-api:Invoke"

_MEMBERS = {"Version", "Id", "Statement"}
_STATEMENT_MEMBERS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_RESOURCE_POLICY_MEMBERS = _STATEMENT_MEMBERS | {"Principal"}
_VERSIONS = {"2012-10-17": True, "2008-10-17": False}


class PolicyFormatError(ValueError):
    """The document is not one that IAM accepts; API Gateway answers 500 (AUTHORIZER_CONFIGURATION_ERROR)."""


class Verdict(NamedTuple):
    """What the policies say, and which statement said it."""

    allowed: bool
    explicit_deny: bool
    statement: int | None
    """Index of the deciding statement; None where no statement covers the request."""
    resource_policy: bool = False
    """True if the deciding statement stands in the resource policy."""


class _Statement(NamedTuple):
    """One statement whose shape was checked."""

    allow: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    condition: object
    anyone: bool


class Policy:
    """One checked document, to be asked about many requests."""

    __slots__ = ("_statements", "_variables")

    def __init__(self, document: object, *, resource_policy: bool = False) -> None:
        """Check the document's shape.

        Args:
            document: the decoded JSON.
            resource_policy: its statements name a `Principal`, and Resources may be of the short form
                `execute-api:/stage/METHOD/path`.

        Raises:
            PolicyFormatError: IAM would refuse it.
        """
        if not isinstance(document, dict) or not document.keys() <= _MEMBERS:
            raise PolicyFormatError("the policy is not an object of Version and Statement")
        self._variables = _VERSIONS.get(document.get("Version", "2008-10-17"))
        if self._variables is None:
            raise PolicyFormatError("Version is neither 2012-10-17 nor 2008-10-17")
        found = document.get("Statement")
        statements = [found] if isinstance(found, dict) else found
        if not isinstance(statements, list) or not statements:
            raise PolicyFormatError("Statement is missing or empty")
        self._statements = tuple(_statement(one, resource_policy=resource_policy) for one in statements)

    @property
    def resources(self) -> tuple[str, ...]:
        """Every Resource and NotResource pattern, in order."""
        return tuple(text for one in self._statements for text in one.resources)

    def ask(self, arn: str, *, action: str = INVOKE, context: Mapping[str, ContextValue] | None = None) -> Verdict:
        """Return what this document alone says of one request.

        Args:
            arn: the method ARN of the request.
            action: the action of the request.
            context: the request's condition keys, such as `aws:SourceIp`; names are compared without case.

        Raises:
            PolicyFormatError: a Condition or a policy variable is malformed.
        """
        keys = {name.lower(): value for name, value in (context or {}).items()}

        def lookup(name: str) -> str | None:
            value = keys.get(name.lower())
            return _conditions.as_text(value) if isinstance(value, (str, int, float)) else None

        variables = lookup if self._variables else None
        try:
            # Every statement is judged to its end: a malformed one is an error wherever it stands.
            covering = [
                (index, one.allow)
                for index, one in enumerate(self._statements)
                if _covers(one, arn, action, keys, variables)
            ]
        except ValueError as error:
            raise PolicyFormatError(str(error)) from None
        for index, allow in covering:
            if not allow:
                return Verdict(allowed=False, explicit_deny=True, statement=index)
        if covering:
            return Verdict(allowed=True, explicit_deny=False, statement=covering[0][0])
        return Verdict(allowed=False, explicit_deny=False, statement=None)


def evaluate(  # noqa: PLR0913 - one name for each document and fact that IAM looks at
    document: object,
    arn: str,
    *,
    action: str = INVOKE,
    context: Mapping[str, ContextValue] | None = None,
    resource_policy: object = None,
    cross_account: bool = False,
) -> Verdict:
    """Return whether API Gateway lets the request pass an authorizer's policy and the API's resource policy.

    With a resource policy of the same account one Allow is enough and silence of the other does not matter; across
    accounts both must allow. A Deny of either wins.

    Args:
        document: the `policyDocument` of the authorizer's answer.
        arn: the method ARN of the request.
        action: the action of the request.
        context: the request's condition keys; `aws:CurrentTime` and `aws:EpochTime` are not added by themselves.
        resource_policy: the API's resource policy, decoded; None where it has none.
        cross_account: the authorizer's function stands in another account than the API.

    Raises:
        PolicyFormatError: a document is one that IAM does not accept.
    """
    own = Policy(document).ask(arn, action=action, context=context)
    if resource_policy is None:
        return own
    theirs = Policy(resource_policy, resource_policy=True).ask(arn, action=action, context=context)
    theirs = theirs._replace(resource_policy=theirs.statement is not None)
    if theirs.explicit_deny or own.explicit_deny:
        return theirs if theirs.explicit_deny else own
    if cross_account and not (own.allowed and theirs.allowed):
        return Verdict(allowed=False, explicit_deny=False, statement=None)
    return own if own.allowed else theirs


def _statement(found: object, *, resource_policy: bool) -> _Statement:
    """Return one statement after checking every member of it."""
    members = _RESOURCE_POLICY_MEMBERS if resource_policy else _STATEMENT_MEMBERS
    if not isinstance(found, dict) or not found.keys() <= members:
        raise PolicyFormatError("a statement is not an object of known members")
    if found.get("Effect") not in {"Allow", "Deny"}:
        raise PolicyFormatError("Effect is neither Allow nor Deny")
    if not isinstance(found.get("Sid", ""), str):
        raise PolicyFormatError("Sid is not a string")
    if "Condition" in found and found["Condition"] is None:
        raise PolicyFormatError("Condition is null")
    actions, not_action = _either(found, "Action")
    resources, not_resource = _either(found, "Resource")
    return _Statement(
        allow=found["Effect"] == "Allow",
        actions=actions,
        not_action=not_action,
        resources=resources,
        not_resource=not_resource,
        condition=found.get("Condition"),
        anyone=_anyone(found.get("Principal")) if resource_policy else True,
    )


def _either(found: Mapping[str, object], name: str) -> tuple[tuple[str, ...], bool]:
    """Return the patterns of `Name` or `NotName`, one of which must be there, and whether it is the second."""
    if (name in found) == (f"Not{name}" in found):
        raise PolicyFormatError(f"a statement needs either {name} or Not{name}")
    negated = name not in found
    value = found[f"Not{name}"] if negated else found[name]
    values = value if isinstance(value, list) else [value]
    texts = tuple(one for one in values if isinstance(one, str) and one)
    if not texts or len(texts) != len(values):
        raise PolicyFormatError(f"{name} is neither a string nor a list of strings, or it is empty")
    return texts, negated


def _anyone(principal: object) -> bool:
    """Tell whether a resource policy's Principal takes in a caller whom no AWS identity stands for."""
    if isinstance(principal, str):
        return principal == "*"
    if not isinstance(principal, dict) or not principal:
        raise PolicyFormatError("Principal is missing or malformed")
    named = principal.get("AWS", [])
    return named == "*" or (isinstance(named, list) and "*" in named)


def _covers(
    one: _Statement,
    arn: str,
    action: str,
    keys: Mapping[str, ContextValue],
    variables: _pattern.Lookup | None,
) -> bool:
    """Tell whether the statement is about this request; every element is read even if an earlier one says no."""
    action_named = True in [_action(text, action) for text in one.actions]
    resource_named = True in [_resource(text, arn, variables) for text in one.resources]
    met = one.condition is None or _conditions.holds(one.condition, keys, variables)
    return one.anyone and action_named is not one.not_action and resource_named is not one.not_resource and met


def _action(text: str, action: str) -> bool:
    """Actions compare without case; policy variables are not allowed in them."""
    tokens = _pattern.tokens_of(text.lower(), None)
    return tokens is not None and _pattern.matches(tokens, action.lower())


def _resource(text: str, arn: str, variables: _pattern.Lookup | None) -> bool:
    """Resources compare with case; the short form of a resource policy stands for the request's own API."""
    if text.startswith("execute-api:/"):
        api, _, _ = arn.partition("/")
        text = api + text.removeprefix("execute-api:")
    tokens = _pattern.tokens_of(text, variables)
    return tokens is not None and _pattern.matches_arn(tokens, arn)
