"""YAML and JSON as CloudFormation and OpenAPI write them: short-form intrinsics, no surprises.

Laws: only the safe constructors; dates stay text (a policy version is no date); a key that stands twice is a
mistake, because YAML would silently keep the last.
"""

from collections.abc import Hashable
from typing import Any

import yaml

from lambda_authorizer.errors import ConfigurationError

_MAX_BYTES = 8 * 1024 * 1024
_ATTRIBUTE_PARTS = 2


class _Loader(yaml.SafeLoader):
    """The safe loader, with CloudFormation's tags and without dates."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Return the long form of a short-form intrinsic."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", _ATTRIBUTE_PARTS - 1)
    return {f"Fn::{suffix}": value}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    """Return a mapping, refusing a key that stands twice."""
    loader.flatten_mapping(node)
    result: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key that is no scalar", key_node.start_mark)
        if key in result:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} twice", key_node.start_mark)
        result[key] = loader.construct_object(value_node, deep=True)
    return result


def _text(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _intrinsic)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def load_document(text: str, *, file: str) -> dict[str, Any]:
    """Return the mapping that a YAML or JSON file holds.

    Raises:
        ConfigurationError: it is too large, is no YAML, or holds something else than a mapping.
    """
    if len(text) > _MAX_BYTES:
        raise ConfigurationError(file, "file", f"{len(text)} characters", f"at most {_MAX_BYTES}")
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader, above
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigurationError(file, "file", error.problem or "broken YAML", "YAML or JSON", line=line) from None
    except yaml.YAMLError:
        raise ConfigurationError(file, "file", "broken YAML", "YAML or JSON") from None
    except (RecursionError, ValueError):
        raise ConfigurationError(file, "file", "YAML nested or numbered beyond reason", "YAML or JSON") from None
    if not isinstance(document, dict):
        raise ConfigurationError(file, "file", type(document).__name__, "a mapping at the top")
    return document
