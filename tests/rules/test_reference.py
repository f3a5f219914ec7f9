"""The reference in the docs is made from the parser's definitions."""

from pathlib import Path

import pytest

from lambda_authorizer.policy.reference import render

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["rules.md", "policy.md"])
def test_generated_parts_of_the_docs_are_up_to_date(name: str) -> None:
    """`python -m lambda_authorizer.policy.reference docs/rules.md docs/policy.md` changes nothing."""
    text = (DOCS / name).read_text()
    assert "<!-- generated: " in text
    assert render(text) == text


def test_a_stale_table_is_noticed() -> None:
    """What stands between the marks is replaced, the rest is left alone."""
    assert "| `schema` |" in render("a\n<!-- generated: top -->\nstale\n<!-- end -->\nb")
    assert render("a\nb") == "a\nb"
