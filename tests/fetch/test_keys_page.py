"""docs/keys.md says what the code says: its numbers, its slugs and its tests exist."""

import re
from pathlib import Path

from lambda_authorizer.fetch.doctor import ADVICE
from lambda_authorizer.keys import Limits

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")


def test_every_test_named_on_the_page_exists() -> None:
    """A behaviour without its test is a promise without proof."""
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    defined: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        if "node_modules" not in path.parts:
            defined |= set(re.findall(r"def (test_[a-z0-9_]+)\(", path.read_text(encoding="utf-8")))
    assert len(named) > 50
    assert named - defined == set()


def words(name: str, value: int) -> str:
    """Return a number the way the page writes it."""
    if name in {"unknown_credits", "negative_entries"}:
        return str(value)
    for unit, size in (("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if value % size == 0:
            return f"{value // size} {unit}"
    return f"{value} ms"


def test_every_number_of_the_key_source_is_on_the_page() -> None:
    """The table of numbers is that of the code."""
    limits = Limits()
    for name in Limits.__slots__:
        assert f"| `{name}` | {words(name, getattr(limits, name))} |" in PAGE


def test_every_slug_is_explained_on_the_page() -> None:
    """As the doctor explains it."""
    for slug, advice in ADVICE.items():
        assert f"| `{slug}` | {advice} |" in PAGE
