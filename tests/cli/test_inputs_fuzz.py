"""Whatever a template or document holds, reading it ends in data or in a sentence."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cli import test_inputs_openapi, test_inputs_template

from lambda_authorizer.cli.draft import draft
from lambda_authorizer.cli.inputs import Document, read_openapi, read_template
from lambda_authorizer.cli.inputs.loader import load_document
from lambda_authorizer.cli.lint import api_routes, findings
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import parse_rules

RULES = parse_rules(
    'schema = 1\n[[issuer]]\nname = "main"\nurl = "https://issuer.example"\naudience = ["api"]\n'
    '[[rule]]\nname = "r"\nallow = ["GET /orders/{id}", "$connect", "Query.orders"]\nscopes = ["a"]\n',
    file="rules.toml",
    environment={},
)
JUNK = st.sampled_from(
    [
        *(None, True, 0, -1, 2.5, "", "x", "/", "GET", "{id", [], [None], ["x", 1], {}, {"": None}, {1: 2}),
        *({"Ref": "Api"}, {"Fn::If": ["a"]}, {"Fn::Sub": "${A.B}"}, {"Fn::GetAtt": []}),
        *({"Fn::Select": [9, []]}, {"Fn::Join": 1}),
    ]
)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, as the steps that lead there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in items:
        found += _places(item, (*path, key))
    return found


def _broken(document: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    result = copy.deepcopy(document)
    inner: Any = result
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = copy.deepcopy(junk)
    return result


def _document(read: Callable[..., Document], text: str, file: str) -> Document | None:
    """Return what is read, or None where it is refused; a refusal names the file."""
    refusal = ""
    try:
        return read(text, file=file)
    except ConfigurationError as error:
        refusal = str(error)
    assert refusal.startswith(file)
    return None


def _used(document: Document | None) -> None:
    """Do everything that commands do with a document; drafting may refuse it, too."""
    if document is None:
        return
    list(findings(RULES, document))
    api_routes(document, RULES)
    with contextlib.suppress(ConfigurationError):
        draft([document])


TEMPLATES = [
    load_document(text, file="t.yaml")
    for text in (test_inputs_template.SAM, test_inputs_template.HTTP, test_inputs_template.CLASSIC)
]
DOCUMENTS = [load_document(text, file="a.yaml") for text in (test_inputs_openapi.REST, test_inputs_openapi.HTTP)]


@SETTINGS
@given(st.data())
def test_a_template_with_junk_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    """Any value in any place: no other exception than the one that names file, key, found and allowed."""
    template = data.draw(st.sampled_from(TEMPLATES))
    for _ in range(data.draw(st.integers(1, 3))):
        template = _broken(template, data.draw(st.sampled_from(_places(template))), data.draw(JUNK))
    _used(_document(read_template, yaml.safe_dump(template), "t.yaml"))


@SETTINGS
@given(st.data())
def test_a_document_with_junk_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    """The same for OpenAPI documents."""
    definition = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        definition = _broken(definition, data.draw(st.sampled_from(_places(definition))), data.draw(JUNK))
    _used(_document(read_openapi, yaml.safe_dump(definition), "a.yaml"))


@SETTINGS
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Text that is no YAML at all ends in the same error."""
    for read in (read_template, read_openapi):
        _used(_document(read, text, "t"))
