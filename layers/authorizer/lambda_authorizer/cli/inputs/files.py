"""The files that a template itself names: API definitions and GraphQL schemas, opened by the caller's reader."""

from collections.abc import Callable, Mapping
from typing import Any

from lambda_authorizer.cli.inputs.loader import load_document
from lambda_authorizer.cli.inputs.openapi import mapping

Reader = Callable[[str], str]


class Files:
    """What stands in a template, or in a file beside it.

    Args:
        read: opens a file by the name that stands in the template; it may raise OSError. None: nothing is opened.
    """

    def __init__(self, read: Reader | None) -> None:
        self._read = read

    def definition(self, value: Any) -> tuple[Mapping[str, Any] | None, str]:
        """Return the API definition that a property holds or names, or None and a note why not."""
        body = mapping(value)
        include = mapping(body.get("Fn::Transform"))
        location: Any = value if isinstance(value, str) else None
        if include.get("Name") == "AWS::Include":
            location = mapping(include.get("Parameters")).get("Location")
        elif body:
            return body, ""
        if not isinstance(location, str) or self._read is None:
            return None, "its definition is not in this file"
        text = self._text(location)
        if text is None:
            return None, f"its definition {location} cannot be read"
        return load_document(text, file=location), ""

    def schema(self, location: Any) -> str | None:
        """Return the text of a schema in a file, or None where it cannot be read from here."""
        return self._text(location) if isinstance(location, str) else None

    def _text(self, location: str) -> str | None:
        if self._read is None:
            return None
        try:
            return self._read(location)
        except (OSError, ValueError):
            return None  # not there, no text, or a name that no file can have
