"""A GraphQL schema → the fields that an AppSync answer can deny.

AppSync denies by naming fields: whatever is not named passes. So default deny needs to know every root field. Only
the definitions of object types are read; everything else is skipped, and what cannot be read is refused.

Source: GraphQL specification, October 2021, sections 2.1 (source text) and 3 (type system).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_OPERATIONS = ("query", "mutation", "subscription")
_KEYWORDS = ("type", "schema", "interface", "input", "enum", "union", "scalar", "directive")


class SchemaError(ValueError):
    """The text is no schema; the message names a line, not its content."""


class Schema(NamedTuple):
    """The fields of the object types, as `Type.field`."""

    fields: tuple[str, ...]
    root_fields: frozenset[str]  # those of query, mutation and subscription


def parse_schema(text: str) -> Schema:
    """Return the fields of a schema, or of a list with one `Type.field` a line, all of which count as root fields.

    Raises:
        SchemaError: it is neither.
    """
    listed = [line for line in (raw.partition("#")[0].strip() for raw in text.splitlines()) if line]
    if listed and all(re.fullmatch(r"[_A-Za-z]\w*\.[_A-Za-z]\w*", line, re.ASCII) for line in listed):
        return Schema(tuple(dict.fromkeys(listed)), frozenset(listed))
    roots = {operation: operation.capitalize() for operation in _OPERATIONS}
    fields: dict[str, None] = {}
    for keyword, name, extends, body in _definitions(text):
        if keyword == "schema":
            # A schema definition names all the operations there are; an extension adds to them.
            roots = (roots if extends else {}) | dict(_pairs(body))
        elif keyword == "type":
            fields.update(dict.fromkeys(f"{name}.{field}" for field, _ in _pairs(body)))
    names = set(roots.values())
    root_fields = frozenset(field for field in fields if field.partition(".")[0] in names)
    if not root_fields:
        raise SchemaError("nothing that defines a field of Query, Mutation or Subscription")
    return Schema(tuple(fields), root_fields)


def _definitions(text: str) -> Iterator[tuple[str, str, bool, list[str]]]:
    """Yield keyword, name, whether it extends, and the body, of every definition that has braces."""
    head: list[str] = []
    body: list[str] = []
    braces = 0
    for word in _without_arguments(_words(text)):
        if word == "}":
            braces -= 1
            if braces == 0:
                yield *_named(head), body
                head, body = [], []
                continue
        (body if braces else head).append(word)
        braces += word == "{"
        if braces < 0:
            break
    if braces:
        raise SchemaError("a definition whose braces do not match")


def _named(head: list[str]) -> tuple[str, str, bool]:
    """Return keyword, name and whether it extends; definitions without braces may stand in front.

    The language has no reserved words, so a keyword is one by its place alone.
    """
    head = [*head, "", ""]
    at = 0
    while True:
        extends = head[at] == "extend"
        keyword, name = head[at + extends], head[at + extends + 1]
        if keyword not in _KEYWORDS:
            raise SchemaError("braces that belong to no definition")
        at += extends + (1 if keyword in ("schema", "directive") else 2)
        if head[at] == "implements":
            at = _chained(head, at + 1, "&")
        while head[at] == "@":
            at += 2
        at += head[at] == "repeatable"
        if head[at] in ("=", "on"):
            at = _chained(head, at + 1, "|")
        if head[at] == "{":
            return keyword, name, extends


def _chained(head: list[str], at: int, separator: str) -> int:
    """Return where a chain of names ends: `A & B`, with or without a separator in front."""
    at += head[at] == separator
    while head[at + 1] == separator:
        at += 2
    return at + 1


def _pairs(body: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each `name: Type` of a body whose arguments are gone."""
    for before, word, colon, kind in zip(["", *body], body, body[1:], body[2:], strict=False):
        if colon == ":" and before != "@":
            yield word, kind


def _without_arguments(words: Iterator[str]) -> Iterator[str]:
    """Leave out everything in round or square brackets."""
    depth = 0
    for word in words:
        if word in ("(", "["):
            depth += 1
            if word == "[" and depth == 1:
                yield word
        elif word in (")", "]"):
            depth -= 1
            if depth < 0:
                break
        elif depth == 0:
            yield word
    if depth:
        raise SchemaError("brackets that do not match")


def _words(text: str) -> Iterator[str]:
    """Yield names and punctuation; strings, numbers, comments and commas carry no field."""
    at = 0
    pattern = re.compile(
        r'(?:[\s,\ufeff]|#[^\n\r]*|"""(?:\\"""|(?!""").)*"""|"(?:\\.|[^"\\\n])*"|-?\d[\w.+-]*|\.\.\.)+'
        r"|([_A-Za-z]\w*|[{}()\[\]:!=@|&$])",
        re.ASCII | re.DOTALL,
    )
    while at < len(text):
        found = pattern.match(text, at)
        if found is None:
            line = text.count("\n", 0, at) + 1
            raise SchemaError(f"something in line {line} that is not of the schema language")
        if found[1] is not None:
            yield found[1]
        at = found.end()
