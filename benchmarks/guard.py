"""`make bench-guard`: instructions of the warm path, counted by callgrind, which no other process can disturb.

Two runs of one program that differ only in how often they call give the instructions of one call; start and
imports cancel out. Where a committed count has the same interpreter, libraries and processor family, each count
may exceed it by `ALLOWED`; elsewhere the counts are compared with those of raw signature checks in the same run.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.e2e import built

from benchmarks import places

COUNTS = places.HERE / "counts.json"
ALLOWED = 0.03
FEW, MANY = 5, 25
# Elsewhere: instructions of one call over those of the raw check of the same algorithm.
ELSEWHERE = {
    "verify RS256": 2.2,
    "verify ES256": 1.6,
    "verify EdDSA": 1.6,
    "handler, new token": 8.0,
    "handler, same token": 6.0,
}
CASES = {
    "raw RS256": "raw RS256",
    "raw ES256": "raw ES256",
    "raw EdDSA": "raw EdDSA",
    "verify RS256": "lambda_authorizer RS256",
    "verify ES256": "lambda_authorizer ES256",
    "verify EdDSA": "lambda_authorizer EdDSA",
    "handler, new token": "handler, new token",
    "handler, same token": "handler, same token",
}


def key() -> str:
    """Name what the counts depend on: interpreter, its build, libraries, processor family."""
    compiler = platform.python_compiler().replace(" ", "-")
    return " ".join(
        [
            f"CPython-{platform.python_version()}-{compiler}",
            f"cryptography-{version('cryptography')}",
            platform.machine(),
        ]
    )


def instructions(case: str, count: int, fixtures: Path, function: Path, python: Path) -> int:
    """Return the instructions of a process that calls a case so many times."""
    out = places.HOME / "callgrind.out"
    path = os.pathsep.join(map(str, [*built.layer_paths(), built.ROOT]))
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={out}",
            str(python),
            "-m",
            "benchmarks.guarded",
            case,
            str(count),
            str(fixtures),
            str(function),
        ],
        cwd=built.ROOT,
        env=places.bare_environment(PYTHONPATH=path, PYTHONHASHSEED="0"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    for line in out.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    raise RuntimeError("callgrind wrote no total")


def counted(python: Path) -> dict[str, int]:
    """Return the instructions of one call of every case."""
    fixtures = places.fixtures(MANY + 2)
    function = places.function_folder("ten", 10)
    found = {}
    for name, case in CASES.items():
        few, many = (instructions(case, count, fixtures.folder, function, python) for count in (FEW, MANY))
        found[name] = (many - few) // (MANY - FEW)
        sys.stderr.write(f"{name}: {found[name]:,} instructions\n")
    return found


def compare(found: dict[str, int], kept: dict[str, int] | None) -> list[str]:
    """Return a line for each case; the last word is "ok" or "worse"."""
    lines = []
    for name, count in found.items():
        if kept is not None and name in kept:
            change = count / kept[name] - 1
            verdict = "ok" if change <= ALLOWED else "worse"
            lines.append(f"{name}: {count:,} instructions, {change:+.1%} against the committed count: {verdict}")
        elif name in ELSEWHERE:
            algorithm = name.split()[1] if name.startswith("verify") else "RS256"
            ratio = count / found[f"raw {algorithm}"]
            verdict = "ok" if ratio <= ELSEWHERE[name] else "worse"
            lines.append(f"{name}: {ratio:.2f} x the raw {algorithm} check, at most {ELSEWHERE[name]}: {verdict}")
    return lines


def main() -> int:
    """Count, compare, and commit new counts if asked to."""
    parser = argparse.ArgumentParser(prog="make bench-guard", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"keep the counts in benchmarks/{COUNTS.name}")
    given = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.stdout.write("skipped: no valgrind on this machine\n")
        return 0
    python = Path(sys.executable)
    found = counted(python)
    kept = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if given.write:
        COUNTS.write_text(json.dumps({**kept, key(): found}, indent=2) + "\n")
        sys.stdout.write(f"kept for {key()}\n")
        return 0
    mine = kept.get(key())
    sys.stdout.write(f"{key()}: {'committed counts' if mine else 'no committed counts, raw checks of this run'}\n")
    lines = compare(found, mine)
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(line.endswith("worse") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
