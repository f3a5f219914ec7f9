"""The house stays as drawn: floors, a pure core, names that shadow nothing, a start that loads what is listed."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYER = ROOT / "layers" / "authorizer"
PACKAGE = LAYER / "lambda_authorizer"
FUNCTIONS = ROOT / "authorizers"

# Floors 1 to 6: no clock, no socket, no environment, no files, no logging, no chance.
CORE = (
    "errors",
    "encoding",
    "arn",
    "jwk",
    "keys",
    "request",
    "tokens",
    "principal",
    "rules",
    "policy",
    "response",
)
IMPURE = {
    "asyncio", "boto3", "datetime", "http", "logging", "multiprocessing", "os", "pathlib", "random", "requests",
    "secrets", "shutil", "socket", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint", "__import__"}
# Programs of their own, for builds and docs; no function imports them.
PROGRAMS = {"policy/reference.py", "rules/compile.py", "rules/schema.py"}

# A start with compiled rules, plain telemetry and keys in the package loads these: a new one is a decision.
START = (
    "lambda_authorizer",
    "lambda_authorizer.arn",
    "lambda_authorizer.authorizer",
    "lambda_authorizer.authorizer.answers",
    "lambda_authorizer.authorizer.caller",
    "lambda_authorizer.authorizer.start",
    "lambda_authorizer.encoding",
    "lambda_authorizer.errors",
    "lambda_authorizer.fetch",
    "lambda_authorizer.fetch.seed",
    "lambda_authorizer.fetch.source",
    "lambda_authorizer.jwk",
    "lambda_authorizer.keys",
    "lambda_authorizer.policy",
    "lambda_authorizer.policy.build",
    "lambda_authorizer.policy.select",
    "lambda_authorizer.policy.table",
    "lambda_authorizer.principal",
    "lambda_authorizer.request",
    "lambda_authorizer.request.event",
    "lambda_authorizer.response",
    "lambda_authorizer.response.context",
    "lambda_authorizer.rules",
    "lambda_authorizer.rules.grants",
    "lambda_authorizer.rules.load",
    "lambda_authorizer.rules.model",
    "lambda_authorizer.settings",
    "lambda_authorizer.telemetry",
    "lambda_authorizer.telemetry.plain",
    "lambda_authorizer.tokens",
    "lambda_authorizer.tokens.compact",
    "lambda_authorizer.tokens.presets",
    "lambda_authorizer.tokens.table",
    "lambda_authorizer.tokens.verify",
    "token_authorizer",
)
# Of others, these families and nothing else; how many modules cryptography has is its own affair.
FOREIGN = {
    "_bisect", "_blake2", "_cffi_backend", "_openssl", "_random", "_sha2", "_sha512", "_typing", "binascii",
    "bisect", "cryptography", "gc", "random", "typing",
}  # fmt: skip
MOST_FOREIGN = 30
NEVER = {
    "asyncio", "aws_lambda_powertools", "boto3", "dataclasses", "hashlib", "inspect", "jwt", "pathlib", "requests",
    "tomllib", "urllib3",
}  # fmt: skip


def test_floors():
    """Each module imports only from the floors below it (import-linter, see pyproject.toml)."""
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "lint-imports"),
            "--config",
            str(ROOT / "pyproject.toml"),
            "--no-cache",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(LAYER)},
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


def core_files() -> list[Path]:
    """Return the modules of the core."""
    found = []
    for name in CORE:
        place = PACKAGE / name
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return [file for file in found if str(file.relative_to(PACKAGE)) not in PROGRAMS]


@pytest.mark.parametrize("file", core_files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_core_is_pure(file):
    """No clock, socket, environment, file, log or chance below floor 7: the same input gives the same output."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                assert not {name, name.partition(".")[0]} & IMPURE, f"{file.name}:{node.lineno} imports {name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_CALLS, f"{file.name}:{node.lineno} calls {node.func.id}"


def test_every_module_is_on_a_floor():
    """A new module of the package is drawn into the floors, or it is a program or data."""
    drawn = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = drawn[drawn.index("[[tool.importlinter.contracts]]") :]
    floors = set(
        re.findall(
            r"\w+",
            re.sub(r"#.*", "", block[block.index("layers = [") : block.index("]\n", block.index("layers = ["))]),
        )
    )
    modules = {file.stem for file in PACKAGE.glob("*.py")} | {
        file.parent.name for file in PACKAGE.glob("*/__init__.py")
    }
    assert modules - floors == {"__init__", "__main__", "version"}
    assert set(CORE) <= modules


@pytest.mark.parametrize("file", sorted(FUNCTIONS.glob("*.py")), ids=lambda file: file.name)
def test_functions_are_a_few_lines_and_shadow_nothing(file):
    """A `token.py` at a function's root would stop Python itself."""
    assert file.stem not in sys.stdlib_module_names
    assert file.stem.endswith("_authorizer")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 10
    names = [node.id for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Name)]
    assert "lambda_handler" in names


def test_there_are_six_functions_and_no_requirements():
    """One for each kind; what they need is in the layer."""
    assert {file.stem.removesuffix("_authorizer") for file in FUNCTIONS.glob("*.py")} == {
        "token", "request", "http_api", "tier", "websocket", "appsync",
    }  # fmt: skip
    assert not list(FUNCTIONS.glob("requirements*"))


START_AND_ANSWER = """
import json, os, sys
import awslambdaric.bootstrap
before = set(sys.modules)
sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], sys.argv[1]]
import token_authorizer
started = set(sys.modules)
token_authorizer.lambda_handler(json.load(open(sys.argv[2])), None)
report = {"start": sorted(started - before), "answer": sorted(set(sys.modules) - started)}
open(sys.argv[3], "w").write(json.dumps(report))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the modules that a start and the first answer load, beyond the runtime client's."""
    folder = tmp_path_factory.mktemp("function")
    for file in (*FUNCTIONS.glob("*.py"), FUNCTIONS / "rules.toml"):
        shutil.copy(file, folder)
    environ = {
        **json.loads((ROOT / "events" / "env.json").read_text(encoding="utf-8"))["TokenAuthorizer"],
        "PYTHONPATH": str(LAYER),
        "AUTHORIZER_TELEMETRY": "plain",
        "AUTHORIZER_RESULT_TTL": "300",
        "LAMBDA_TASK_ROOT": str(folder),
    }
    compiled = [str(folder / "rules.toml"), str(folder / "rules.compiled.jsonl")]
    for command in (
        [sys.executable, "-m", "lambda_authorizer.rules.compile", *compiled],
        [
            sys.executable,
            "-c",
            START_AND_ANSWER,
            str(LAYER),
            str(ROOT / "events" / "token-allow.json"),
            str(folder / "report"),
        ],
    ):
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120)
    report: dict[str, list[str]] = json.loads((folder / "report").read_text(encoding="utf-8"))
    return report


def test_a_start_loads_what_is_listed_here(loaded):
    """Each module costs every cold start: a new one is a decision, made by adding its name above."""
    ours = {
        name for name in loaded["start"] + loaded["answer"] if name.startswith(("lambda_authorizer", "token_"))
    }
    assert sorted(ours) == sorted(START)


def test_a_start_loads_no_other_package(loaded):
    """The standard library's modules that cryptography needs, cryptography, and nothing else."""
    foreign = [
        name for name in loaded["start"] + loaded["answer"] if not name.startswith(("lambda_authorizer", "token_"))
    ]
    assert {name.partition(".")[0] for name in foreign} <= FOREIGN
    assert not {name.partition(".")[0] for name in foreign} & NEVER
    assert len(foreign) <= MOST_FOREIGN


def test_the_first_answer_loads_nothing_of_ours(loaded):
    """INIT does what INIT is for."""
    assert [name for name in loaded["answer"] if name.startswith("lambda_authorizer")] == []
