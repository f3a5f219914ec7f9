"""IAM text patterns: `*` is any run of characters (`/` and `:` too), `?` exactly one, all else is literal.

In a document of Version 2012-10-17, `${*}`, `${?}` and `${$}` stand for the characters themselves and `${key}`
for a condition key of the request; whatever a key's value holds is taken literally. In 2008-10-17 `$` is an
ordinary character. Source: IAM user guide, "Policy elements: variables and tags" and "Resource".
"""

from collections.abc import Callable, Iterable

ANY = object()
ONE = object()
Token = str | object
"""One character taken literally, `ANY` or `ONE`."""
Lookup = Callable[[str], str | None]

_QUOTED = {"*": "*", "?": "?", "$": "$"}
_WILD = {"*": ANY, "?": ONE}


class PatternError(ValueError):
    """The pattern is not one that IAM accepts."""


def tokens_of(text: str, variables: Lookup | None) -> tuple[Token, ...] | None:
    """Return the pattern's tokens, or None where it names a variable that this request does not have.

    Args:
        text: the pattern as the document spells it.
        variables: gives the value of a policy variable; None where the document's Version knows no variables.

    Raises:
        PatternError: a `${` is not closed.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        character = text[position]
        if variables is not None and text.startswith("${", position):
            end = text.find("}", position)
            if end < 0:
                raise PatternError("a policy variable is not closed")
            name = text[position + 2 : end]
            value = _QUOTED.get(name) or _value(name, variables)
            if value is None:
                return None
            tokens.extend(value)
            position = end + 1
        else:
            tokens.append(_WILD.get(character, character))
            position += 1
    return tuple(tokens)


def _value(name: str, variables: Lookup) -> str | None:
    """Return the value of `key` or of `key, 'default'`."""
    key, comma, default = name.partition(",")
    found = variables(key.strip())
    if found is None and comma:
        return default.strip().strip("'")
    return found


def literal(tokens: Iterable[Token]) -> str:
    """Return the tokens as text for operators without wildcards: there `*` and `?` are what they look like."""
    return "".join("*" if token is ANY else "?" if token is ONE else str(token) for token in tokens)


def matches(tokens: tuple[Token, ...], text: str) -> bool:
    """Tell whether the whole text fits the pattern.

    Greedy with one resume point: the last `*` seen takes one character more whenever what follows it fails,
    which decides every pattern in at most len(tokens) * len(text) steps.
    """
    at = here = 0
    star = resume = -1
    while here < len(text):
        if at < len(tokens) and tokens[at] is ANY:
            star, resume = at, here
            at += 1
        elif at < len(tokens) and (tokens[at] is ONE or tokens[at] == text[here]):
            at += 1
            here += 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return all(token is ANY for token in tokens[at:])


_COLONS = 5


def matches_arn(tokens: tuple[Token, ...], arn: str) -> bool:
    """Tell whether an ARN pattern covers the ARN, part by part between colons.

    A wildcard stays inside its part, save in the last one, which runs to the end; `*` alone covers everything.
    """
    head: list[tuple[Token, ...]] = []
    rest = tokens
    while len(head) < _COLONS and ":" in rest:
        cut = rest.index(":")
        head.append(rest[:cut])
        rest = rest[cut + 1 :]
    parts = arn.split(":", len(head))
    if len(parts) != len(head) + 1:
        return False
    return all(map(matches, (*head, rest), parts))
