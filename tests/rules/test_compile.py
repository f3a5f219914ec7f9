"""Compiled rules: made at build, loaded at start, refused where they do not belong."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.rules.parts import HEAD, rules_of

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import load_compiled, parse_rules
from lambda_authorizer.rules.compile import main
from lambda_authorizer.rules.load import TABLE_ROWS, Rows, substitute

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "authorizers" / "rules.toml"
ENVIRONMENT = {"ISSUER": "https://issuer.example", "AUDIENCE": "api"}


def compiled(tmp_path: Path, text: str) -> bytes:
    """Return what the compiler makes of a rules file."""
    source = tmp_path / "rules.toml"
    source.write_text(text)
    assert main([str(source), str(tmp_path / "out.json")]) == 0
    return (tmp_path / "out.json").read_bytes()


def rows_of(table: Mapping[str, Any]) -> Any:
    """Return a table whose rows are read, whether they came as values or as lines of a file."""
    read = {
        name: [json.loads(row) if isinstance(row, bytes) else row for row in table[name]] for name in TABLE_ROWS
    }
    return json.loads(json.dumps({**table, **read}))


def test_compiled_rules_are_the_parsed_ones(tmp_path: Path) -> None:
    """Build and start together give what reading the file gives."""
    text = SHIPPED.read_text()
    loaded = load_compiled(compiled(tmp_path, text), file="rules.compiled.jsonl", environment=ENVIRONMENT)
    parsed = parse_rules(text, file="rules.toml", environment=ENVIRONMENT)
    assert loaded.digest == parsed.digest == hashlib.sha256(text.encode()).hexdigest()
    assert list(loaded.routes) == list(parsed.routes)
    assert list(loaded.givers) == list(parsed.givers)
    assert loaded.issuers == parsed.issuers
    assert [rule.conditions for rule in loaded.rules] == [rule.conditions for rule in parsed.rules]
    assert [rows_of(table) for table in loaded.tables] == [rows_of(table) for table in parsed.tables]
    assert list(loaded.tries) == list(parsed.tries)
    assert "12 rules" in repr(loaded)
    assert repr(loaded.rules[0]) == "Rule('members read their own points', allow)"


def test_the_same_rules_compile_to_the_same_bytes(tmp_path: Path) -> None:
    """A build is reproducible."""
    text = SHIPPED.read_text()
    assert compiled(tmp_path, text) == compiled(tmp_path, text)


def test_compiled_rules_of_another_file_stop_the_start(tmp_path: Path) -> None:
    """The SHA-256 of the source is recorded and held against the file beside it."""
    data = compiled(tmp_path, SHIPPED.read_text())
    with pytest.raises(ConfigurationError, match="compiled from another file"):
        load_compiled(data, file="rules.compiled.jsonl", environment=ENVIRONMENT, source_digest="0" * 64)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 0}', b"null"])
def test_what_the_compiler_did_not_write_is_refused(data: bytes) -> None:
    """No compiled rules, or those of another version, stop the start."""
    with pytest.raises(ConfigurationError):
        load_compiled(data, file="rules.compiled.jsonl", environment={})


def test_a_missing_variable_stops_the_start(tmp_path: Path) -> None:
    """The message names the variable and the key."""
    data = compiled(tmp_path, SHIPPED.read_text())
    with pytest.raises(ConfigurationError, match="AUDIENCE is not set") as caught:
        load_compiled(data, file="rules.compiled.jsonl", environment={"ISSUER": "https://issuer.example"})
    assert caught.value.key == "issuer[0].audience"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${B:-2}", "2"),
        ("${B:-}", ""),
        ("${EMPTY:-3}", "3"),
        ("$A {A}", "$A {A}"),
        ("${A:-9}", "1"),
    ],
)
def test_variables_are_filled_in(text: str, expected: str) -> None:
    """`${NAME}` takes a variable, `${NAME:-default}` one that may be absent or empty."""
    assert substitute(text, {"A": "1", "EMPTY": ""}, file="f", key="k") == expected


@pytest.mark.parametrize("text", ["${B}", "${EMPTY}", "${A", "${}", "${a b}", "${A:+1}"])
def test_what_cannot_be_filled_in_is_refused(text: str) -> None:
    """A missing variable without default, or braces that make no variable."""
    with pytest.raises(ConfigurationError):
        substitute(text, {"A": "1", "EMPTY": ""}, file="f", key="k")


def test_variables_in_conditions_are_filled_in_and_checked() -> None:
    """A range that comes from the environment is checked when it is there."""
    text = (
        '[tiers]\norder = ["low"]\nusage_keys = { low = "${KEY}" }\n'
        '[[rule]]\nname = "r"\nallow = ["GET /a"]\n'
        'source_ip = ["${NET}", "10.0.0.0/8"]\nclaims = { a = ["${A}", 1] }\n'
    )
    rules = rules_of(text, environment={"NET": "192.0.2.0/24", "A": "x", "KEY": "ssm:/k"})
    assert dict(rules.rules[0].conditions)["source_ip"] == ["192.0.2.0/24", "10.0.0.0/8"]
    assert rules.tiers is not None
    assert rules.tiers.usage_keys == {"low": "ssm:/k"}
    with pytest.raises(ConfigurationError, match="address ranges"):
        rules_of(text, environment={"NET": "everywhere", "A": "x", "KEY": "ssm:/k"})


def test_a_start_with_compiled_rules_imports_neither_parser_nor_search() -> None:
    """The start path holds what a decision needs and nothing else."""
    program = (
        "import sys; from lambda_authorizer.rules import load_compiled;"
        "from lambda_authorizer.policy import decide;"
        "print(' '.join(sorted(name for name in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "layers" / "authorizer")},
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = set(done.stdout.split())
    for name in ("parse", "automaton", "tables", "conditions", "sense", "routes", "keys", "schema"):
        assert f"lambda_authorizer.rules.{name}" not in loaded
    assert not {"tomllib", "dataclasses", "pathlib", "inspect", "asyncio", "difflib", "ipaddress"} & loaded


@pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b", "c", "d"]])
def test_the_compiler_says_how_it_is_called(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong arguments: usage, exit code 2."""
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_mistake_fails_the_build_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The build ends with the message and exit code 1, and writes nothing."""
    source = tmp_path / "rules.toml"
    source.write_text("schema = 2\n")
    assert main([str(source), str(tmp_path / "out.json")]) == 1
    assert "rules.toml:1: schema: found 2" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    assert main([str(tmp_path / "none.toml"), "x"]) == 1
    source.write_bytes(b"\xff")
    assert main([str(source), "x"]) == 1


RULE = HEAD + '[[rule]]\nname = "r"\nallow = ["GET /a/{b}", "ANY /c"]\nscopes = ["s"]\n'


def test_routes_of_the_api_beside_the_rules_are_taken(tmp_path: Path) -> None:
    """`routes.json` makes the routes known; what no rule names belongs to nobody."""
    (tmp_path / "routes.json").write_text(json.dumps(["GET /a/{x}", "GET /a/export", "GET /c"]))
    rules = load_compiled(compiled(tmp_path, RULE), file="c", environment={})
    assert rules.routes_known
    # `ANY /c` of a rule speaks of every method, so `GET /c` is no other route.
    assert [route.text for route in rules.routes] == ["GET /a/{b}", "ANY /c", "GET /a/export"]


@pytest.mark.parametrize("content", ["{}", "[1]", "nonsense"])
def test_routes_of_the_api_must_be_a_list(
    tmp_path: Path, content: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else beside the rules fails the build."""
    routes = tmp_path / "routes.json"
    routes.write_text(content)
    source = tmp_path / "r.toml"
    source.write_text(RULE)
    assert main([str(source), str(tmp_path / "out"), str(routes)]) == 1
    assert "no JSON list" in capsys.readouterr().err


def test_a_part_of_a_compiled_file_is_refused(tmp_path: Path) -> None:
    """A file that was cut off, or has lines too many, stops the start: a rule less could be a deny less."""
    data = compiled(tmp_path, SHIPPED.read_text())
    for other in (data[: data.rindex(b"\n", 0, -1) + 1], data + b"[]\n"):
        with pytest.raises(ConfigurationError, match="a part of a file"):
            load_compiled(other, file="rules.compiled.jsonl", environment=ENVIRONMENT)


def test_rows_are_made_when_they_are_asked_for_and_once() -> None:
    """A start reads the members it needs; a member is the same object each time."""
    asked: list[int] = []

    def make(row: int) -> tuple[int, ...]:
        asked.append(row)
        return (row,)

    rows = Rows([b"1", 2, b"3"], make)
    assert len(rows) == 3
    assert asked == []
    assert rows[1] is rows[1]
    assert asked == [2]
    assert list(rows) == [(1,), (2,), (3,)]
    assert asked == [2, 1, 3]
    with pytest.raises(IndexError):
        _ = rows[3]
