"""The tables in the docs are those of the code, and the gateway responses are safe to copy."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tests import front_tables

from lambda_authorizer import errors
from lambda_authorizer.response import OUTCOMES, Outcome
from lambda_authorizer.response.reasons import REASONS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "layers" / "authorizer" / "lambda_authorizer"
SNIPPETS = sorted((ROOT / "docs" / "snippets").glob("gateway-responses-*.yaml"))


@pytest.mark.parametrize("name", front_tables.PAGES)
def test_generated_tables_are_in_step(name):
    """`python tests/front_tables.py` writes them."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert front_tables.filled(text) == text
    assert "<!-- table" in text


def test_every_outcome_has_a_row():
    """The printed table leaves none out."""
    assert list(front_tables.ROWS) == list(OUTCOMES)


def test_every_error_has_its_reason_in_the_table():
    """With the outcome that the error leads to."""
    outcome_of = {one.slug: one.outcome for one in REASONS}
    assert len(outcome_of) == len(REASONS)

    def below(error: type[errors.AuthorizerError]) -> list[type[errors.AuthorizerError]]:
        return [error, *(deeper for child in error.__subclasses__() for deeper in below(child))]

    for error in below(errors.AuthorizerError):
        expected = (
            "unauthorized"
            if issubclass(error, errors.TokenError)
            else "unavailable"
            if issubclass(error, errors.IssuerUnavailableError)
            else "broken"
        )
        assert outcome_of[error.reason] == expected


def test_every_decision_in_the_source_has_its_reason_in_the_table():
    """No `Decision` is made with a word that the table does not know."""
    known = {one.slug for one in REASONS}
    found = set()
    for file in [*(PACKAGE / "policy").glob("*.py"), *(PACKAGE / "authorizer").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Decision" and len(node.args) > 1:
                found |= {part.value for part in ast.walk(node.args[1]) if isinstance(part, ast.Constant)}
    assert {"allowed", "no_rule_allows", "path_refused"} <= found
    assert found <= known


def test_slugs_can_stand_in_any_template():
    """Lower-case letters and underscores, short enough for a log field."""
    for one in REASONS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", one.slug)
        assert len(one.slug) <= 32
        assert one.outcome in get_args(Outcome)
        assert one.meaning
        assert one.remedy


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as plain mappings."""


Template.add_multi_constructor(
    "!",
    lambda loader, suffix, node: {suffix: loader.construct_scalar(node)},  # type: ignore[arg-type] # all are scalars here
)


def strings(value: Any) -> list[str]:
    """Return every string of a document."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: path.name)
def test_response_templates_hold_nothing_that_a_caller_writes(snippet):
    """The gateway's own request id and our own word are all; no CORS wildcard, a static challenge."""
    document = yaml.load(snippet.read_text(encoding="utf-8"), Template)
    texts = strings(document["Resources"])
    used = {name for text in texts for name in re.findall(r"\$[\w.]+", text)}
    assert used <= {"$context.requestId", "$context.authorizer.reason"}
    assert "$context.authorizer.reason" in used
    assert "'*'" not in texts
    assert "'Bearer realm=\"api\"'" in texts
    bodies = [text for text in texts if text.startswith('{"error"')]
    assert len(bodies) == 4
    for body in bodies:
        assert set(json.loads(body)) <= {"error", "reason", "requestId"}


def test_both_snippets_say_the_same():
    """One for each way of owning the API."""
    sam, plain = (
        {text for text in strings(yaml.load(path.read_text(encoding="utf-8"), Template)) if text.startswith("{")}
        for path in reversed(SNIPPETS)
    )
    assert {text for text in sam if "error" in text} == plain


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: path.name)
def test_snippets_pass_cfn_lint(snippet):
    """As CloudFormation resources, after the SAM transform."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--regions", "eu-west-1", "--", str(snippet)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not (ROOT / ".tools" / "sam").exists(), reason="SAM CLI is not installed: make it with `make build`"
)
def test_the_sam_snippet_is_valid_for_sam():
    """`sam validate` knows properties that cfn-lint does not."""
    done = subprocess.run(
        [str(ROOT / "tools" / "sam"), "validate", "--template", str(SNIPPETS[-1]), "--region", "eu-west-1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
