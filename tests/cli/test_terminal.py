"""Colours, frames and progress are for a person at a terminal; a pipe gets plain text."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "authorizer"


def _at_a_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """Run the command line at a terminal of 100 columns and return what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lambda_authorizer", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE), "TERM": "xterm-256color", "COLUMNS": "100", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # the other end is closed: Linux reports it as an error
    os.close(ours)
    process.wait()
    return shown.decode()


@pytest.mark.parametrize("command", ["check", "matrix"])
def test_a_terminal_gets_colours_and_rules(folder: Path, command: str) -> None:
    """A table is ruled, and words that matter are coloured."""
    shown = _at_a_terminal(folder, command)
    assert "\x1b[" in shown
    assert "────" in shown
    assert "GET /loyalty/{customerId}/history" in shown, "a route is not broken where there is room"


def test_no_color_is_obeyed(folder: Path) -> None:
    """NO_COLOR takes the colours away; https://no-color.org."""
    shown = _at_a_terminal(folder, "matrix", NO_COLOR="1")
    assert "\x1b[3" not in shown
    assert "────" in shown


def test_a_pipe_gets_plain_text(folder: Path) -> None:
    """No escape code, no frame and no folded line reaches a program."""
    done = subprocess.run(
        [sys.executable, "-m", "lambda_authorizer", "matrix"],
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE), "TERM": "xterm-256color", "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert "─" not in done.stdout
    assert len(done.stdout.splitlines()) == 4


def test_a_reader_that_stops_is_no_error(folder: Path) -> None:
    """`lambda-authorizer matrix | head -1` ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m lambda_authorizer matrix --format csv | head -1",
        shell=True,
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("route,rules,")
    assert done.stderr.startswith("note: ") or done.stderr == ""
