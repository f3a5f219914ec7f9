"""What the tests of built things share: the layer of each architecture, built once, and SAM's transform."""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "wheels"
SAM_PYTHON = ROOT / ".tools" / "sam" / "bin" / "python"

Transform = Callable[..., dict[str, Any]]


def make_layer(checkout: Path, *arguments: str | Path) -> str:
    """Runs the layer's builder of a checkout and gives what it printed."""
    finished = subprocess.run(
        [sys.executable, checkout / "layers" / "authorizer" / "make_layer.py", *arguments],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def copy_checkout(destination: Path) -> Path:
    """What a layer is built from, as it is at this moment."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "layers" / "authorizer", destination / "layers" / "authorizer", ignore=ignored)
    shutil.copytree(ROOT / "tools", destination / "tools")
    shutil.copy(ROOT / "LICENSE", destination / "LICENSE")
    return destination


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that no editor touches while the tests run."""
    return copy_checkout(tmp_path_factory.mktemp("checkout") / "copy")


@pytest.fixture(scope="session", params=["arm64", "x86_64"])
def layer(
    request: pytest.FixtureRequest, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """An architecture and the layer's tree built for it."""
    destination = tmp_path_factory.mktemp("layer") / request.param
    make_layer(checkout, "build", request.param, destination, "--cache", CACHE)
    return request.param, destination


@pytest.fixture(scope="session")
def host_layer(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer for the processor that runs these tests."""
    destination = tmp_path_factory.mktemp("layer") / "host"
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    make_layer(checkout, "build", architecture, destination, "--cache", CACHE)
    return destination


@pytest.fixture(scope="session")
def transform() -> Iterator[Transform]:
    """SAM's own transform, as CloudFormation runs it: a template and parameter values in, CloudFormation out."""
    done: dict[str, dict[str, Any]] = {}
    worker = subprocess.Popen(
        [SAM_PYTHON, ROOT / "tests" / "deploy" / "transform.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    asked, answered = worker.stdin, worker.stdout

    def run(template: str, **parameters: str) -> dict[str, Any]:
        key = json.dumps([str(ROOT / template), parameters], sort_keys=True)
        if key not in done:
            asked.write(key + "\n")
            asked.flush()
            done[key] = json.loads(answered.readline())
            assert "error" not in done[key], done[key]
        return done[key]

    yield run
    asked.close()
    answered.close()
    worker.wait()
