"""A defect of the program itself: one sentence and exit code 70, and the traceback when it is asked for."""

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "layers" / "authorizer"
# A command that breaks in a way nobody foresaw, put where the program looks for its commands.
BROKEN = """
import sys, types
import click

module = types.ModuleType("lambda_authorizer.cli.commands.check")

@click.command("check")
def command():
    raise ZeroDivisionError("who would have thought")

module.command = command
sys.modules["lambda_authorizer.cli.commands.check"] = module
from lambda_authorizer.cli.app import run

run(sys.argv[1:])
"""


def _broken(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BROKEN, *arguments],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_defect_is_one_sentence() -> None:
    """The class of the error, how to get more, and no words that may hold somebody's data."""
    done = _broken("check")
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("error: a defect of lambda-authorizer ")
    assert "(ZeroDivisionError)" in done.stderr
    assert "who would have thought" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_traceback_comes_when_asked_for() -> None:
    """`--traceback` shows what a report needs."""
    done = _broken("--traceback", "check")
    assert done.returncode == 1
    assert "ZeroDivisionError: who would have thought" in done.stderr


def test_a_broken_installation_is_not_taken_for_a_missing_extra() -> None:
    """A module of the package that is missing is a defect, not advice to install the extra again."""
    code = (
        "import sys; sys.modules['lambda_authorizer.cli.console'] = None\n"
        "from lambda_authorizer.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install" not in done.stderr
