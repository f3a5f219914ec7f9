"""What set-up relies on: a Python that really runs, lock files that pin, workflows with least rights."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.conftest import ROOT

LOCKS = ("layers/authorizer/requirements.lock", "requirements/dev.lock", "requirements/sam.lock")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def script(path: Path, text: str) -> Path:
    """Writes an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text + "\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def find_python(tmp_path: Path, version: str) -> subprocess.CompletedProcess[str]:
    """tools/find-python in a home of its own."""
    return subprocess.run(
        [ROOT / "tools" / "find-python", version],
        env={"PATH": f"{tmp_path}/bin:{os.defpath}", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path / "pyenv")},
        check=False, text=True, capture_output=True,
    )  # fmt: skip


def test_a_python_that_is_only_a_shim_is_not_taken(tmp_path: Path) -> None:
    """An inactive pyenv shim is on PATH and does not run: it counts as absent."""
    script(tmp_path / "bin" / "python3.99", "echo 'pyenv: python3.99: command not found' >&2; exit 127")
    found = find_python(tmp_path, "3.99")
    assert (found.returncode, found.stdout) == (1, "")


def test_behind_an_inactive_shim_the_version_folder_is_found(tmp_path: Path) -> None:
    """The interpreter that the shim stands for is used, without any version being made active."""
    script(tmp_path / "bin" / "python3.99", "exit 127")
    real = script(tmp_path / "pyenv" / "versions" / "3.99.1" / "bin" / "python3.99", 'echo "$0"')
    found = find_python(tmp_path, "3.99")
    assert (found.returncode, found.stdout.strip()) == (0, str(real))


def test_a_python_of_another_version_is_not_taken(tmp_path: Path) -> None:
    """A link named python3.99 that starts another version is refused."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.99").symlink_to("/usr/bin/python3")
    assert find_python(tmp_path, "3.99").returncode == 1


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes_and_no_registry(name: str) -> None:
    """A lock file pins versions and contents, and leaves the place to fetch from to the machine."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) > 10
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==\S+", block), block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_start_without_rights_and_pin_their_actions(path: Path) -> None:
    """No job has a right that it does not name; an action is a commit, which nobody can move."""
    workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "permissions" in job
        assert set(job["permissions"].items()) <= {
            ("contents", "read"),
            ("id-token", "write"),
            ("attestations", "write"),
        }
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
                if step["uses"].startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False


def test_continuous_integration_calls_what_a_person_calls() -> None:
    """`.ci/run` is `make test` and nothing else, and fails when it fails."""
    lines = [
        line
        for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert lines[0] == "set -euo pipefail"
    assert lines[-1] == "exec make test"
