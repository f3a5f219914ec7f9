"""Execute-api ARNs of every partition: read, never built from parts that the ARN does not hold.

The text is `arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{METHOD}/{path}`, for a WebSocket API
`…:{api}/{stage}/$connect`. The path is the client's own text and may hold `:` and `/`, so the split is bounded
(splitting on the last colon has granted wrong resources elsewhere).
Source: API Gateway developer guide, "ARN format reference".
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from functools import lru_cache

from lambda_authorizer.errors import EventError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_COLONS = 5
_SLASHES = 3


class ExecuteApiArn:
    """One method ARN or route ARN, cut into its parts (no NamedTuple: each of those costs a start 0.4 ms)."""

    __slots__ = ("account", "api_id", "method", "partition", "path", "prefix", "region", "stage")

    def __init__(  # noqa: PLR0913, PLR0917 - in the order in which an ARN has them
        self, partition: str, region: str, account: str, api_id: str, stage: str, method: str, path: str
    ) -> None:
        self.partition: Final = partition
        self.region: Final = region
        self.account: Final = account
        self.api_id: Final = api_id
        self.stage: Final = stage
        self.method: Final = method  # "GET"; "$connect" for a WebSocket API
        self.path: Final = path  # begins with "/" (root: "/"); "" for a WebSocket API
        # Everything up to and including the slash behind the stage: what a policy Resource starts with.
        self.prefix: Final = f"arn:{partition}:execute-api:{region}:{account}:{api_id}/{stage}/"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecuteApiArn) and self._text() == other._text()

    def __hash__(self) -> int:
        return hash(self._text())

    def __repr__(self) -> str:
        """Show which API; method and path are the caller's text."""
        return f"ExecuteApiArn({self.prefix!r})"

    def _text(self) -> tuple[str, str, str]:
        return self.prefix, self.method, self.path


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
