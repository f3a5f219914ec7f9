"""Warm work, in blocks that alternate between a Python and a Node process that both stay warm."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e import built

from benchmarks import places, shapes
from benchmarks.rounds import Rounds

BLOCK_NS = 2_000_000  # one turn of one case
TURNS = 15  # of each case in a round
_WARM_UP = 300


class Worker:
    """A process that runs a case so many times and says how long one took."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{command[0]} did not start")
        self.cases: list[str] = json.loads(line)
        self._counts = {name: self._count(name) for name in self.cases}

    def _count(self, name: str) -> int:
        self.run(name, _WARM_UP)
        return max(20, int(BLOCK_NS / self.run(name, 100)))

    def run(self, name: str, count: int) -> float:
        """Return the nanoseconds of one operation."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"case": name, "count": count}) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def block(self, name: str) -> float:
        """Run a block of a case and return the nanoseconds of one operation."""
        return self.run(name, self._counts[name])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process by ending its input."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def python_worker(fixtures: Path, function: Path) -> Worker:
    """Return the Python worker: the built layer first, the other libraries from the environment."""
    path = [*built.layer_paths(), built.ROOT]
    return Worker(
        [sys.executable, "-m", "benchmarks.warm_worker", str(fixtures), str(function)],
        {
            **places.bare_environment(),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        built.ROOT,
    )


def node_worker(node: places.Node, fixtures: Path) -> Worker:
    """Return the Node worker."""
    environment = places.bare_environment(ISSUER=shapes.ISSUER, AUDIENCE=shapes.AUDIENCE)
    return Worker([node.program, "warm.mjs", str(fixtures)], environment, places.PEERS)


def measure(fixtures: Path, function: Path, node: places.Node | None, rounds: int) -> Rounds:
    """Run every case in so many rounds."""
    out = Rounds(seed=2)
    with ExitStack() as stack:
        workers = [stack.enter_context(python_worker(fixtures, function))]
        if node is not None:
            workers.append(stack.enter_context(node_worker(node, fixtures)))
        cases = {name: partial(worker.block, name) for worker in workers for name in worker.cases}
        for _ in range(rounds):
            out.run(cases, turns=TURNS)
    return out
