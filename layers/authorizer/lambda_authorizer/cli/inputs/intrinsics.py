"""CloudFormation's intrinsic functions, resolved as far as a file alone allows.

A parameter has its given value, else its default; a reference to a resource, a pseudo parameter or another stack
stays `Unresolved` and remembers which resources it names. A condition that depends on something unknown is
unknown: the first branch is read and a note says so.
"""

import re
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_DEPTH = 50


class Unresolved:
    """A value that only a deployment knows; `logical_ids` are the resources it refers to."""

    __slots__ = ("logical_ids", "text")

    def __init__(self, text: str, logical_ids: tuple[str, ...] = ()) -> None:
        self.text = text
        self.logical_ids = logical_ids

    def __repr__(self) -> str:
        return f"<{self.text}>"


class _NoValue:
    """`AWS::NoValue`: the property is not there."""


NO_VALUE = _NoValue()


class Scope:
    """The parameters, mappings and conditions of one template, and what was not known while reading it."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self.notes: list[str] = []
        self.resources = _mapping(template.get("Resources"))
        self._mappings = _mapping(template.get("Mappings"))
        self._conditions = _mapping(template.get("Conditions"))
        self._parameters: dict[str, Any] = {}
        for name, declared in _mapping(template.get("Parameters")).items():
            self._parameters[name] = _parameter(name, _mapping(declared), parameters.get(name))

    def condition(self, name: str, depth: int = 0) -> bool | None:
        """Whether a named condition holds; None when this file does not say."""
        if depth > _DEPTH or name not in self._conditions:
            return None
        return self._truth(self._conditions[name], depth + 1)

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """Return the value with every intrinsic replaced that can be."""
        if depth > _DEPTH:
            return Unresolved("nested beyond reason")
        if isinstance(value, list):
            items = (self.resolve(item, depth + 1) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref":
                return self._ref(str(argument))
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._function(name[4:], argument, depth + 1)
        pairs = ((key, self.resolve(item, depth + 1)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        owner = name.split(".", 1)[0]  # SAM lets `!Ref Function.Alias` name what it makes beside a function
        return Unresolved(name, (owner,) if owner in self.resources else ())

    def _function(self, name: str, argument: Any, depth: int) -> Any:
        match name, argument:
            case "If", [str(condition), yes, no]:
                truth = self.condition(condition)
                if truth is None:
                    self.notes.append(f"condition {condition} is not known here; its first branch is read")
                return self.resolve(no if truth is False else yes, depth)
            case "GetAtt", [str(logical_id), *_] if logical_id in self.resources:
                return Unresolved(".".join(str(part) for part in argument), (logical_id,))
            case "Sub", str(text):
                return self._substitute(text, {})
            case "Sub", [str(text), dict(variables)]:
                return self._substitute(text, {key: self.resolve(item, depth) for key, item in variables.items()})
            case "Join", [str(separator), parts]:
                resolved = self.resolve(parts, depth)
                return _joined(separator, resolved) if isinstance(resolved, list) else Unresolved("Join")
            case "Split", [str(separator), text]:
                whole = self.resolve(text, depth)
                return whole.split(separator) if isinstance(whole, str) and separator else Unresolved("Split")
            case "Select", [index, items]:
                listed = self.resolve(items, depth)
                place = str(index)
                known = isinstance(listed, list) and place.isdigit() and int(place) < len(listed)
                return listed[int(place)] if known else Unresolved("Select")
            case "Transform", _:
                return {"Fn::Transform": self.resolve(argument, depth)}  # an included file is read by the caller
            case "FindInMap", [table, key, entry, *_]:
                found: Any = self._mappings.get(str(table))
                for step in (self.resolve(key, depth), self.resolve(entry, depth)):
                    found = found.get(step) if isinstance(found, dict) and isinstance(step, str) else None
                return Unresolved("FindInMap") if found is None else found
            case _:
                return Unresolved(name)

    def _substitute(self, text: str, variables: Mapping[str, Any]) -> Any:
        """`Fn::Sub`: text when every variable is known, else `Unresolved` with the resources it names."""
        unknown: list[str] = []
        logical_ids: list[str] = []

        def one(found: re.Match[str]) -> str:
            if found[1]:
                return "${" + found[2] + "}"  # `${!Name}` stands for `${Name}`
            name = found[2]
            value = variables[name] if name in variables else self._ref(name.split(".", 1)[0])
            if isinstance(value, str | int | float) and "." not in name:
                return str(value)
            unknown.append(name)
            logical_ids.extend(value.logical_ids if isinstance(value, Unresolved) else ())
            return found[0]

        result = _VARIABLE.sub(one, text)
        return Unresolved(result, tuple(logical_ids)) if unknown else result

    def _truth(self, expression: Any, depth: int) -> bool | None:
        if depth > _DEPTH or not isinstance(expression, dict) or len(expression) != 1:
            return None
        name, argument = next(iter(expression.items()))
        if name == "Condition":
            return self.condition(str(argument), depth + 1)
        if name == "Fn::Equals" and isinstance(argument, list) and len(argument) == 2:  # noqa: PLR2004 - left and right
            left, right = (self.resolve(side) for side in argument)
            if isinstance(left, Unresolved) or isinstance(right, Unresolved):
                return None
            return str(left) == str(right)
        if not isinstance(argument, list):
            return None
        truths = [self._truth(item, depth + 1) for item in argument]
        if name == "Fn::Not" and len(truths) == 1:
            return None if truths[0] is None else not truths[0]
        if name == "Fn::And":
            return False if False in truths else (None if None in truths else True)
        if name == "Fn::Or":
            return True if True in truths else (None if None in truths else False)
        return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _parameter(name: str, declared: Mapping[str, Any], given: str | None) -> Any:
    kind = str(declared.get("Type", "String"))
    value: Any = given if given is not None else declared.get("Default")
    if value is None or kind.startswith("AWS::SSM::Parameter::Value"):
        return Unresolved(name)
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [part.strip() for part in str(value).split(",")]
    return value


def _joined(separator: str, parts: list[Any]) -> Any:
    logical_ids = tuple(name for part in parts if isinstance(part, Unresolved) for name in part.logical_ids)
    text = separator.join(part.text if isinstance(part, Unresolved) else str(part) for part in parts)
    return Unresolved(text, logical_ids) if any(isinstance(part, Unresolved) for part in parts) else text
