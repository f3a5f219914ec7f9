"""Condition blocks of a policy: every operator family, `IfExists`, `Null`, and the two set qualifiers.

All operators and keys of a block must hold; of an operator's values one must match, or none for the negated ones.
A key that the request does not have fails a positive operator and satisfies a negated one.
Source: IAM user guide, "Condition operators" and "Conditions with multiple context keys or values".
"""

import base64
import binascii
import datetime as dt
import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from lambda_authorizer.testing import _pattern

Scalar = str | int | float | bool
ContextValue = Scalar | Sequence[Scalar]
"""Value of one condition key in the request; a sequence for a key that has several values."""
Test = Callable[[str, str, _pattern.Lookup | None], bool]
"""(value in the policy, value in the request, policy variables) -> they match."""


_Value = TypeVar("_Value")


class ConditionError(ValueError):
    """The block holds an operator, a key or a value that IAM does not take."""


def _instant(text: str) -> float:
    """Return seconds since the epoch for an ISO 8601 date (to the year at least) or an epoch number."""
    try:
        return float(text) if len(text) != len("2026") else dt.datetime(int(text), 1, 1, tzinfo=dt.UTC).timestamp()
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text + "-01" if len(text) == len("2026-01") else text)
    except ValueError:
        raise ConditionError("a date is neither ISO 8601 nor an epoch time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConditionError("a number is not a number") from None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ConditionError("a binary value is not base64") from None


def _compared(read: Callable[[str], _Value], how: Callable[[_Value, _Value], bool]) -> Test:
    """Return the test `how(request's value, policy's value)` after both were read."""
    return lambda wanted, found, _variables: how(read(found), read(wanted))


def _expanded(wanted: str, variables: _pattern.Lookup | None) -> tuple[_pattern.Token, ...] | None:
    try:
        return _pattern.tokens_of(wanted, variables)
    except _pattern.PatternError as error:
        raise ConditionError(str(error)) from None


def _text(fold: Callable[[str], str]) -> Test:
    def test(wanted: str, found: str, variables: _pattern.Lookup | None) -> bool:
        tokens = _expanded(wanted, variables)
        return tokens is not None and fold(_pattern.literal(tokens)) == fold(found)

    return test


def _glob(covers: Callable[[tuple[_pattern.Token, ...], str], bool]) -> Test:
    def test(wanted: str, found: str, variables: _pattern.Lookup | None) -> bool:
        tokens = _expanded(wanted, variables)
        return tokens is not None and covers(tokens, found)

    return test


def _in_network(wanted: str, found: str, _variables: _pattern.Lookup | None) -> bool:
    try:
        network = ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        raise ConditionError("an address range is not in CIDR notation") from None
    try:
        return ipaddress.ip_address(found) in network
    except ValueError:
        return False


def _boolean(wanted: str, found: str, _variables: _pattern.Lookup | None) -> bool:
    if wanted.lower() not in {"true", "false"}:
        raise ConditionError("a boolean is neither true nor false")
    return wanted.lower() == found.lower()


_ARN = _glob(_pattern.matches_arn)

# Lower case, because operator names are compared without case; the flag says that the operator is negated.
_OPERATORS: dict[str, tuple[Test, bool]] = {
    "stringequals": (_text(str), False),
    "stringnotequals": (_text(str), True),
    "stringequalsignorecase": (_text(str.casefold), False),
    "stringnotequalsignorecase": (_text(str.casefold), True),
    "stringlike": (_glob(_pattern.matches), False),
    "stringnotlike": (_glob(_pattern.matches), True),
    "arnequals": (_ARN, False),
    "arnlike": (_ARN, False),
    "arnnotequals": (_ARN, True),
    "arnnotlike": (_ARN, True),
    "ipaddress": (_in_network, False),
    "notipaddress": (_in_network, True),
    "bool": (_boolean, False),
    "binaryequals": (_compared(_bytes, operator.eq), False),
    **{
        family + name: (_compared(read, how), name == "notequals")
        for family, read in (("date", _instant), ("numeric", _number))
        for name, how in (
            ("equals", operator.eq),
            ("notequals", operator.eq),
            ("lessthan", operator.lt),
            ("lessthanequals", operator.le),
            ("greaterthan", operator.gt),
            ("greaterthanequals", operator.ge),
        )
    },
}


def as_text(value: Scalar) -> str:
    """Return a scalar as policies spell it: booleans in lower case, whole numbers without a fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _listed(value: object) -> tuple[str, ...]:
    """Return a policy's value or list of values as text."""
    values = value if isinstance(value, list) else [value]
    texts = tuple(as_text(one) for one in values if isinstance(one, (str, int, float)))
    if not texts or len(texts) != len(values):
        raise ConditionError("a condition value is neither a scalar nor a list of scalars")
    return texts


def holds(block: object, context: Mapping[str, ContextValue], variables: _pattern.Lookup | None) -> bool:
    """Tell whether a whole Condition block is true of the request.

    Args:
        block: the value of `Condition`.
        context: the request's condition keys, in lower case.
        variables: as for `_pattern.tokens_of`.

    Raises:
        ConditionError: the block is malformed, even in a part that could not change the answer.
    """
    if not isinstance(block, dict) or not block:
        raise ConditionError("Condition is not an object with an operator")
    verdicts = []
    for name, keys in block.items():
        if not isinstance(keys, dict) or not keys:
            raise ConditionError("a condition operator has no object of keys")
        for key, wanted in keys.items():
            found = context.get(key.lower())
            values = (found,) if isinstance(found, (str, int, float)) else found
            texts = None if values is None else tuple(map(as_text, values))
            verdicts.append(_one(name, _listed(wanted), texts, variables))
    return all(verdicts)


def _one(
    name: str, wanted: tuple[str, ...], found: tuple[str, ...] | None, variables: _pattern.Lookup | None
) -> bool:
    """Judge one operator on one key; `found` is None where the request lacks the key."""
    qualifier, _, bare = name.lower().rpartition(":")
    if qualifier not in {"", "forallvalues", "foranyvalue"}:
        raise ConditionError("a set qualifier is unknown")
    if bare == "null":
        return any(_boolean(value, as_text(found is None), None) for value in wanted)
    optional = bare.endswith("ifexists")
    test, negated = _OPERATORS.get(bare.removesuffix("ifexists"), (None, False))
    if test is None:
        raise ConditionError("a condition operator is unknown")

    # Every value is read even where the key is missing, so that a malformed one is never overlooked.
    hits = [[test(value, one, variables) for value in wanted] for one in found or ()]
    if not hits:
        _check(test, wanted, variables)
        return qualifier == "forallvalues" or (qualifier == "" and (negated or optional))
    judged = [not any(row) if negated else any(row) for row in hits]
    # A key with one value needs no qualifier; IAM treats an unqualified key with several like ForAnyValue.
    return all(judged) if qualifier == "forallvalues" else any(judged)


def _check(test: Test, wanted: tuple[str, ...], variables: _pattern.Lookup | None) -> None:
    """Read each value once against itself: it matches or not, but a malformed one raises."""
    for value in wanted:
        test(value, value, variables)
