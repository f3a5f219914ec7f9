"""The pages show what really comes out, and every block of the tutorial runs with the kit alone."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs/test-your-rules.md").read_text(encoding="utf-8")
SIMULATOR = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped rules."""
    for name in ("rules.toml", "schema.graphql"):
        shutil.copy(ROOT / "authorizers" / name, tmp_path)
    return tmp_path


def test_every_block_of_the_tutorial_runs_with_the_kit_alone(folder: Path) -> None:
    """A reader who pastes the blocks one after the other sees them pass."""
    programs, tests = [], []
    for number, body in enumerate(blocks(TUTORIAL, "python")):
        path = folder / f"test_{number}.py"
        path.write_text(body, encoding="utf-8")
        (tests if "def test_" in body else programs).append(str(path))
    assert len(tests) >= 7
    environment = {"PYTHONPATH": str(ROOT / "layers/authorizer"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugin = ["-p", "lambda_authorizer.testing.plugin", "-p", "no:cacheprovider"]
    for command in (["-m", "pytest", "-q", *plugin, *tests], *([program] for program in programs)):
        run = subprocess.run(
            [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr


def test_the_tutorial_shows_the_true_text_of_a_failure(
    gateway: Any, fake_issuer: Any, assert_allows: Any, folder: Path
) -> None:
    """What a reader sees when the scope is missing."""
    routes = ["GET /loyalty/{customerId}", "GET /loyalty/{customerId}/history"]
    api = gateway.rest(gateway.authorizer(folder / "rules.toml", AUTHORIZER_RESULT_TTL="300"), routes)
    with pytest.raises(AssertionError) as caught:
        assert_allows(api, "GET /loyalty/c-1", token=fake_issuer.mint({"sub": "c-1"}))
    # Line numbers move when somebody edits the rules; the words do not.
    shown, told = (re.sub(r"line \d+", "line N", one) for one in (*blocks(TUTORIAL, "text"), f"{caught.value}\n"))
    assert told == shown


def test_the_simulators_page_shows_the_true_explanation() -> None:
    """Its first example prints what stands below it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(blocks(SIMULATOR, "python")[0], "simulator.md", "exec"), {})
    assert printed.getvalue() == blocks(SIMULATOR, "text")[0]
