"""The editors' schema is made from the parser's definitions and agrees with the parser."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from tests.rules.parts import HEAD
from tests.rules.test_mistakes import MISTAKES

from lambda_authorizer.rules.schema import json_schema, text

ROOT = Path(__file__).parents[2]
# What only the parser can say: names that must agree, text inside a route, rules that never matter.
BEYOND = {
    "duplicate name", "variable in a name", "no condition", "unknown tier", "tier without tiers",
    "impossible tier",
    "unknown issuer", "authenticated beside more", "anonymous beside scopes", "anonymous deny", "bad network",
    "host bits", "claims range", "claims entry both", "present and absent", "where without variable", "empty name",
    "where on a literal route", "where on an open end", "unknown requirement", "unused requirement", "narrow deny",
    "default no tier", "value no tier", "usage key no tier", "usage key in the file", "rule closed by a deny",
    "rule that gives nothing", "deny rules only", "empty segment", "dot segment", "half a variable",
    "unnamed variable", "variable twice", "open end inside", "wildcard in a route", "encoded slash", "too long",
    "too deep", "channel without namespace", "route twice", "no TOML", "claims date",
}  # fmt: skip


def test_the_file_in_the_docs_is_up_to_date() -> None:
    """`python -m lambda_authorizer.rules.schema docs/rules.schema.json` changes nothing."""
    assert (ROOT / "docs" / "rules.schema.json").read_text() == text()


def test_the_shipped_rules_fit() -> None:
    """The schema is one, and takes the shipped file."""
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads((ROOT / "authorizers" / "rules.toml").read_text()), schema)


@pytest.mark.parametrize("mistake", sorted(set(MISTAKES) - BEYOND))
def test_mistakes_of_shape_are_seen_by_editors(mistake: str) -> None:
    """What the parser refuses for its shape, the schema refuses too."""
    document = json.loads(json.dumps(tomllib.loads(HEAD + MISTAKES[mistake][0]), default=str))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())
