"""docs/presets.md says of each preset what the code does."""

import re
from pathlib import Path

import pytest

from lambda_authorizer.tokens.presets import PRESETS, STS_NAMESPACE
from lambda_authorizer.tokens.table import INTROSPECTION_KEYS, ISSUER_KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "presets.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
]


def row(preset: str, cells: int) -> list[str]:
    """The row of a preset in the table of that many columns."""
    return next(found for found in ROWS if len(found) == cells and f"`{preset}`" in found[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_algorithms_of_each_preset_are_those_on_the_page(preset: str) -> None:
    """In the order of the code."""
    written = row(preset, 5)[4].replace("as `oidc`", row("oidc", 5)[4])
    assert tuple(written.split()) == PRESETS[preset].algorithms


@pytest.mark.parametrize("preset", PRESETS)
def test_claims_of_each_preset_are_those_on_the_page(preset: str) -> None:
    """Every path that is read by default, and nothing where nothing is read."""
    cells = dict(zip(("id", "scopes", "groups", "roles", "tenant"), row(preset, 6)[1:], strict=True))
    for field, text in cells.items():
        names = {path[-1] for path in PRESETS[preset].claim_paths[field]}
        if preset == "keycloak" and field == "roles":
            assert "realm roles" in text
        else:
            assert set(re.findall(r"`([^`]+)`", text)) - {STS_NAMESPACE} == names


def test_every_key_of_an_issuer_table_is_on_the_page() -> None:
    """And none that does not exist."""
    table = PAGE.partition("## Keys of an issuer table")[2].partition("##")[0]
    keys = {
        name
        for line in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", line)
    }
    assert keys == ISSUER_KEYS
    assert all(f"{key} = " in PAGE for key in INTROSPECTION_KEYS)


def test_presets_that_can_be_asked_are_those_on_the_page() -> None:
    """Introspection is for providers whose access tokens can be opaque."""
    sentence = re.search(r"The presets (.+) can be asked so", PAGE)
    assert sentence is not None
    named = set(re.findall(r"`(\w+)`", sentence.group(1)))
    assert named == {name for name, preset in PRESETS.items() if preset.introspection}
