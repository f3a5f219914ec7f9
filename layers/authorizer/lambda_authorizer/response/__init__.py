"""A decision, written as the answer that each front end expects: the decision table, as data, and what obeys it.

Laws of this file:
- Nothing that goes wrong allows: only the row `allowed` holds a form that can.
- A caller who is known and may not make this call gets the policy of their own, never a blanket Deny: the gateway
  may keep it and would refuse the caller's other routes with it.
- Only a doubt about the credential says `Unauthorized`.
- A refusal by policy is an explicit Deny on a concrete Resource: silence loses to a resource policy that allows.
- No member is null, no list of statements or resources is empty; a gateway answers 500 to either.
- An answer that could be too large for the front end is not cut; it becomes a Deny with its own reason.
- Answers may be kept and changed by whoever called us; nothing in them is shared with the next call.

`docs/front-ends.md` prints the table.
Sources: API Gateway developer guide, "Output from a Lambda authorizer", "Call an API with Lambda authorizers",
"Lambda authorizers for HTTP APIs"; AppSync developer guide, "AWS_LAMBDA authorization".
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from typing import TYPE_CHECKING, Any, Final, Literal

from lambda_authorizer.errors import EventError

if TYPE_CHECKING:
    from lambda_authorizer.arn import ExecuteApiArn
    from lambda_authorizer.request import Kind

Document = Mapping[str, Any]
Reply = dict[str, Any]
FrontEnd = Literal["rest", "http-1.0", "http-2.0", "http-simple", "websocket", "appsync", "appsync-events"]
Outcome = Literal["allowed", "not_permitted", "unauthorized", "unauthorized_kept", "unavailable", "broken"]
Form = Literal["policy", "deny", "yes", "no", "unauthorized", "error"]
# Form of the answer, and the status that the client sees (None: AWS documents none).
Cell = tuple[Form, int | None]

FRONT_ENDS: Final[tuple[FrontEnd, ...]] = (
    "rest", "http-1.0", "http-2.0", "http-simple", "websocket", "appsync", "appsync-events",
)  # fmt: skip

_ERROR: Final[Mapping[FrontEnd, Cell]] = {
    "rest": ("error", 500),
    "http-1.0": ("error", 500),
    "http-2.0": ("error", 500),
    "http-simple": ("error", 500),
    "websocket": ("error", 500),
    "appsync": ("error", None),
    "appsync-events": ("error", None),
}

OUTCOMES: Final[Mapping[Outcome, Mapping[FrontEnd, Cell]]] = {
    "allowed": {
        "rest": ("policy", 200),
        "http-1.0": ("policy", 200),
        "http-2.0": ("policy", 200),
        "http-simple": ("yes", 200),
        "websocket": ("policy", 101),
        "appsync": ("yes", 200),
        "appsync-events": ("yes", 200),
    },
    # The caller is known and may not make this call.
    "not_permitted": {
        "rest": ("policy", 403),
        "http-1.0": ("policy", 403),
        "http-2.0": ("policy", 403),
        "http-simple": ("no", 403),
        "websocket": ("deny", 403),
        "appsync": ("no", 401),
        "appsync-events": ("no", 401),
    },
    # There is no credential, or it proves nothing.
    "unauthorized": {
        "rest": ("unauthorized", 401),
        "http-1.0": ("deny", 403),
        "http-2.0": ("deny", 403),
        "http-simple": ("no", 403),
        "websocket": ("unauthorized", 401),
        "appsync": ("no", 401),
        "appsync-events": ("no", 401),
    },
    # The same with AUTHORIZER_UNAUTHORIZED=deny: an answer that the gateway keeps, not an error that it does not.
    "unauthorized_kept": {
        "rest": ("deny", 403),
        "http-1.0": ("deny", 403),
        "http-2.0": ("deny", 403),
        "http-simple": ("no", 403),
        "websocket": ("unauthorized", 401),
        "appsync": ("no", 401),
        "appsync-events": ("no", 401),
    },
    # The issuer cannot be asked, which says nothing about the caller.
    "unavailable": _ERROR,
    # Not an event that we know, broken settings, a defect of ours.
    "broken": _ERROR,
}

_FRONT_END_OF: Final[Mapping[Kind, FrontEnd]] = {
    "token": "rest",
    "request": "rest",
    "http-1.0": "http-1.0",
    "http-2.0": "http-2.0",
    "websocket": "websocket",
    "appsync": "appsync",
    "appsync-events": "appsync-events",
}


def front_end(kind: Kind, *, simple: bool) -> FrontEnd:
    """Return the column of an event; the event cannot tell whether HTTP API 2.0 expects a simple answer."""
    return "http-simple" if simple and kind == "http-2.0" else _FRONT_END_OF[kind]


ANONYMOUS_ID: Final = "anonymous"
ACTION: Final = "execute-api:Invoke"
_NOTHING: Final[Mapping[str, Any]] = {}
_COMPACT: Final = JSONEncoder(separators=(",", ":")).encode  # `dumps` would make one each time
_AROUND: Final = 6  # quotes, colon and comma of a member, and its share of the braces
_LONGEST_ESCAPE: Final = 12  # bytes of one character: two escapes of six, where UTF-16 needs two units
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
        {name: value if type(value) is str else list(value) for name, value in statement.items()}
        for statement in document["Statement"]
    ]
    return {"Version": document["Version"], "Statement": statements}


def own_value(value: Any) -> Any:
    """Return a JSON value that shares no list and no object with the one that is kept."""
    if isinstance(value, dict):
        return {name: item if type(item) is str else own_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [item if type(item) is str else own_value(item) for item in value]
    # To ask for a Mapping costs more than all of the above, and there is none where JSON was read.
    if value is None or isinstance(value, str | int | float) or not isinstance(value, Mapping):
        return value
    return {name: own_value(item) for name, item in value.items()}


def allows_anything(document: Document) -> bool:
    """Say whether any call could pass under a document."""
    for statement in document["Statement"]:  # noqa: SIM110 - asked for each call, and a generator costs as much again
        if statement["Effect"] == "Allow":
            return True
    return False


def size(value: object) -> int:
    """Return the bytes of a value as JSON, at most too many: every character beyond ASCII counts as its escape."""
    return len(_COMPACT(value))


def is_larger(context: Mapping[str, Any], most: int) -> bool:
    """Say whether `size` of a context is above a bound, without writing it where so few characters cannot be."""
    characters = 0
    for name, value in context.items():
        if type(value) is not str:
            return size(context) > most
        characters += len(name) + len(value) + _AROUND
    return characters * _LONGEST_ESCAPE > most and size(context) > most
