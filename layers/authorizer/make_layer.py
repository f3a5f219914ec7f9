"""Makes the Lambda layer on any host with Python 3.11 or newer, for either architecture, always the same bytes.

    python make_layer.py build arm64 DIR [--release]     DIR/python/... ready to be published
    python make_layer.py zip DIR FILE                    the same tree as a zip, byte for byte reproducible
    python make_layer.py sbom DIR FILE                   what is inside, as CycloneDX

Nothing of the host gets in: wheels come for Lambda's own platforms, each checked against the hashes of
requirements.lock, and are unpacked, never run. One tree serves Python 3.12, 3.13 and 3.14: the only file that
differs between them is cffi's extension module, whose name carries the version. Bytecode is written as
`unchecked-hash`: packagers rewrite file times, and bytecode that is bound to a time would then be read, refused
and compiled again at every cold start.

Standard library only: `sam build` runs this with whatever Python it finds.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOCK = HERE / "requirements.lock"

# Lambda's runtimes on Amazon Linux 2023, whose C library is glibc 2.34.
RUNTIMES = ("3.12", "3.13", "3.14")
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux2014")

# Compiled for a platform; everything else is fetched as a wheel of pure Python.
COMPILED = ("cryptography", "cffi")
# cffi's compiler of C declarations needs it, and nothing here declares C.
LEFT_OUT = ("pycparser",)

KEPT_METADATA = re.compile(
    r"/(METADATA|LICEN[CS]E[^/]*|NOTICE[^/]*|AUTHORS[^/]*|COPYING[^/]*)$|/licenses/", re.IGNORECASE
)
TRIMMED = re.compile(
    r"\.(pyi|h|c|pxd|pyx)$"
    r"|^[^/]+\.data/"
    r"|^cffi/"  # `_cffi_backend` is what cryptography loads
    # Powertools' router, which no authorizer needs, and what works only with packages that are not in the layer.
    r"|^aws_lambda_powertools/(event_handler|utilities/(parser|data_masking|validation))/"
    r"|(^|/)tests?/"
)
NOT_IN_THE_LAYER = ("cli", "testing")
# Of our package and cryptography, what every start imports (held to it by a test); and what keys from the network,
# keys of another kind and other telemetry need besides.
PACKED_FOR_ALL = HERE / "start_modules.txt"
PACKED_FOR_SOME = (
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "lambda_authorizer.authorizer.renewal",
    "lambda_authorizer.fetch.answer",
    "lambda_authorizer.fetch.discovery",
    "lambda_authorizer.fetch.http",
    "lambda_authorizer.fetch.url",
    "lambda_authorizer.settings.remote",
    "lambda_authorizer.telemetry.powertools",
    "lambda_authorizer.version",
)

# 1980-01-01 is the first moment a zip can name.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class LayerError(Exception):
    """What stops the build, in words for the person who started it."""


def locked_blocks() -> dict[str, str]:
    """The lock file's text by package, hashes included."""
    blocks: dict[str, str] = {}
    name = ""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line and not line[0].isspace():
            name = re.split(r"[=<>!~ ;\[]", line, maxsplit=1)[0].lower()
            blocks[name] = ""
        blocks[name] += line + "\n"
    return {name: text for name, text in blocks.items() if name not in LEFT_OUT}


def run(*command: str, **environment: str) -> None:
    """Runs a command; its own words are shown only when it fails."""
    finished = subprocess.run(
        command,
        env={**os.environ, **environment},
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if finished.returncode:
        raise LayerError(f"{' '.join(command[:4])} … ended with {finished.returncode}:\n{finished.stdout[-4000:]}")


def pip(cache: Path) -> list[str]:
    """A pip: the interpreter's own, or one in an environment made for it."""
    if (
        subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode
        == 0
    ):
        return [sys.executable, "-m", "pip"]
    python = cache / "pip" / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", str(cache / "pip"))
    return [str(python), "-m", "pip"]


def fetch(arch: str, cache: Path) -> list[Path]:
    """The wheels for an architecture, from `cache` if fetched before; pip checks each against the lock."""
    blocks = locked_blocks()
    digest = hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    machine = MACHINES[arch]
    wanted = [("pure", "3.12", "".join(t for n, t in blocks.items() if n not in COMPILED), ["none"], ["any"])]
    wanted += [
        (
            f"{machine}-{version}",
            version,
            "".join(blocks[n] for n in COMPILED),
            [f"cp{version.replace('.', '')}", "abi3"],
            [f"{g}_{machine}" for g in GLIBC],
        )
        for version in RUNTIMES
    ]
    wheels: dict[str, Path] = {}
    for label, version, requirements, abis, platforms in wanted:
        folder = cache / digest / label
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as work:
                lock = Path(work, "lock.txt")
                lock.write_text(requirements, encoding="utf-8")
                options = [o for a in abis for o in ("--abi", a)] + [
                    o for p in platforms for o in ("--platform", p)
                ]
                print(f"layer: fetching wheels for {label}", file=sys.stderr)
                run(
                    *pip(cache), "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--require-hashes", "--only-binary", ":all:",
                    "--implementation", "py" if label == "pure" else "cp",
                    "--python-version", version, *options, "--dest", str(Path(work, "wheels")), "-r", str(lock),
                )  # fmt: skip
                # Another build may have put the same wheels there in the meantime: theirs are as good.
                if not folder.is_dir():
                    Path(work, "wheels").rename(folder)
        wheels |= {wheel.name: wheel for wheel in sorted(folder.glob("*.whl"))}
    return [wheels[name] for name in sorted(wheels)]


def kept(name: str) -> bool:
    """Whether a layer needs this member of a wheel: code and data, licences and METADATA."""
    if name.endswith("/"):
        return False
    if ".dist-info/" in name:
        return KEPT_METADATA.search(name) is not None
    return TRIMMED.search(name) is None


def unpack(wheel: Path, destination: Path) -> None:
    """Unpacks a wheel; a file that another wheel brought too must be the same file."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise LayerError(f"{wheel.name} names a file outside itself: {name}")
            if not kept(name):
                continue
            target = destination / path
            content = archive.read(name)
            if target.exists() and target.read_bytes() != content:
                if ".dist-info/" in name:
                    continue
                raise LayerError(f"two wheels disagree about {name}: one layer cannot serve both")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def copy_package(destination: Path) -> None:
    """Copies the toolkit without what only testers need."""
    source = HERE / "lambda_authorizer"
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_dir() or relative.parts[0] in NOT_IN_THE_LAYER or path.suffix in {".pyc", ".pyo"}:
            continue
        target = destination / "lambda_authorizer" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(ROOT / "LICENSE", destination / "lambda_authorizer" / "LICENSE")


COMPILE = r"""
import py_compile, sys
root = sys.argv[1]
for name in sys.stdin.read().split("\n"):
    try:
        py_compile.compile(f"{root}/{name}", dfile=f"/opt/python/{name}", doraise=True, optimize=0,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError:
        # A file written for a newer Python than this one; nobody can import it here.
        sys.stderr.write(name + "\n")
"""

# The bytecode of a start as one file: name -> (is it a package, its code). What every start needs is one object in
# which modules share their names; what only some need is marshalled by itself, and costs the others nothing. In a
# process of its own and in one order, because marshal's bytes tell how often an object is referred to.
PACK = r"""
import marshal, os, sys
root, codes = sys.argv[1], {}
every, some = (half.split() for half in sys.stdin.read().split("--"))
for module in every + some:
    name = module.replace(".", "/")
    package = os.path.isdir(f"{root}/{name}")
    name += "/__init__.py" if package else ".py"
    with open(f"{root}/{name}", "rb") as file:
        code = compile(file.read(), f"/opt/python/{name}", "exec", dont_inherit=True, optimize=0)
    codes[module] = package, code if module in every else marshal.dumps(code)
# Bytecode may change until a version is final, and the name of the file would not tell.
if sys.version_info.releaselevel == "final":
    with open(f"{root}/lambda_authorizer/start.{sys.implementation.cache_tag}.pack", "wb") as file:
        file.write(marshal.dumps(codes))
"""


def run_python(python: str, program: str, tree: Path, given: str) -> None:
    """Runs a program over the tree, with one hash seed, and takes no complaint."""
    finished = subprocess.run(
        [python, "-s", "-c", program, str(tree)],
        input=given,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    if finished.returncode or finished.stderr:
        raise LayerError(f"{python} cannot compile the layer:\n{finished.stderr[-2000:]}")


def compile_for(python: str, tree: Path, files: list[str]) -> None:
    """Writes the bytecode of one Python, in one order, for the path that Lambda mounts."""
    run_python(python, COMPILE, tree, "\n".join(files))
    run_python(python, PACK, tree, "\n".join([PACKED_FOR_ALL.read_text(encoding="utf-8"), "--", *PACKED_FOR_SOME]))


def find_python(version: str) -> str | None:
    """A Python of this version that really runs."""
    found = subprocess.run(
        [str(ROOT / "tools" / "find-python"), version],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return found.stdout.strip() if found.returncode == 0 else None


def files_of(tree: Path) -> Iterator[Path]:
    """Every file of a tree, in one order on every machine."""
    return iter(sorted((p for p in tree.rglob("*") if p.is_file()), key=lambda p: p.relative_to(tree).as_posix()))


def build(arch: str, destination: Path, *, release: bool, cache: Path) -> None:
    """Makes `destination/python`."""
    pythons = {version: find_python(version) for version in RUNTIMES}
    missing = [version for version, python in pythons.items() if python is None]
    if missing and release:
        raise LayerError(
            f"a release needs the bytecode of every runtime, and no Python {' or '.join(missing)} runs here: "
            "install it, or build without RELEASE=1 for a layer whose functions start more slowly there"
        )
    tree = destination / "python"
    if tree.exists():
        shutil.rmtree(tree)
    tree.mkdir(parents=True)
    for wheel in fetch(arch, cache):
        unpack(wheel, tree)
    copy_package(tree)
    sources = [p.relative_to(tree).as_posix() for p in files_of(tree) if p.suffix == ".py"]
    for python in pythons.values():
        if python is not None:
            compile_for(python, tree, sources)
    if missing:
        print(
            f"layer: no Python {', '.join(missing)} runs here, so functions of that runtime compile the layer's "
            "files at each cold start; RELEASE=1 makes this an error",
            file=sys.stderr,
        )
    for path in destination.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    size = sum(p.stat().st_size for p in files_of(tree))
    compiled = ", ".join(v for v in RUNTIMES if pythons[v]) or "no runtime"
    print(f"layer: {arch}, bytecode for {compiled}, {size / 1e6:.1f} MB", file=sys.stderr)


def write_zip(tree: Path, target: Path) -> str:
    """Zips a tree with one time, one order and one mode; gives the SHA-256 of the zip."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files_of(tree):
            member = zipfile.ZipInfo(path.relative_to(tree).as_posix(), ZIP_TIME)
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
    return hashlib.sha256(target.read_bytes()).hexdigest()


def bill_of_materials(tree: Path) -> dict[str, object]:
    """What is in a built layer, as a CycloneDX 1.6 document; without a time, so that it reproduces too."""
    version = re.search(
        r'__version__ = "([^"]+)"', (HERE / "lambda_authorizer" / "version.py").read_text(encoding="utf-8")
    )
    if version is None:
        raise LayerError("version.py does not say __version__")
    components = []
    for metadata in sorted((tree / "python").glob("*.dist-info/METADATA")):
        head = metadata.read_text(encoding="utf-8").split("\n\n", 1)[0]
        fields = dict(line.split(": ", 1) for line in head.splitlines() if re.match(r"[A-Z]\S*: ", line))
        name = fields["Name"].lower().replace("_", "-").replace(".", "-")
        component: dict[str, object] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{fields['Version']}",
            "name": name,
            "version": fields["Version"],
            "purl": f"pkg:pypi/{name}@{fields['Version']}",
        }
        licence = fields.get("License-Expression") or fields.get("License")
        if licence and len(licence) < 80:  # noqa: PLR2004 - some packages put the whole text here
            known = "License-Expression" in fields
            component["licenses"] = [{"expression": licence} if known else {"license": {"name": licence}}]
        components.append(component)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": "lambda-authorizer-toolkit",
                "name": "lambda-authorizer-toolkit",
                "version": version.group(1),
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": [{"alg": "SHA-256", "content": tree_digest(tree)}],
            }
        },
        "components": components,
        "dependencies": [{"ref": "lambda-authorizer-toolkit", "dependsOn": [c["bom-ref"] for c in components]}],
    }


def tree_digest(tree: Path) -> str:
    """One SHA-256 over names and contents of a tree."""
    digest = hashlib.sha256()
    for path in files_of(tree):
        digest.update(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(tree).as_posix()}\n".encode()
        )
    return digest.hexdigest()


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description="Make the Lambda layer.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build")
    command.add_argument("arch", choices=sorted(MACHINES))
    command.add_argument("destination", type=Path)
    command.add_argument("--release", action="store_true")
    command.add_argument("--cache", type=Path, default=ROOT / ".local" / "wheels")
    for name in ("zip", "sbom"):
        command = commands.add_parser(name)
        command.add_argument("tree", type=Path)
        command.add_argument("target", type=Path)
    options = parser.parse_args()
    try:
        if options.command == "build":
            build(options.arch, options.destination, release=options.release, cache=options.cache)
        elif options.command == "zip":
            print(write_zip(options.tree, options.target), options.target)
        else:
            options.target.write_text(
                json.dumps(bill_of_materials(options.tree), indent=1) + "\n", encoding="utf-8"
            )
    except LayerError as error:
        sys.exit(f"layer: {error}")


if __name__ == "__main__":
    main()
