"""Which root fields a GraphQL document asks for: as much of the language as `deniedFields` needs.

Only the shape matters: names, braces, fragments and the operation's kind. Values, arguments and directives are
skipped. Source: GraphQL specification, October 2021, section 2.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|\#[^\n]*|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|[^\s,\ufeff]'
)
_ROOTS: Final = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


class DocumentError(ValueError):
    """The document cannot be read as GraphQL."""


class _Reader:
    """Walks over the tokens of a document."""

    def __init__(self, document: str) -> None:
        self.tokens: list[str] = [text for text in _TOKEN.findall(document) if not text.startswith("#")]
        self.at = 0

    def peek(self) -> str:
        """Return the next token, or the empty string at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        """Return the next token and go on.

        Raises:
            DocumentError: there is none.
        """
        if self.at >= len(self.tokens):
            raise DocumentError("the document ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def skip_group(self) -> None:
        """Pass a bracketed group, whatever is in it."""
        closing = [_CLOSING[self.take()]]
        while closing:
            token = self.take()
            if token in _CLOSING:
                closing.append(_CLOSING[token])
            elif token == closing[-1]:
                closing.pop()

    def skip_directives(self) -> None:
        """Pass `@name(…)` as often as it comes."""
        while self.peek() == "@":
            self.take()
            self.take()
            if self.peek() == "(":
                self.skip_group()

    def selection(self) -> list[tuple[str, str]]:
        """Return the fields ("field", name) and fragment spreads ("spread", name) of one selection set."""
        found: list[tuple[str, str]] = []
        if self.take() != "{":
            raise DocumentError("a selection set is missing")
        while self.peek() != "}":
            name = self.take()
            if name == "...":
                found.extend(self._spread())
                continue
            if self.peek() == ":":
                self.take()
                name = self.take()
            if not name.isidentifier():
                raise DocumentError("a field has no name")
            found.append(("field", name))
            if self.peek() == "(":
                self.skip_group()
            self.skip_directives()
            if self.peek() == "{":
                self.skip_group()
        self.take()
        return found

    def _spread(self) -> list[tuple[str, str]]:
        """Return what `...name`, `... on Type {…}` or `... {…}` selects."""
        if self.peek() not in {"on", "@", "{"}:
            name = self.take()
            self.skip_directives()
            return [("spread", name)]
        if self.peek() == "on":
            self.take()
            self.take()
        self.skip_directives()
        return self.selection()


def root_fields(document: str, operation_name: str | None = None) -> tuple[str, ...]:
    """Return the root fields that an operation asks for, as `Type.field`, each once, in order.

    Args:
        document: the GraphQL document.
        operation_name: which operation runs; needed where the document has several.

    Raises:
        DocumentError: the document is not GraphQL, or has no such operation, or more than one.
    """
    reader = _Reader(document)
    operations: list[tuple[str, str, list[tuple[str, str]]]] = []
    fragments: dict[str, list[tuple[str, str]]] = {}
    while reader.peek():
        kind = "query" if reader.peek() == "{" else reader.take()
        if kind == "fragment":
            name = reader.take()
            reader.take()
            reader.take()
            reader.skip_directives()
            fragments[name] = reader.selection()
            continue
        if kind not in _ROOTS:
            raise DocumentError("the document holds something that is no operation and no fragment")
        name = reader.take() if reader.peek().isidentifier() else ""
        if reader.peek() == "(":
            reader.skip_group()
        reader.skip_directives()
        operations.append((name, _ROOTS[kind], reader.selection()))
    running = [one for one in operations if operation_name in (None, one[0])]
    if len(running) != 1:
        raise DocumentError("the document has no such operation, or more than one")
    _, root, selection = running[0]
    return tuple(dict.fromkeys(f"{root}.{name}" for name in _flattened(selection, fragments, ())))


def _flattened(
    selection: list[tuple[str, str]], fragments: dict[str, list[tuple[str, str]]], above: tuple[str, ...]
) -> list[str]:
    """Return the field names of a selection with its fragments put in."""
    found: list[str] = []
    for kind, name in selection:
        if kind == "field":
            found.append(name)
        elif name in above or name not in fragments:
            raise DocumentError("a fragment is unknown or contains itself")
        else:
            found.extend(_flattened(fragments[name], fragments, (*above, name)))
    return found
