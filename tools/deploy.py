"""`make deploy`: sam build, then sam deploy with the stamp that publishes a new version whenever anything changed.

    python tools/deploy.py [arguments of sam deploy]

With SnapStart callers get a published version, and SAM publishes a new one only where the template's own text
changes: not for another issuer, audience or layer. So the stamp is a digest over everything that was built and
every parameter that is given, and goes in as the parameter CodeStamp. Parameters come from the command line or, as
with SAM itself, from samconfig.toml; those of neither keep their values, and the stamp does not change for them.
"""

import hashlib
import os
import shlex
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam" / "build"
OVERRIDES = "--parameter-overrides"
STAMP = "CodeStamp"


def configured(samconfig: Mapping[str, object], environment: str) -> list[str]:
    """The parameter overrides that samconfig.toml gives for an environment."""
    node: object = samconfig
    for key in (environment, "deploy", "parameters", "parameter_overrides"):
        node = node.get(key) if isinstance(node, Mapping) else None
    if isinstance(node, str):
        return shlex.split(node)
    return [str(item) for item in node] if isinstance(node, list) else []


def divided(arguments: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """The arguments without their parameter overrides, and those, or None where none are given."""
    others: list[str] = []
    given: list[str] | None = None
    taking = False
    for argument in arguments:
        if argument == OVERRIDES:
            given, taking = [] if given is None else given, True
        elif argument.startswith(OVERRIDES + "="):
            given = [*(given or []), *shlex.split(argument.partition("=")[2])]
        elif taking and not argument.startswith("-") and given is not None:
            given.extend(shlex.split(argument))
        else:
            taking = False
            others.append(argument)
    return others, given


def stamp(tree: Path, overrides: Sequence[str]) -> str:
    """One SHA-256 over the built files and the parameters, whatever order those came in."""
    digest = hashlib.sha256()
    for override in sorted(overrides):
        digest.update(override.encode() + b"\n")
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        digest.update(path.relative_to(tree).as_posix().encode() + b"\n")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def command(arguments: Sequence[str], samconfig: Mapping[str, object], tree: Path) -> list[str]:
    """The arguments for `sam deploy`."""
    others, given = divided(arguments)
    environment = "default"
    if "--config-env" in others:
        environment = others[others.index("--config-env") + 1]
    overrides = configured(samconfig, environment) if given is None else given
    overrides = [each for each in overrides if not each.startswith(f"{STAMP}=")]
    # A guided deployment asks for parameters later: any of them may change, so its stamp is like no other.
    extra = [uuid.uuid4().hex] if "--guided" in others or "-g" in others else []
    return [*others, OVERRIDES, *overrides, f"{STAMP}={stamp(tree, [*overrides, *extra])}"]


def main() -> None:
    """Builds, then deploys."""
    sam = str(ROOT / "tools" / "sam")
    os.chdir(ROOT)
    subprocess.run([sam, "build"], check=True)
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    sys.exit(subprocess.run([sam, "deploy", *command(sys.argv[1:], samconfig, BUILT)], check=False).returncode)


if __name__ == "__main__":
    main()
