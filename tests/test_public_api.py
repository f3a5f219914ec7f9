"""What users import, and what their type checkers say about it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lambda_authorizer

ROOT = Path(__file__).resolve().parents[1]
TYPING = ROOT / "tests" / "typing"
PUBLIC = (
    "Authorizer",
    "AuthorizerError",
    "ConfigurationError",
    "Principal",
    "Request",
    "Unauthorized",
    "__version__",
)


def test_public_names_are_these_and_no_others():
    """A name that appears or goes is a change of the contract."""
    assert tuple(lambda_authorizer.__all__) == PUBLIC
    assert dir(lambda_authorizer) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there(name):
    """Loaded when first asked for, kept afterwards."""
    value = getattr(lambda_authorizer, name)
    assert value is getattr(lambda_authorizer, name)
    assert name in vars(lambda_authorizer)


def test_an_unknown_name_is_an_attribute_error():
    """As of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Authoriser'"):
        lambda_authorizer.Authoriser  # noqa: B018 - the access is what is tested


def test_importing_the_package_loads_none_of_its_modules():
    """The rules compiler and the testing kit do not pay for the authorizer."""
    code = "import sys, lambda_authorizer; print([name for name in sys.modules if 'lambda_authorizer.' in name])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "layers" / "authorizer")},
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


def checked(tool: list[str], file: Path) -> str:
    """Return what a type checker says about a file."""
    done = subprocess.run(
        [sys.executable, "-m", *tool, str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=240,
    )
    return done.stdout + done.stderr


def test_mypy_accepts_correct_use():
    """Strictly, with the annotations that the package ships (`py.typed`)."""
    report = checked(["mypy", "--strict", "--follow-imports=silent"], TYPING / "public_api.py")
    assert "Success" in report, report


def test_mypy_refuses_each_misuse():
    """Every line that is marked, with that error and no other."""
    file = TYPING / "misuse.py"
    report = checked(["mypy", "--strict", "--follow-imports=silent"], file)
    found = {(int(line), code) for line, code in re.findall(r"misuse\.py:(\d+): error: .*\[([\w-]+)\]", report)}
    expected = {
        (number, mark[1])
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := re.search(r"# expect: ([\w-]+)", line))
    }
    assert found == expected, report


@pytest.mark.skipif(not list(Path(sys.prefix).glob("bin/pyright")), reason="pyright is not installed here")
def test_pyright_accepts_correct_use():
    """The other type checker agrees."""
    report = checked(["pyright", "--pythonpath", sys.executable], TYPING / "public_api.py")
    assert "0 errors" in report, report
