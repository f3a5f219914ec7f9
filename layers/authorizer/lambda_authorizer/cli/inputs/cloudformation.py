"""SAM and CloudFormation templates, read as APIs with their routes, authorizers and switches.

The defaults that count here are the dangerous ones: SAM puts a default authorizer on OPTIONS, REST results are
cached for 300 s, an HTTP API's authorizer gets no invoke permission, and an API without an authorizer is open.
Source: SAM specification and the CloudFormation reference; see also the developer guide of API Gateway.
"""

from collections.abc import Mapping
from typing import Any

from lambda_authorizer.cli.inputs import classic, sam
from lambda_authorizer.cli.inputs.files import Files, Reader
from lambda_authorizer.cli.inputs.intrinsics import Scope
from lambda_authorizer.cli.inputs.loader import load_document
from lambda_authorizer.cli.inputs.model import Api, Document
from lambda_authorizer.cli.inputs.openapi import mapping
from lambda_authorizer.errors import ConfigurationError


def read_template(
    text: str, *, file: str, parameters: Mapping[str, str] | None = None, read: Reader | None = None
) -> Document:
    """Return what a template says, with its parameters' defaults where none is given.

    Args:
        text: the template.
        file: its name, for messages.
        parameters: values of template parameters.
        read: opens a file that the template includes, by the name that stands there; it may raise OSError.

    Raises:
        ConfigurationError: it is no template.
    """
    template = load_document(text, file=file)
    if not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise ConfigurationError(file, "Resources", "nothing", "a SAM or CloudFormation template with resources")
    scope = Scope(template, parameters or {})
    resources = _resources(template, scope)
    files = Files(read)
    apis: list[Api] = [*sam.apis(resources, files), *classic.apis(resources, files)]
    environments = {name: _environment(resource) for name, resource in resources.items() if _is_function(resource)}
    return Document(file, tuple(apis), environments, tuple(dict.fromkeys(scope.notes)))


def _resources(template: Mapping[str, Any], scope: Scope) -> dict[str, dict[str, Any]]:
    """Every resource that this template makes, resolved, with SAM's Globals merged in."""
    globals_ = mapping(scope.resolve(template.get("Globals") or {}))
    result = {}
    for name, resource in scope.resources.items():
        if not isinstance(resource, dict):
            continue
        condition = resource.get("Condition")
        if isinstance(condition, str):
            truth = scope.condition(condition)
            if truth is False:
                continue
            if truth is None:
                scope.notes.append(f"condition {condition} of {name} is not known here; it is read as true")
        kind = str(resource.get("Type", ""))
        properties = mapping(scope.resolve(resource.get("Properties") or {}))
        section = sam.GLOBALS.get(kind)
        if section is not None:
            properties = _merged(mapping(globals_.get(section)), properties)
        result[name] = {"Type": kind, "Properties": properties, "Metadata": resource.get("Metadata")}
    result.update(sam.implicit_apis(result, globals_))
    return result


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's rule for Globals: maps are merged, everything else is replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _is_function(resource: Mapping[str, Any]) -> bool:
    return resource["Type"] in {"AWS::Serverless::Function", "AWS::Lambda::Function"}


def _environment(resource: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a function whose values this file alone tells."""
    variables = mapping(mapping(resource["Properties"].get("Environment")).get("Variables"))
    return {
        str(name): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in variables.items()
        if isinstance(value, str | int | float)
    }
