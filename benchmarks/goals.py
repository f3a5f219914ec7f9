"""The goals of speed and memory, each judged by one line that ends in "met" or "missed"."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e import built

from benchmarks import places, shapes, starts, warm
from benchmarks.rounds import Ratio, Rounds, TooFewRoundsError, until_sure

RUNTIMES = ("312", "313", "314")


class Line(NamedTuple):
    """One goal and what was measured."""

    goal: str
    what: str
    measured: str
    limit: str
    met: bool | None  # None: it could not be measured here

    def __str__(self) -> str:
        verdict = {True: "met", False: "missed", None: "not measured"}[self.met]
        return f"{self.goal:4} {self.what}: {self.measured}; goal {self.limit}: {verdict}"


class Bench:
    """One run: places, measurements, lines."""

    def __init__(self, say: Callable[[str], None], *, rounds: int, blocks: int) -> None:
        self.say = say
        self.most = rounds
        self.blocks = blocks
        self.node = places.node()
        say("making keys and tokens")
        self.fixtures = places.fixtures()
        self.python = places.clean_python()
        self.ten = places.function_folder("ten", 10)
        say("compiling rules of 1,000 routes")
        self.thousand = places.function_folder("thousand", 1000)
        self.starts = Rounds()
        self.warm = Rounds()
        self.lines: list[Line] = []

    @property
    def environment(self) -> dict[str, str]:
        """What every process to its first decision is told, ours or a peer."""
        return {"TOKEN_FILE": f"{self.fixtures.folder}/token_RS256.txt", "METHOD_ARN": shapes.METHOD_ARN}

    def ours(self, folder: Path, telemetry: str = "plain", **more: str) -> dict[str, str]:
        """Return the environment of our function."""
        given = {"JWKS": f"file:{self.fixtures.folder}/jwks.json", **self.environment, **more}
        return places.function_environment(folder, telemetry, **given)

    def drive(self, **more: str) -> tuple[float, dict[str, Any]]:
        """Run our function in a process of its own, to its first decision."""
        return starts.process([str(self.python), "drive.py"], self.ours(self.ten, **more), self.ten)

    def peer(self, name: str, **more: str) -> tuple[float, dict[str, Any]]:
        """Run a Node peer in a process of its own, to its first decision."""
        assert self.node
        environment = places.bare_environment(
            ISSUER=shapes.ISSUER,
            AUDIENCE=shapes.AUDIENCE,
            JWKS_FILE=f"{self.fixtures.folder}/jwks.json",
            AUTHORITY=f"{self.fixtures.folder}/authority.pem",
            **self.environment,
            **more,
        )
        return starts.process(
            [self.node.program, str(places.HOME / "peers" / f"{name}.js")], environment, self.ten
        )

    def measure_starts(self) -> None:
        """Time every start, in rounds, until the ratios of the goals are sure."""
        roots = f"{self.fixtures.folder}/roots"
        api = starts.RuntimeApi(shapes.event(self.fixtures.tokens["RS256"]))
        handler = "token_authorizer.lambda_handler"

        def client(folder: Path, name: str, telemetry: str = "plain") -> Callable[[], float]:
            environment = self.ours(folder, telemetry)
            return lambda: api.start(self.python, folder, name, environment)

        with starts.key_server(self.fixtures.folder) as (_, secure):
            cases: dict[str, Callable[[], float]] = {
                "runtime client, no-op": client(self.ten, "noop.lambda_handler"),
                "runtime client, no-op with bytecode": client(self.ten, "noop_compiled.lambda_handler"),
                "runtime client, plain": client(self.ten, handler),
                "runtime client, Powertools": client(self.ten, handler, "powertools"),
                "runtime client, plain, 1,000 routes": client(self.thousand, handler),
                "process, keys from file": lambda: self.drive()[0],
                "process, keys over https": lambda: self.drive(JWKS=secure, AUTHORIZER_CA_DIRECTORY=roots)[0],
            }
            ratios = [
                ("runtime client, plain", "runtime client, no-op"),
                ("runtime client, Powertools", "runtime client, no-op"),
                ("runtime client, plain, 1,000 routes", "runtime client, plain"),
            ]
            if self.node:
                for name in ("aws-jwt-verify", "jose", "jsonwebtoken"):
                    cases[f"Node {name}, keys from file"] = lambda name=name: self.peer(name)[0]  # type: ignore[misc]
                for name in ("aws-jwt-verify", "jsonwebtoken"):
                    cases[f"Node {name}, keys over https"] = lambda name=name: self.peer(  # type: ignore[misc]
                        name, JWKS_URL=secure
                    )[0]
                ratios += [
                    ("process, keys from file", "Node aws-jwt-verify, keys from file"),
                    ("process, keys over https", "Node aws-jwt-verify, keys over https"),
                ]
            for run in cases.values():
                run()  # fills the page cache and proves that it works
            until_sure(self.starts, cases, ratios, most=self.most, say=self.say)

    def measure_warm(self) -> None:
        """Time warm work in alternating blocks."""
        self.warm = warm.measure(self.fixtures.folder, self.ten, self.node, self.blocks)

    def ratio(  # noqa: PLR0913 - one goal in one line
        self, goal: str, what: str, over: str, under: str, limit: float, *, least: bool = False
    ) -> None:
        """Judge one ratio; `least` where more is better."""
        rounds = self.starts if over in self.starts.measured[0] else self.warm
        shown = f"{'≥' if least else '≤'} {limit:.2f}"
        if under not in rounds.measured[0] or over not in rounds.measured[0]:
            self.lines.append(Line(goal, what, "no Node.js here", shown, None))
            return
        try:
            found: Ratio = rounds.ratio(over, under)
        except TooFewRoundsError as error:
            self.lines.append(Line(goal, what, f"no ratio: {error}", shown, met=False))
            return
        met = found.value >= limit if least else found.value <= limit
        self.lines.append(Line(goal, what, str(found), shown, met))

    def judge(self) -> None:
        """Fill `lines`."""
        file, https = "process, keys from file", "process, keys over https"
        start, noop = "runtime client, plain", "runtime client, no-op"
        self.ratio("G1", "runtime client to first decision, plain telemetry, x no-op", start, noop, 1.45)
        self.ratio(
            "G1b", "the same with 1,000 routes, x ten routes", "runtime client, plain, 1,000 routes", start, 1.2
        )
        self.ratio("G2", "the same with Powertools, x no-op", "runtime client, Powertools", noop, 2.3)
        self.ratio(
            "G3",
            "process to decision, keys from file, x aws-jwt-verify",
            file,
            f"Node aws-jwt-verify, {file[9:]}",
            1.0,
        )
        self.ratio(
            "G4",
            "process to decision, keys over https, x aws-jwt-verify",
            https,
            f"Node aws-jwt-verify, {https[9:]}",
            0.8,
        )
        self.memory()
        ours = "lambda_authorizer RS256"
        # A ratio of times the other way round is a ratio of operations in a second.
        self.ratio(
            "G6",
            "warm RS256, operations x aws-jwt-verify",
            "aws-jwt-verify verifySync RS256",
            ours,
            1.0,
            least=True,
        )
        self.ratio("G6", "warm RS256, operations x PyJWT with a kept key", "PyJWT RS256", ours, 2.2, least=True)
        for name in ("ES256", "EdDSA"):
            what = f"warm {name}, operations x the raw check"
            self.ratio("G7", what, f"raw {name}", f"lambda_authorizer {name}", 0.8, least=True)
        self.ratio(
            "G8", "whole warm handler, log and metrics on, x raw RS256", "handler, new token", "raw RS256", 3.0
        )
        self.ratio("G8", "a repeated token x the first", "handler, same token", "handler, new token", 0.6)
        self.files()

    def memory(self) -> None:
        """Judge the peak memory at the first decision, median of five."""
        if not self.node:
            self.lines.append(Line("G5", "peak memory x Node", "no Node.js here", "≤ 0.55", None))
            return
        pairs = sorted(
            (self.drive(MEMORY="1")[1]["peak_kb"], self.peer("aws-jwt-verify", MEMORY="1")[1]["peak_kb"])
            for _ in range(5)
        )
        mine, other = (sorted(column)[2] / 1024 for column in zip(*pairs, strict=True))
        measured = f"{mine / other:.2f} ({mine:.1f} MB, Node {other:.1f} MB)"
        self.lines.append(
            Line(
                "G5",
                "peak memory at first decision x Node aws-jwt-verify",
                measured,
                "≤ 0.55",
                mine / other <= 0.55,
            )
        )

    def files(self) -> None:
        """Judge what needs no clock: compiled files, bytes, modules."""
        layer = built.layer_paths()[-1]
        compiled = [path for path in self.drive(COMPILED="1")[1]["compiled"] if path.startswith(str(layer))]
        self.lines.append(
            Line("G9", "source files of the layer compiled at start", str(len(compiled)), "0", not compiled)
        )
        sizes = layer_sizes(layer)
        whole = sum(sizes.values()) / 1e6
        one = (sizes["common"] + max(sizes[name] for name in RUNTIMES)) / 1e6
        self.lines.append(Line("G10", "layer unzipped, one runtime", f"{one:.1f} MB", "≤ 24 MB", one <= 24))
        self.lines.append(Line("G10", "layer unzipped, three runtimes", f"{whole:.1f} MB", "≤ 38 MB", whole <= 38))
        names = start_modules(self.python, self.ours(self.ten), self.ten)
        self.lines.append(Line("G11", "modules a plain start imports", str(len(names)), "≤ 60", len(names) <= 60))


def layer_sizes(layer: Path) -> dict[str, int]:
    """Return the bytes of a layer: what every runtime needs, and what each of the three alone does."""
    sizes = dict.fromkeys(("common", *RUNTIMES), 0)
    for path in layer.rglob("*"):
        if path.is_file():
            own = next((name for name in RUNTIMES if f"cpython-{name}" in path.name), "common")
            sizes[own] += path.stat().st_size
    return sizes


def start_modules(python: Path, environment: dict[str, str], folder: Path) -> list[str]:
    """Return the modules that a start and its first decision import beyond the runtime client."""
    program = """
import json, os, sys
import awslambdaric.bootstrap, awslambdaric.__main__
before = set(sys.modules)
from token_authorizer import lambda_handler
token = open(os.environ["TOKEN_FILE"]).read()
arn = os.environ["METHOD_ARN"]
lambda_handler({"type": "TOKEN", "authorizationToken": "Bearer " + token, "methodArn": arn}, None)
os.write(2, json.dumps(sorted(set(sys.modules) - before - {"token_authorizer"})).encode())
"""
    done = subprocess.run(
        [str(python), "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise RuntimeError("the start failed")
    found: list[str] = json.loads(done.stderr)
    return found
