"""docs/cli.md says what the program says."""

import re
from pathlib import Path

from tests.cli.conftest import Run

from lambda_authorizer.cli import lint
from lambda_authorizer.cli.commands import check
from lambda_authorizer.cli.findings import CODES
from lambda_authorizer.cli.reference import written

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_help_and_findings_stand_in_the_page_word_for_word() -> None:
    """After a change: `python -m lambda_authorizer.cli.reference docs/cli.md`."""
    assert written(PAGE) == PAGE


def test_every_finding_has_a_meaning() -> None:
    """Each code that check can yield is in the table, with its level."""
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (lint, check)]
    yielded = {
        (code, level)
        for source in sources
        for level, code in re.findall(r'Finding\(\s*"(error|warning|note)",\s+"([a-z-]+)"', source)
    }
    assert len(yielded) >= 25
    assert {(code, CODES[code][0]) for code, _ in yielded} == yielded
    corners = {code for code in CODES if code.startswith("corner-")}
    assert {code for code, _ in yielded} | corners == set(CODES)


def test_the_documented_explanation_is_the_real_one(lambda_authorizer: Run) -> None:
    """The block under "Explain" is what its second command prints for the shipped rules."""
    rules = str(ROOT / "authorizers" / "rules.toml")
    claims = '{"sub": "c-1", "scope": "loyalty:read"}'
    result = lambda_authorizer("explain", "--claims", claims, "--route", "GET /loyalty/c-2", "--rules", rules)
    assert f"```text\n{result.out}```" in PAGE
