"""The wheel that users install: built from this tree, installed where nothing else is."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = """\
schema = 1

[[issuer]]
name = "main"
url = "https://issuer.example/"
audience = ["https://api.example"]

[[rule]]
name = "everybody who signed in reads"
allow = ["GET /orders/{id}"]
authenticated = true
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in an environment of its own."""
    target = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", target, ROOT)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh virtual environment that holds the wheel with its extras."""
    home = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(home, with_pip=True)
    _run(home / "bin" / "python", "-m", "pip", "install", "-q", f"{wheel}[cli,testing]")
    return home / "bin"


def _run(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Modules, the marker that they are typed, metadata with licence; no test, no layer build."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert "lambda_authorizer" in tops
    assert all(top == "lambda_authorizer" or top.endswith(".dist-info") for top in tops)
    assert "lambda_authorizer/py.typed" in names
    assert "lambda_authorizer/cli/app.py" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_console_script_checks_rules(installed: Path, tmp_path: Path) -> None:
    """`lambda-authorizer` works far from this tree."""
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    done = _run(installed / "lambda-authorizer", "check", "rules.toml", cwd=tmp_path)
    assert "GET /orders/{id}  everybody who signed in reads  any valid credential" in done.stdout
    assert _run(installed / "python", "-m", "lambda_authorizer", "--version", cwd=tmp_path).stdout.strip()


def test_the_testing_kit_is_there(installed: Path, tmp_path: Path) -> None:
    """The extra `testing` brings the kit, and pytest finds its plugin."""
    code = "from lambda_authorizer.testing.issuer import FakeIssuer; print(FakeIssuer().mint().count('.'))"
    assert _run(installed / "python", "-c", code, cwd=tmp_path).stdout == "2\n"
    (tmp_path / "test_nothing.py").write_text("def test_nothing() -> None: pass\n", encoding="utf-8")
    traced = _run(installed / "python", "-m", "pytest", "--trace-config", cwd=tmp_path).stdout
    assert "lambda_authorizer/testing/plugin.py" in traced
