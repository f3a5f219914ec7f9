"""Write the answer: one function per form, one table that says which.

Laws of this file:
- A refusal by policy is an explicit Deny on a concrete Resource: silence loses to a resource policy that allows.
- No member is null, no list of statements or resources is empty; a gateway answers 500 to either.
- An answer that could be too large for the front end is not cut; it becomes a Deny with its own reason.
- Answers may be kept and changed by whoever called us; nothing in them is shared with the next call.
"""

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from typing import Any, Final

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.errors import EventError
from lambda_authorizer.response.outcomes import Form, FrontEnd

Document = Mapping[str, Any]
Reply = dict[str, Any]

ANONYMOUS_ID: Final = "anonymous"
ACTION: Final = "execute-api:Invoke"
_NOTHING: Final[Mapping[str, Any]] = {}
_COMPACT: Final = JSONEncoder(separators=(",", ":")).encode  # `dumps` would make one each time
_POLICY_FRONT_ENDS: Final = ("rest", "http-1.0", "http-2.0", "websocket")


class Answer:
    """Everything that an answer may say; each front end takes what it can carry."""

    __slots__ = ("context", "denied_fields", "document", "principal_id", "ttl", "usage_key")

    def __init__(  # noqa: PLR0913 - one name for each thing an answer may say
        self,
        principal_id: str = ANONYMOUS_ID,
        document: Document | None = None,
        context: Mapping[str, Any] = _NOTHING,
        usage_key: str | None = None,
        *,
        denied_fields: Sequence[str] = (),
        ttl: int = 0,
    ) -> None:
        self.principal_id: Final = principal_id
        self.document: Final = document  # None: everything is denied
        self.context: Final = context  # as `carried` gives it
        self.usage_key: Final = usage_key
        self.denied_fields: Final = denied_fields
        self.ttl: Final = ttl  # seconds; AppSync only


def render(form: Form, front_end: FrontEnd, answer: Answer, arn: ExecuteApiArn | None) -> Reply:
    """Return the answer in the shape that the front end understands.

    Raises:
        EventError: the form has no answer at all (`unauthorized` and `error` are raised by the caller).
    """
    if front_end == "http-simple" and form in ("yes", "no"):
        return {"isAuthorized": form == "yes", "context": own_value(answer.context)}
    if front_end == "appsync" and form in ("yes", "no"):
        return {
            "isAuthorized": form == "yes",
            # Generated resolvers refuse everybody where this is missing.
            "resolverContext": dict(answer.context),
            "deniedFields": list(answer.denied_fields),
            "ttlOverride": answer.ttl,
        }
    if front_end == "appsync-events" and form in ("yes", "no"):
        # AWS does not say what the cache of an Event API tells apart, so nothing is kept there.
        return {
            "isAuthorized": form == "yes",
            "handlerContext": dict(answer.context),
            "ttlOverride": 0,
        }
    if arn is None or form not in ("policy", "deny") or front_end not in _POLICY_FRONT_ENDS:
        raise EventError("this front end has no such answer")
    document = None if form == "deny" else answer.document
    reply: Reply = {
        "principalId": answer.principal_id or ANONYMOUS_ID,
        "policyDocument": deny_all(arn) if document is None else own_copy(document),
        "context": own_value(answer.context),
    }
    if answer.usage_key is not None and document is not None:
        reply["usageIdentifierKey"] = answer.usage_key
    return reply


def deny_all(arn: ExecuteApiArn) -> dict[str, Any]:
    """Return the document that refuses everything of this API's stage."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": ACTION, "Resource": [arn.prefix + "*"]}],
    }


def own_copy(document: Document) -> dict[str, Any]:
    """Return a document that shares no list with the one that is kept."""
    statements = [
        {name: list(value) if isinstance(value, list) else value for name, value in statement.items()}
        for statement in document["Statement"]
    ]
    return {"Version": document["Version"], "Statement": statements}


def own_value(value: Any) -> Any:
    """Return a JSON value that shares no list and no object with the one that is kept."""
    if isinstance(value, str):  # most are, and to ask for a Mapping costs more than the copy
        return value
    if isinstance(value, Mapping):
        return {name: own_value(item) for name, item in value.items()}
    return [own_value(item) for item in value] if isinstance(value, list) else value


def allows_anything(document: Document) -> bool:
    """Say whether any call could pass under a document."""
    return any(statement["Effect"] == "Allow" for statement in document["Statement"])


def size(value: object) -> int:
    """Return the bytes of a value as JSON, at most too many: every character beyond ASCII counts as its escape."""
    return len(_COMPACT(value))
