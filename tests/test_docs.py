"""Nothing in the documents is untrue: code runs, rules parse, templates load, commands and links exist.

Each fenced block says its language. A block that cannot be run where tests run stands behind a comment that says
why, `<!-- not run: … -->`; its syntax is checked all the same.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from tests.e2e.built import _Template as CloudFormation

from lambda_authorizer.rules import parse_rules

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
    if "node_modules" not in path.parts
)
FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+|~~~+)(?P<language>[^\n]*)\n(?P<body>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(r"<!-- not run: (?P<why>.{8,}?) -->\s*\Z", re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")

# Programs that documents may call and that are not ours; their own manuals say what they take.
FOREIGN = {
    "aws",
    "brew",
    "cd",
    "cp",
    "curl",
    "docker",
    "export",
    "git",
    "npm",
    "pip",
    "pipx",
    "pytest",
    "python",
    "uv",
}
ENVIRONMENT = json.loads((ROOT / "events" / "env.json").read_text(encoding="utf-8"))["TokenAuthorizer"]
ISSUER_TABLE = """
[[issuer]]
name = "main"
url = "https://issuer.example/"
jwks = "discover"
audience = ["https://api.example"]
preset = "oidc"
"""


class Block(NamedTuple):
    """One fenced block."""

    page: Path
    line: int
    language: str
    body: str
    unrun: str  # why it is not run, or ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> Iterator[Block]:
    """Return every fenced block of every page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            mark = MARK.search(text, 0, found.start())
            indent = len(found["indent"])
            body = "".join(line[indent:] for line in found["body"].splitlines(keepends=True))
            line = text.count("\n", 0, found.start()) + 1
            yield Block(page, line, found["language"].strip(), body, mark["why"] if mark else "")


ALL = list(blocks())


def of(*languages: str) -> list[object]:
    """Return the blocks of these languages as parameters."""
    return [pytest.param(block, id=str(block)) for block in ALL if block.language in languages]


def test_every_block_says_its_language() -> None:
    """A reader's editor can colour it, and this file knows what to do with it."""
    known = {"python", "toml", "yaml", "json", "bash", "text", "graphql", "mermaid", "ini", "diff"}
    assert [f"{block}: {block.language!r}" for block in ALL if block.language not in known] == []


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """Return a folder as a reader has it: the shipped rules and events beside the code."""
    for name in ("rules.toml", "rules_test.toml", "schema.graphql"):
        source = ROOT / "authorizers" / name
        if source.exists():
            shutil.copy(source, tmp_path)
    shutil.copytree(ROOT / "events", tmp_path / "events")
    return tmp_path


@pytest.mark.parametrize("block", of("python"))
def test_python_runs(block: Block, workplace: Path) -> None:
    """Each Python block runs as it stands, beside the shipped rules; one that holds tests is run by pytest."""
    compile(block.body, str(block), "exec")
    if block.unrun:
        return
    program = workplace / "test_snippet.py"
    program.write_text(block.body, encoding="utf-8")
    pytest_run = ["-m", "pytest", "-q", "-p", "lambda_authorizer.testing.plugin", str(program)]
    command = pytest_run if "def test_" in block.body else [str(program)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=workplace,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": str(ROOT / "layers" / "authorizer"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "AUTHORIZER_RESPONSE": "policy",
            "AUTHORIZER_RESULT_TTL": "300",
            **ENVIRONMENT,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", of("toml"))
def test_toml_is_what_it_says(block: Block) -> None:
    """Rules are accepted by the rules parser, case files and settings by TOML's."""
    loaded = tomllib.loads(block.body)
    if block.unrun or not {"rule", "issuer", "tiers", "context", "schema"} & set(loaded) or "default" in loaded:
        return
    text = block.body
    # A fragment is completed by what the page leaves out, at the place where TOML wants it.
    if "issuer" not in loaded:
        text = ISSUER_TABLE + text if "schema" not in loaded else text + ISSUER_TABLE
    if "schema" not in loaded:
        text = "schema = 1\n" + text
    if "rule" not in loaded:
        text += '\n[[rule]]\nname = "one"\nallow = ["GET /one"]\nauthenticated = true\n'
    rules = parse_rules(text, file=str(block), environment=ENVIRONMENT)
    assert rules.digest


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml_loads(block: Block) -> None:
    """Templates and settings are YAML, with CloudFormation's short forms."""
    assert yaml.load(block.body, CloudFormation) is not None


@pytest.mark.parametrize("block", of("json"))
def test_json_loads(block: Block) -> None:
    """Records and answers are JSON."""
    assert json.loads(block.body) is not None


@cache
def make_targets() -> frozenset[str]:
    """Return every target of the Makefile."""
    found = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(found)


@cache
def help_of(program: str, *words: str) -> str:
    """Return the help of one of our commands, or of SAM CLI's."""
    command = (
        [sys.executable, "-m", "lambda_authorizer", *words, "--help"]
        if program == "lambda-authorizer"
        else [str(ROOT / "tools" / "sam"), *words, "--help"]
    )
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "layers" / "authorizer"), "COLUMNS": "200", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{program} {' '.join(words)}: {done.stderr[-500:]}"
    return done.stdout


def commands(body: str) -> Iterator[list[str]]:
    """Return the words of each command in a shell block, without prompts, comments, pipes and settings."""
    for line in body.replace("\\\n", " ").splitlines():
        for part in re.split(r"\s(?:&&|\|\||\||;)\s", line.removeprefix("$ ").strip()):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", words[0]):
                words = words[1:]
            if words:
                yield words


def check_options(program: str, words: list[str], depth: int) -> None:
    """Fail on a subcommand or a long option that the program's own help does not know."""
    path = []
    for word in words[:depth]:
        if word.startswith("-"):
            break
        path.append(word)
    text = help_of(program, *path)
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in text, f"{program} {' '.join(path)} has no {word}"


@pytest.mark.parametrize("block", of("bash"))
def test_commands_exist(block: Block) -> None:
    """Each `make` verb, each subcommand and each long option that a page shows is there."""
    for program, *words in commands(block.body):
        if program == "make":
            assert [word for word in words if re.fullmatch(r"[a-z-]+", word) and word not in make_targets()] == []
        elif program == "lambda-authorizer":
            check_options(program, words, 1)
        elif program == "sam":
            check_options(program, words, 2 if words[0] == "local" else 1)
        else:
            assert program in FOREIGN or (ROOT / program).exists(), f"nobody knows {program!r}"


def slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", lambda found: found[1] or "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    """Each link inside the repository leads to a file that is there, and to a heading that the file has."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for found in LINK.finditer(re.sub(r"`[^`\n]*`", "", text)):
        target = found["to"] or found["image"]
        if target.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            broken.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", file.read_text(encoding="utf-8")), re.MULTILINE)
            if anchor not in map(slug, headings):
                broken.append(target)
    assert broken == []
