"""What a start imports is a list that somebody decided on, and nothing of the layer is compiled at start."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.e2e import built

from benchmarks import goals, places, shapes, starts
from lambda_authorizer.testing.issuer import FakeIssuer

pytestmark = pytest.mark.built

LISTED = Path(places.HERE) / "start_modules.txt"
# Too dear for a start, each for the milliseconds in docs/performance.md.
FORBIDDEN = {
    "asyncio",
    "dataclasses",
    "email",
    "http.client",
    "inspect",
    "jwt",
    "pathlib",
    "requests",
    "urllib.parse",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a function's folder with a token and the key set that verifies it."""
    home = tmp_path_factory.mktemp("start")
    issuer = FakeIssuer(shapes.ISSUER, audience=shapes.AUDIENCE, algorithm="RS256")
    (home / "token").write_text(issuer.mint(places.claims(0)))
    (home / "jwks.json").write_text(issuer.settings["JWKS"])
    function = places.function_folder(f"test-{os.getpid()}")
    (home / "function").symlink_to(function)
    yield home
    shutil.rmtree(function)


def environment(folder: Path) -> Mapping[str, str]:
    """Return the environment of a start with keys from a file and plain telemetry."""
    return places.function_environment(
        folder / "function",
        "plain",
        JWKS=f"file:{folder}/jwks.json",
        TOKEN_FILE=str(folder / "token"),
        METHOD_ARN=shapes.METHOD_ARN,
    )


def test_a_start_imports_what_is_listed(folder: Path) -> None:
    """A new import on the start path is a line in benchmarks/start_modules.txt, and so a decision."""
    found = goals.start_modules(places.clean_python(), dict(environment(folder)), folder / "function")
    listed = set(LISTED.read_text().split())
    if sys.version_info[:2] == (3, 13):
        assert set(found) == listed
    else:  # what the standard library imports of itself differs from version to version
        ours = ("lambda_authorizer", "cryptography")
        assert {name for name in found if name.startswith(ours)} == {n for n in listed if n.startswith(ours)}


def test_the_pack_holds_what_a_start_imports() -> None:
    """A module that is missing there is looked for in the file system, one too many is unpacked for nothing."""
    wanted = {
        name for name in LISTED.read_text().split() if name.startswith(("lambda_authorizer.", "cryptography."))
    }
    packed = (built.ROOT / "layers" / "authorizer" / "start_modules.txt").read_text().split()
    assert packed == sorted(wanted - {"cryptography.hazmat.bindings._rust"})  # which is no Python


def test_nothing_dear_is_on_the_list() -> None:
    """What costs more than it is worth at a start is not decided on by mistake."""
    assert not FORBIDDEN & set(LISTED.read_text().split())


COMPILER = """
import os
from token_authorizer import lambda_handler
with open(os.environ["TOKEN_FILE"]) as file:
    token = file.read()
lambda_handler(
    {"type": "TOKEN", "authorizationToken": "Bearer " + token, "methodArn": os.environ["METHOD_ARN"]}, None
)
os.write(2, str(any(each.__name__ == "AST" for each in object.__subclasses__())).encode())
"""


def test_a_start_never_sets_up_the_compiler(folder: Path) -> None:
    """The first call of `compile` makes the classes of all syntax nodes, which takes a tenth of a no-op's start.

    A handler without bytecode calls it, and so does a `NamedTuple` in a module whose annotations are kept as text.
    """
    done = subprocess.run(
        [places.clean_python(), "-c", COMPILER],
        cwd=folder / "function", env=environment(folder), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == "False"


def test_nothing_of_the_layer_is_compiled_at_start(folder: Path) -> None:
    """The layer's bytecode is used as it is, with its source files dated as packagers date them."""
    command = [str(places.clean_python()), "drive.py"]
    _, said = starts.process(command, {**environment(folder), "COMPILED": "1"}, folder / "function")
    layer = str(built.layer_paths()[-1])
    assert [path for path in said["compiled"] if path.startswith(layer)] == []
