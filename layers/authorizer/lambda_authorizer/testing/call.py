"""What a client sends, and where: the two things that every event is built from."""

import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

Pairs = Iterable[tuple[str, str]] | Mapping[str, str]
"""Headers or query parameters: a mapping, or pairs in the order sent where a name comes twice."""

NOON: Final = 1_767_268_800_000
"""2026-01-01T12:00:00Z in milliseconds: when the calls of this module are made unless told otherwise."""


class Api(NamedTuple):
    """Where a call goes: the deployed API, in the words of its ARN."""

    api_id: str = "a1b2c3d4e5"
    stage: str = "prod"
    region: str = "eu-west-1"
    account: str = "123456789012"
    partition: str = "aws"

    def arn(self, method: str, path: str = "") -> str:
        """Return the ARN of a method and its actual path ("/orders/1"); of `$connect` without a path."""
        api = f"arn:{self.partition}:execute-api:{self.region}:{self.account}:{self.api_id}"
        return f"{api}/{self.stage}/{method}{path}"

    @property
    def domain(self) -> str:
        """The default endpoint's host name."""
        suffix = ".cn" if self.partition == "aws-cn" else ""
        return f"{self.api_id}.execute-api.{self.region}.amazonaws.com{suffix}"


REST_API: Final = Api()
HTTP_API: Final = Api(stage="$default")
APPSYNC_API: Final = Api(api_id="giy7kumfmvcqvbedntjwjvagii")


class Call(NamedTuple):
    """What the client sent."""

    method: str = "GET"
    path: str = "/"
    """As sent, percent-encodings and all, without the stage."""
    headers: Pairs = ()
    query: str = ""
    """As sent, without the question mark."""
    source_ip: str = "203.0.113.10"
    certificate: Mapping[str, Any] | None = None
    """The client certificate of mutual TLS, as `clientCert` of the event."""
    time_ms: int = NOON

    @property
    def header_pairs(self) -> tuple[tuple[str, str], ...]:
        """Headers in the order sent."""
        if isinstance(self.headers, Mapping):
            return tuple(cast("Mapping[str, str]", self.headers).items())
        return tuple(self.headers)

    @property
    def query_pairs(self) -> tuple[tuple[str, str], ...]:
        """Query parameters, decoded, in the order sent."""
        return tuple(urllib.parse.parse_qsl(self.query, keep_blank_values=True))


PLAIN_CALL: Final = Call()


def bearer(token: str) -> dict[str, str]:
    """Return the Authorization header of a token (RFC 6750, section 2.1)."""
    return {"Authorization": f"Bearer {token}"}
