"""Which line of a policy document speaks about one request: for explanations and for logs.

This reads a document of `build.py` only; judging any document as IAM does is `testing.iam`'s business.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lambda_authorizer.arn import ExecuteApiArn


class Line(NamedTuple):
    """One Resource (or NotResource) of one statement."""

    effect: str
    element: str
    resource: str


def matches(pattern: str, text: str) -> bool:
    """True if a Resource with `*` and `?` matches a text; both take slashes."""
    at = start = 0
    star = -1
    for_star = 0
    while start < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, for_star = at, start
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", text[start]}:
            at += 1
            start += 1
        elif star >= 0:
            for_star += 1
            at, start = star + 1, for_star
        else:
            return False
    return all(char == "*" for char in pattern[at:])


def text_of(arn: ExecuteApiArn) -> str:
    """Return the ARN of a request as the gateway holds it against a policy."""
    return f"{arn.prefix}{arn.method}{arn.path}"


def deciding_line(document: Mapping[str, Any], arn: ExecuteApiArn) -> Line | None:
    """Return the line that decides about a request: a Deny before an Allow; None where none speaks of it."""
    text = text_of(arn)
    allow = None
    for line in _lines(document):
        if line.element == "Resource" and matches(line.resource, text):
            if line.effect == "Deny":
                return line
            allow = allow or line
    for statement in document["Statement"]:
        listed = statement.get("NotResource")
        if listed and not any(matches(resource, text) for resource in listed):
            return Line(statement["Effect"], "NotResource", listed[0])
    return allow


def allows(document: Mapping[str, Any], arn: ExecuteApiArn) -> bool:
    """True if the document allows the request."""
    line = deciding_line(document, arn)
    return line is not None and line.effect == "Allow"


def _lines(document: Mapping[str, Any]) -> Iterator[Line]:
    for statement in document["Statement"]:
        for resource in statement.get("Resource", ()):
            yield Line(statement["Effect"], "Resource", resource)
