"""The command line as a whole: help, exit codes, and what happens to bad input."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

PACKAGE = Path(__file__).parents[2] / "layers" / "authorizer"


def test_bad_usage_exits_with_two(lambda_authorizer: Run) -> None:
    """An unknown command or option is wrong usage: exit code 2, the sentence on standard error."""
    for arguments in (("nonsense",), ("check", "--nonsense"), ("attach", "nowhere")):
        result = lambda_authorizer(*arguments)
        assert (result.code, result.out) == (2, "")
        assert "Error: " in result.err


def test_a_file_that_is_not_there_is_one_clear_error(lambda_authorizer: Run) -> None:
    """A missing file names file, found and allowed on standard error, and exits with 2."""
    result = lambda_authorizer("check", "nowhere.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: nowhere.toml: file\n  found:   no such file or directory\n  allowed: a rules file\n"
    )


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"[[", b"schema = 2", b"[" * 5000])
def test_bad_rules_never_end_in_a_traceback(lambda_authorizer: Run, folder, content: bytes) -> None:
    """Whatever a rules file holds, the answer is a sentence and exit code 1 or 2."""
    (folder / "bad.toml").write_bytes(content)
    result = lambda_authorizer("check", "bad.toml")
    assert result.code in {1, 2}
    assert result.err.startswith("error: bad.toml")
    assert "Traceback" not in result.err


def test_module_and_version_run() -> None:
    """`python -m lambda_authorizer --version` works without the console script."""
    done = subprocess.run(
        [sys.executable, "-m", "lambda_authorizer", "--version"],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("lambda-authorizer, version ")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(PACKAGE)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_a_missing_extra_is_one_sentence() -> None:
    """Without click the command line says which extra brings it, and exits with 2."""
    code = "import sys; sys.modules['click'] = None\nfrom lambda_authorizer.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "lambda-authorizer: click is not installed; pip install 'lambda-authorizer-toolkit[cli]'\n"
    )


def test_commands_are_imported_only_when_called() -> None:
    """`--version` imports no command, so that a typo costs no second."""
    code = (
        "import sys\n"
        "from lambda_authorizer.cli.app import run\n"
        "try: run(['--version'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if 'cli.commands' in name or 'cryptography' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[]\n")
