"""Execute-api ARNs of every partition: read, never built from parts that the ARN does not hold.

The text is `arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{METHOD}/{path}`, for a WebSocket API
`…:{api}/{stage}/$connect`. The path is the client's own text and may hold `:` and `/`, so the split is bounded
(splitting on the last colon has granted wrong resources elsewhere).
Source: API Gateway developer guide, "ARN format reference".
"""

from functools import lru_cache
from typing import NamedTuple

from lambda_authorizer.errors import EventError

_COLONS = 5
_SLASHES = 3


class ExecuteApiArn(NamedTuple):
    """One method ARN or route ARN, cut into its parts."""

    partition: str
    region: str
    account: str
    api_id: str
    stage: str
    method: str  # "GET"; "$connect" for a WebSocket API
    path: str  # begins with "/" (root: "/"); "" for a WebSocket API

    @property
    def prefix(self) -> str:
        """Everything up to and including the slash behind the stage: what a policy Resource starts with."""
        return f"arn:{self.partition}:execute-api:{self.region}:{self.account}:{self.api_id}/{self.stage}/"


def parse_execute_api_arn(text: object) -> ExecuteApiArn:
    """Return the parts of a method ARN or route ARN.

    Raises:
        EventError: it is no execute-api ARN, or a part that goes into a policy holds a wildcard.
    """
    if not isinstance(text, str):
        raise EventError("the event's ARN is missing or not a string")
    head, *rest = text.split("/", _SLASHES)
    if len(rest) < _SLASHES - 1:
        raise EventError("the event's ARN lacks stage or method")
    path = "/" + rest[2] if len(rest) == _SLASHES else ""
    return ExecuteApiArn(*_parse_head(head, rest[0], rest[1]), path)


@lru_cache(maxsize=64)
def _parse_head(head: str, stage: str, method: str) -> tuple[str, str, str, str, str, str]:
    """Return all parts but the path.

    The result depends on the text alone, and one function sees few of them: remembered, bounded. Errors are not.
    """
    parts = head.split(":", _COLONS)
    if len(parts) != _COLONS + 1 or parts[0] != "arn" or parts[2] != "execute-api":
        raise EventError("the event's ARN is not an execute-api ARN")
    _, partition, _, region, account, api_id = parts
    # These parts stand literally in every Resource of the answer: a wildcard there would widen all of it.
    for part in (partition, region, account, api_id, stage, method):
        if not _is_plain(part):
            raise EventError("a part of the event's ARN is empty or holds a character that no ARN has there")
    return partition, region, account, api_id, stage, method


def _is_plain(part: str) -> bool:
    """True for the letters, digits, `-`, `_` and leading `$` (`$default`, `$connect`) that AWS uses here."""
    body = part.removeprefix("$")
    return body.isascii() and body.replace("-", "").replace("_", "").isalnum()
