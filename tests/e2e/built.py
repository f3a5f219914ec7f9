"""What `sam build` made: where it lies, and which environment the template gives each function."""

import os
import platform
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".local" / "build"
RIC = ROOT / ".local" / f"ric-{sys.implementation.cache_tag}"

_LAYERS = {"x86_64": "AuthorizerLayerX8664", "aarch64": "AuthorizerLayerArm64", "arm64": "AuthorizerLayerArm64"}
_RIE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_RIC = ("awslambdaric", "simplejson", "snapshot-restore-py")


class NotBuiltError(Exception):
    """Something that a run needs is not there; the text says what to do."""


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which become {"Ref": …}, {"Fn::If": …}."""


def _short_form(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Template.add_multi_constructor("!", _short_form)


def load_template(path: Path) -> dict[str, Any]:
    """Return a SAM template as plain data."""
    loaded = yaml.load(path.read_text(encoding="utf-8"), _Template)
    assert isinstance(loaded, dict)
    return loaded


def functions(build: Path = BUILD) -> dict[str, dict[str, Any]]:
    """Return logical id → properties of every function in the built template."""
    if not (build / "template.yaml").exists():
        raise NotBuiltError(f"nothing is built in {build.name}: run `make build` first")
    resources = load_template(build / "template.yaml")["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


_PSEUDO = {"AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::AccountId": "123456789012"}
_NO_VALUE = "AWS::NoValue"


class Intrinsics:
    """CloudFormation's functions, as far as an environment variable needs them."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        defaults = {key: value.get("Default", "") for key, value in template["Parameters"].items()}
        unknown = sorted(set(parameters) - set(defaults))
        if unknown:
            raise NotBuiltError(f"the template has no parameter {unknown}")
        self.values = {**_PSEUDO, **defaults, **parameters}
        self.conditions = template.get("Conditions", {})

    def text(self, value: object) -> str | None:
        """Return the value as the text of an environment variable; None where there is none."""
        if not isinstance(value, dict):
            return str(value)
        ((name, given),) = value.items()
        if name == "Ref":
            return None if given == _NO_VALUE else str(self.values[given])
        if name == "Fn::If":
            return self.text(given[1] if self.holds({"Condition": given[0]}) else given[2])
        if name == "Fn::Sub":
            return re.sub(r"\$\{([\w:]+)\}", lambda found: str(self.values[found[1]]), given)
        raise NotBuiltError(f"{name} in an environment variable is not understood here")

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Return what a condition comes to."""
        ((name, given),) = condition.items()
        if name == "Condition":
            return self.holds(self.conditions[given])
        if name == "Fn::Equals":
            return self.text(given[0]) == self.text(given[1])
        if name == "Fn::Not":
            return not self.holds(given[0])
        combined = [self.holds(one) for one in given]
        return all(combined) if name == "Fn::And" else any(combined)


def function_environment(name: str, parameters: Mapping[str, str], build: Path = BUILD) -> dict[str, str]:
    """Return the environment the template gives the function, with the parameters as a deployer would set them."""
    template = load_template(build / "template.yaml")
    intrinsics = Intrinsics(template, parameters)
    given = {
        **template["Globals"]["Function"]["Environment"]["Variables"],
        **template["Resources"][name]["Properties"].get("Environment", {}).get("Variables", {}),
    }
    found = {key: intrinsics.text(value) for key, value in given.items()}
    return {key: value for key, value in found.items() if value is not None}


def layer_paths(build: Path = BUILD) -> list[Path]:
    """Return the folders of the layer in the order in which the runtime searches them."""
    layer = build / _LAYERS.get(platform.machine(), "AuthorizerLayerX8664") / "python"
    if not layer.is_dir():
        raise NotBuiltError(f"the layer for {platform.machine()} is not built: run `make build` first")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    versioned = layer / "lib" / version / "site-packages"
    return [versioned, layer] if versioned.is_dir() else [layer]


def interpreter() -> Path:
    """Return the interpreter below the virtual environment, so that nothing but the layer is found."""
    base = getattr(sys, "_base_executable", sys.executable)
    return Path(os.path.realpath(base))


def runtime_client(folder: Path = RIC) -> Path:
    """Return a folder that holds the runtime interface client and nothing else, as links into the environment."""
    folder.mkdir(parents=True, exist_ok=True)
    purelib = Path(sysconfig.get_path("purelib"))
    for top in sorted(set(_tops())):
        link = folder / top
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(purelib / top)
    return folder


def _tops() -> Iterator[str]:
    for name in _RIC:
        for file in distribution(name).files or ():
            top = file.parts[0]
            if not top.endswith(".dist-info") and top not in {"..", "__pycache__"}:
                yield top


def emulator() -> Path:
    """Return AWS's runtime interface emulator, which ships inside the SAM CLI."""
    if sys.platform != "linux":
        raise NotBuiltError(
            "AWS's runtime interface emulator is a Linux program; here `make sam-local` shows the same"
        )
    name = f"samcli/local/rapid/aws-lambda-rie-{_RIE.get(platform.machine(), 'x86_64')}"
    for found in sorted((ROOT / ".tools").glob(f"*/lib/python*/site-packages/{name}")):
        if not os.access(found, os.X_OK):
            found.chmod(0o755)
        return found
    raise NotBuiltError("the SAM CLI is not installed below .tools: run `make setup` first")
