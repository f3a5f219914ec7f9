"""One case, so many times, which callgrind counts: `python -m benchmarks.guarded CASE COUNT FIXTURES FUNCTION`."""

import json
import os
import sys
from pathlib import Path

from benchmarks import shapes
from benchmarks.work import Case, handlers, ours, raw


def case(name: str, fixtures: Path, function: Path) -> Case:
    """Return the case of that name."""
    if name.startswith("handler"):
        return handlers(fixtures, function, (fixtures / "tokens.txt").read_text().split())[name]
    algorithm = name.split()[1]
    jwks = json.loads((fixtures / "all.json").read_text())
    token = (fixtures / f"token_{algorithm}.txt").read_text()
    jwk = next(key for key in jwks["keys"] if key["kid"] == f"{algorithm}-1")
    return raw(algorithm, token, jwk) if name.startswith("raw") else ours(token, jwks, algorithm)


def main(name: str, count: int, fixtures: Path, function: Path) -> None:
    """Call the case so many times, into a sink."""
    assert name.rsplit(maxsplit=1)[-1] in shapes.ALGORITHMS or name.startswith("handler")
    os.chdir(function)
    run = case(name, fixtures, function)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    for _ in range(count):
        run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
