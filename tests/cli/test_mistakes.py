"""A rules file with each kind of mistake, and the message that a person gets.

Each `mistakes/NAME.toml` has its `NAME.txt`: what `lambda-authorizer check NAME.toml` writes to standard error.
After a change of a message, read the new one before it goes in: `lambda-authorizer check NAME.toml 2> NAME.txt`.
"""

from pathlib import Path

import pytest
from tests.cli.conftest import Run

MISTAKES = Path(__file__).parent / "mistakes"
NAMES = sorted(path.stem for path in MISTAKES.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_mistake_has_its_message(lambda_authorizer: Run, folder: Path, name: str) -> None:
    """File, line where there is one, key, what was found and what is allowed; exit code 1, nothing on stdout."""
    (folder / f"{name}.toml").write_bytes((MISTAKES / f"{name}.toml").read_bytes())
    result = lambda_authorizer("check", f"{name}.toml")
    assert (result.code, result.out) == (1, "")
    assert (MISTAKES / f"{name}.txt").read_text(encoding="utf-8") == result.err


def test_every_mistake_has_a_message_and_every_message_a_mistake() -> None:
    """No file stands alone, and the collection is not empty."""
    assert sorted(path.stem for path in MISTAKES.glob("*.txt")) == NAMES
    assert len(NAMES) >= 45


def test_one_file_without_any_mistake_is_sound(lambda_authorizer: Run) -> None:
    """The control: the rules of the documentation pass."""
    assert lambda_authorizer("check", "rules.toml").code == 0
