"""The layer as it will be mounted: right machine, right Pythons, bytecode that is used, nothing else."""

import ast
import hashlib
import json
import marshal
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.deploy.conftest import CACHE, ROOT, copy_checkout, make_layer

RUNTIMES = ("3.12", "3.13", "3.14")
ELF_MACHINE = {"arm64": 183, "x86_64": 62}
TRIPLET = {"arm64": "aarch64-linux-gnu", "x86_64": "x86_64-linux-gnu"}
LOCK = ROOT / "layers" / "authorizer" / "requirements.lock"
MEGABYTE = 1_000_000

Layer = tuple[str, Path]


def interpreter(version: str) -> str | None:
    """A Python of this version on this machine."""
    found = subprocess.run([ROOT / "tools" / "find-python", version], check=False, text=True, capture_output=True)
    return found.stdout.strip() or None


COMPILED_HERE = tuple(version for version in RUNTIMES if interpreter(version))


def files(tree: Path, suffix: str = "") -> list[Path]:
    """The files of a tree whose names end so."""
    return sorted(path for path in tree.rglob("*" + suffix) if path.is_file())


def test_every_machine_code_is_for_the_layers_architecture(layer: Layer) -> None:
    """No wheel of the build machine's own processor gets into a layer for another."""
    architecture, tree = layer
    found = files(tree, ".so")
    assert len(found) == 1 + len(RUNTIMES)
    for path in found:
        head = path.read_bytes()[:20]
        assert head[:4] == b"\x7fELF", path
        assert int.from_bytes(head[18:20], "little") == ELF_MACHINE[architecture], path


def test_machine_code_needs_no_newer_c_library_than_lambda_has(layer: Layer) -> None:
    """Amazon Linux 2023 has glibc 2.34; a wheel that asks for more would fail at import."""
    for path in files(layer[1], ".so"):
        needed = {tuple(map(int, found)) for found in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", path.read_bytes())}
        assert needed, path
        assert max(needed) <= (2, 34), path


def test_one_tree_serves_every_runtime(layer: Layer) -> None:
    """Cffi's module stands side by side for each Python; cryptography's is for all; the rest is Python."""
    architecture, tree = layer
    assert {path.relative_to(tree / "python").as_posix() for path in files(tree, ".so")} == {
        "cryptography/hazmat/bindings/_rust.abi3.so",
        *(f"_cffi_backend.cpython-{v.replace('.', '')}-{TRIPLET[architecture]}.so" for v in RUNTIMES),
    }


@pytest.mark.parametrize("version", COMPILED_HERE)
def test_each_source_has_bytecode_that_no_file_time_can_spoil(layer: Layer, version: str) -> None:
    """Bytecode is unchecked-hash: a packager that rewrites times cannot make Lambda compile at each cold start."""
    for source in files(layer[1], ".py"):
        bytecode = source.parent / "__pycache__" / f"{source.stem}.cpython-{version.replace('.', '')}.pyc"
        assert int.from_bytes(bytecode.read_bytes()[4:8], "little") == 0b01, bytecode


def test_bytecode_does_not_tell_where_it_was_built(layer: Layer) -> None:
    """Tracebacks name the path that Lambda mounts; the builder's own folders are nowhere."""
    for bytecode in files(layer[1] / "python" / "lambda_authorizer", ".pyc"):
        content = bytecode.read_bytes()
        assert b"/opt/python/lambda_authorizer/" in content, bytecode
        assert str(layer[1]).encode() not in content, bytecode


def test_what_only_testers_need_is_not_in_the_layer(layer: Layer) -> None:
    """No command line, no testing kit, no tests, no compiler input, no installer's records."""
    names = [path.relative_to(layer[1] / "python").as_posix() for path in files(layer[1])]
    assert "lambda_authorizer/arn.py" in names
    unwanted = re.compile(
        r"^lambda_authorizer/(cli|testing)/|(^|/)tests?/|\.(pyi|h|c|md)$(?<!LICENSE\.md)|/(RECORD|WHEEL|INSTALLER|entry_points\.txt)$"
        r"|^(bin|pycparser|cffi|boto3|botocore)/|conftest\.py$|/test_[^/]*$"
    )
    assert [name for name in names if unwanted.search(name)] == []


def test_each_package_keeps_its_licence_and_metadata(layer: Layer) -> None:
    """Whoever receives the layer receives the licences, and can tell the versions."""
    folders = sorted((layer[1] / "python").glob("*.dist-info"))
    locked = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert {folder.name.split("-")[0].replace("_", "-") for folder in folders} == locked - {"pycparser"}
    for folder in folders:
        assert (folder / "METADATA").is_file()
        assert [path for path in files(folder) if "LICEN" in path.name.upper()], folder
    assert (layer[1] / "python" / "lambda_authorizer" / "LICENSE").is_file()


def test_the_layer_is_small(layer: Layer) -> None:
    """At most 24 MB for one runtime, at most 38 MB for three, bytecode and all four packages included."""
    size: dict[str, int] = dict.fromkeys(("all", *RUNTIMES), 0)
    for path in files(layer[1]):
        version = re.search(r"cpython-3(\d\d)", path.name)
        size["all" if version is None else f"3.{version.group(1)}"] += path.stat().st_size
    for version in COMPILED_HERE:
        assert size["all"] + size[version] <= 24 * MEGABYTE, (version, size)
    # What a missing interpreter would have added is what another one adds.
    assert size["all"] + 3 * max(size[version] for version in RUNTIMES) <= 38 * MEGABYTE, size


def test_built_twice_the_layer_is_the_same_bytes(layer: Layer, checkout: Path, tmp_path: Path) -> None:
    """Whoever has the source can check that a published zip came from it."""
    architecture, tree = layer
    make_layer(checkout, "build", architecture, tmp_path / "again", "--cache", CACHE)
    os.utime(tmp_path / "again" / "python" / "jwt" / "__init__.py", (1, 1))
    digests = []
    for number, each in enumerate((tree, tmp_path / "again")):
        make_layer(checkout, "zip", each, tmp_path / f"{number}.zip")
        digests.append(hashlib.sha256((tmp_path / f"{number}.zip").read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        members = archive.infolist()
    assert {member.filename.split("/")[0] for member in members} == {"python"}
    assert {(member.date_time, member.external_attr >> 16) for member in members} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644)
    }
    assert [member.filename for member in members] == sorted(member.filename for member in members)


IMPORTS = """
import sys
compiled = []
root = sys.argv[1]
def hook(event, arguments):
    if event == "compile" and str(arguments[1]).startswith(root):
        compiled.append(str(arguments[1]))
sys.addaudithook(hook)
sys.path.insert(0, root)
import aws_lambda_powertools, cryptography.hazmat.primitives.asymmetric.rsa, jwt, requests
import aws_lambda_powertools.metrics, aws_lambda_powertools.utilities.parameters
import aws_lambda_powertools.tracing, aws_lambda_powertools.utilities.feature_flags
import aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event
import aws_lambda_powertools.utilities.idempotency, aws_lambda_powertools.utilities.jmespath_utils
import lambda_authorizer.telemetry.powertools
from lambda_authorizer import Authorizer
import lambda_authorizer.arn
loaded = [m.__file__ for m in list(sys.modules.values()) if (getattr(m, "__file__", None) or "").startswith(root)]
print(len(loaded), compiled, lambda_authorizer.arn.__cached__)
"""


@pytest.mark.parametrize("version", COMPILED_HERE)
def test_no_source_of_the_layer_is_compiled_at_a_start(host_layer: Path, version: str) -> None:
    """In a fresh process every import takes the shipped bytecode, and nothing is written into the layer."""
    before = files(host_layer)
    python = interpreter(version)
    assert python is not None
    # powertools.parameters needs boto3, which Lambda's runtime brings and which comes after the layer.
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": next(p for p in sys.path if p.endswith("site-packages")),
    }
    finished = subprocess.run(
        [python, "-s", "-c", IMPORTS, str(host_layer / "python")],
        check=False, text=True, capture_output=True, env=environment,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    loaded, compiled = finished.stdout.split(" ", 1)
    assert int(loaded) > 100
    assert compiled.startswith("[] "), compiled
    assert f"cpython-{version.replace('.', '')}.pyc" in compiled
    assert files(host_layer) == before


PACK_AND_SOURCES = """
import marshal, sys
from pathlib import Path
root = Path(sys.argv[1])
held = marshal.loads((root / f"lambda_authorizer/start.{sys.implementation.cache_tag}.pack").read_bytes())
for name, (package, code) in held.items():
    place = name.replace(".", "/") + ("/__init__.py" if package else ".py")
    code = marshal.loads(code) if isinstance(code, bytes) else code
    compiled = compile((root / place).read_bytes(), f"/opt/python/{place}", "exec", dont_inherit=True)
    assert code == compiled and code.co_filename == compiled.co_filename, name
print(len(held))
"""
PACKED = """
import sys
root, before = sys.argv[1:]
sys.path[:0] = [*filter(None, [before]), root]
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
import importlib.resources, inspect, traceback
import lambda_authorizer
from lambda_authorizer import Authorizer, ConfigurationError
import lambda_authorizer.rules.model as module, lambda_authorizer.rules as package
from cryptography.hazmat.primitives import hashes
try:
    Authorizer.from_environment(environ={"AUTHORIZER_RESPONSE": "both"})
except ConfigurationError as error:
    place = traceback.extract_tb(error.__traceback__)[-1]
print({
    "file": module.__file__.removeprefix(root),
    "path": [one.removeprefix(root) for one in package.__path__],
    "cached": module.__cached__.removeprefix(root).replace(sys.implementation.cache_tag, "TAG"),
    "spec": [module.__spec__.origin == module.__file__, module.__spec__.parent, module.__package__],
    "source": inspect.getsource(module) == open(module.__file__).read(),
    "resource": importlib.resources.files(package).joinpath("model.py").is_file(),
    "again": importlib.reload(module) is module,
    "line": place.line,
    "hashes": hashes.__file__.removeprefix(root),
    "bytecode": sorted({one.rpartition("/")[2].partition(".")[0] for one in opened if one.endswith(".pyc")} &
                       {"answers", "hashes", "grants"}),
})
"""


def run_packed(layer: Path, program: str, before: str = "", version: str = "") -> str:
    """Run a program in a fresh process that finds the layer, and return what it printed."""
    python = interpreter(version) if version else sys.executable
    finished = subprocess.run(
        [python, "-I", "-S", "-c", program, str(layer / "python"), before],
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture
def own_layer(host_layer: Path, tmp_path: Path) -> Path:
    """The layer's own package and cryptography, to be damaged."""
    for name in ("lambda_authorizer", "cryptography"):
        shutil.copytree(host_layer / "python" / name, tmp_path / "own" / "python" / name)
    for extension in (host_layer / "python").glob("_cffi_backend*"):
        shutil.copy(extension, tmp_path / "own" / "python")
    return tmp_path / "own"


@pytest.mark.parametrize("version", COMPILED_HERE)
def test_the_pack_is_what_its_sources_compile_to(layer: Layer, version: str) -> None:
    """What a start runs is what anybody can read beside it, for each Python."""
    count = run_packed(layer[1], PACK_AND_SOURCES, version=version)
    listed = (ROOT / "layers" / "authorizer" / "start_modules.txt").read_text(encoding="utf-8").split()
    assert int(count) > len(listed) > 40


EXPECTED = {
    "file": "/lambda_authorizer/rules/model.py",
    "path": ["/lambda_authorizer/rules"],
    "cached": "/lambda_authorizer/rules/__pycache__/model.TAG.pyc",
    "spec": [True, "lambda_authorizer.rules", "lambda_authorizer.rules"],
    "source": True,
    "resource": True,
    "again": True,
    "line": "raise ConfigurationError(_PLACE, name, repr(value), words)",
    "hashes": "/cryptography/hazmat/primitives/hashes.py",
    "bytecode": [],
}


def test_a_module_from_the_pack_looks_like_any_other(host_layer: Path) -> None:
    """File, spec, source, resources and the lines of a traceback are the files'; their bytecode is not read."""
    assert ast.literal_eval(run_packed(host_layer, PACKED)) == EXPECTED


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "another_object"])
def test_without_a_pack_that_fits_everything_is_imported_as_ever(own_layer: Path, damage: str) -> None:
    """A pack only saves time: what is wrong with it costs that and nothing else."""
    pack = own_layer / "python" / "lambda_authorizer" / f"start.{sys.implementation.cache_tag}.pack"
    content = pack.read_bytes()
    pack.unlink()
    damaged = {
        "empty": b"",
        "cut": content[:-100],
        "text": b"no pack",
        "another_object": marshal.dumps(["no pack"]),
    }
    if damage in damaged:
        pack.write_bytes(damaged[damage])
    found = ast.literal_eval(run_packed(own_layer, PACKED))
    assert found == {**EXPECTED, "bytecode": ["answers", "grants", "hashes"]}


def test_a_package_that_comes_first_elsewhere_is_not_mixed_with_the_packs(own_layer: Path, tmp_path: Path) -> None:
    """A function that brings its own cryptography gets all of it from there, and nothing of the layer's."""
    brought = tmp_path / "task"
    shutil.copytree(own_layer / "python" / "cryptography", brought / "cryptography")
    found = ast.literal_eval(run_packed(own_layer, PACKED, str(brought)))
    assert found == {
        **EXPECTED,
        "hashes": f"{brought}/cryptography/hazmat/primitives/hashes.py",
        "bytecode": ["hashes"],
    }


def test_the_bill_of_materials_names_what_is_inside(layer: Layer, checkout: Path, tmp_path: Path) -> None:
    """Every package of the layer, with the version of the lock file, its licence and its purl."""
    make_layer(checkout, "sbom", layer[1], tmp_path / "sbom.json")
    bill = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    del locked["pycparser"]
    assert {component["name"]: component["version"] for component in bill["components"]} == locked
    for component in bill["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert component["licenses"]
    assert re.fullmatch("[0-9a-f]{64}", bill["metadata"]["component"]["hashes"][0]["content"])


def test_a_release_refuses_to_be_made_without_every_runtime(tmp_path: Path) -> None:
    """Without one of the interpreters a release stops and names it; nothing is written."""
    copy = copy_checkout(tmp_path / "checkout")
    finder = copy / "tools" / "find-python"
    finder.write_text("#!/bin/sh\n[ $1 = 3.14 ] && exit 1\necho " + sys.executable + "\n", encoding="utf-8")
    finder.chmod(0o755)
    finished = subprocess.run(
        [
            sys.executable, copy / "layers" / "authorizer" / "make_layer.py",
            "build", "arm64", tmp_path / "out", "--release",
        ],
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert finished.returncode != 0
    assert "no Python 3.14 runs here" in finished.stderr
    assert not (tmp_path / "out").exists()


def test_a_wheel_that_does_not_match_the_lock_stops_the_build(tmp_path: Path) -> None:
    """One changed digit in a hash of the lock file, and nothing is built from what the index serves."""
    copy = copy_checkout(tmp_path / "checkout")
    lock = copy / "layers" / "authorizer" / "requirements.lock"
    lock.write_text(
        re.sub(r"(sha256:)([0-9a-f]{8})", r"\g<1>00000000", lock.read_text(encoding="utf-8")), encoding="utf-8"
    )
    finished = subprocess.run(
        [sys.executable, copy / "layers" / "authorizer" / "make_layer.py", "build", "arm64", tmp_path / "out"],
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert finished.returncode != 0
    assert "HASH" in finished.stderr.upper()
    assert not list((tmp_path / "out").rglob("*.py"))
