"""`lambda-authorizer matrix`: who may call what, in four forms."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.cli.conftest import RULES, Run

from lambda_authorizer.cli.matrix import ANYONE, OTHERS, Matrix, matrix
from lambda_authorizer.cli.matrix_html import page
from lambda_authorizer.rules import parse_rules

HEAD = '[[issuer]]\nname = "main"\nurl = "https://issuer.example"\naudience = ["api"]\n'


def _matrix(rules: str, by: str | None = None) -> Matrix:
    tiers = '[tiers]\norder = ["low", "top"]\ndefault = "low"\n' if "tier" in rules else ""
    text = f"schema = 1\n{HEAD}{tiers}{rules}"
    return matrix(parse_rules(text, file="r.toml", environment={}), by)  # type: ignore[arg-type]


def _rule(name: str, effect: str, route: str, *conditions: str) -> str:
    return "\n".join(["[[rule]]", f'name = "{name}"', f'{effect} = ["{route}"]', *conditions, ""])


def _cells(shown: Matrix) -> dict[str, dict[str, str]]:
    return {
        row.route: {column: cell.text for column, cell in zip(shown.columns, row.cells, strict=True)}
        for row in shown.rows
    }


def test_tiers_stand_in_their_order_with_what_they_still_need(lambda_authorizer: Run) -> None:
    """A tier that is too low never may, one that is high enough needs the rest; piped, nothing is folded."""
    lines = lambda_authorizer("matrix").out.splitlines()
    assert lines[0].split() == ["route", "standard", "silver", "gold"]
    points = re.split(r"\s{2,}", lines[3])
    assert points == [
        "POST /loyalty/{customerId}/points",
        "no",
        "no",
        "with scope loyalty:write and group partners",
    ]
    assert "with scope loyalty:read and customerId = sub" in lines[1]


def test_scopes_show_what_each_opens() -> None:
    """A rule that asks for two scopes needs the other; one that asks for none is open to every caller."""
    rules = _rule("both", "allow", "GET /a", 'scopes = ["x", "y"]') + _rule(
        "any", "allow", "GET /b", "authenticated = true"
    )
    shown = _matrix(rules + _rule("one", "allow", "GET /c", 'any_scopes = ["x", "z"]'), "scope")
    assert shown.columns == ("x", "y", "z", OTHERS)
    assert _cells(shown) == {
        "GET /a": {"x": "with scope y", "y": "with scope x", "z": "no", OTHERS: "no"},
        "GET /b": {"x": "yes", "y": "yes", "z": "yes", OTHERS: "yes"},
        "GET /c": {"x": "yes", "y": "no", "z": "yes", OTHERS: "no"},
    }


def test_hierarchical_scopes_cover_those_below() -> None:
    """With the hierarchical strategy `orders` opens what `orders:read` opens, and not the reverse."""
    rules = _rule("r", "allow", "GET /a", 'scopes = ["orders:read"]') + _rule(
        "w", "allow", "GET /b", 'scopes = ["orders"]'
    )
    text = f'schema = 1\nscope_strategy = "hierarchical"\n{HEAD}{rules}'
    cells = _cells(matrix(parse_rules(text, file="r.toml", environment={}), "scope"))
    assert cells["GET /a"]["orders"] == "yes"
    assert cells["GET /b"]["orders:read"] == "no"


def test_groups_and_deny_rules() -> None:
    """A deny rule on the whole route is a no for its group, and a remark for everybody else."""
    rules = _rule("staff", "allow", "GET /a/{id}", 'groups = ["staff"]') + _rule(
        "own", "allow", "GET /a/{id}", 'scopes = ["s"]'
    )
    rules += _rule("bad", "deny", "ANY /a/{rest+}", 'groups = ["bad"]')
    rules += _rule("secret", "deny", "GET /a/secret", 'roles = ["guest"]')
    cells = _cells(_matrix(rules, "group"))["GET /a/{id}"]
    assert cells["bad"] == "no"
    assert cells["staff"] == "yes; not on GET /a/secret role guest"
    assert cells[OTHERS] == "with scope s; not on GET /a/secret role guest"


def test_roles_and_no_credential() -> None:
    """A rule for everybody has a column of its own."""
    rules = _rule("free", "allow", "GET /free", "anonymous = true") + _rule(
        "r", "allow", "GET /r", 'all_roles = ["a", "b"]'
    )
    cells = _cells(_matrix(rules, "role"))
    assert cells["GET /free"] == {ANYONE: "yes", "a": "yes", "b": "yes", OTHERS: "yes"}
    assert cells["GET /r"] == {ANYONE: "no", "a": "with role b", "b": "with role a", OTHERS: "no"}


def test_columns_are_what_the_rules_use() -> None:
    """Unasked, the columns are tiers, else scopes, else groups, else roles."""
    assert _matrix(_rule("r", "allow", "GET /a", 'groups = ["g"]')).by == "group"
    assert _matrix(_rule("r", "allow", "GET /a", 'scopes = ["g"]')).by == "scope"
    assert _matrix(_rule("r", "allow", "GET /a", 'tier = "top"')).by == "tier"
    nothing = _matrix(_rule("r", "allow", "GET /a", "authenticated = true"))
    assert (nothing.by, nothing.columns) == ("tier", (OTHERS,))


def test_markdown_and_csv(lambda_authorizer: Run, folder: Path) -> None:
    """Both hold every row; a cell that a spreadsheet would run is disarmed."""
    text = lambda_authorizer("matrix", "--format", "markdown").out
    assert text.splitlines()[0] == "| route | standard | silver | gold |"
    assert text.count("\n") == 5
    assert lambda_authorizer("matrix", "--format", "csv", "-o", "m.csv").out == ""
    rows = list(csv.reader(io.StringIO((folder / "m.csv").read_text(encoding="utf-8"))))
    assert rows[0] == ["route", "rules", "standard", "silver", "gold"]
    assert rows[3][0] == "POST /loyalty/{customerId}/points"
    (folder / "rules.toml").write_text(RULES.replace("gold partners", "=cmd|'/C calc'!A0 |"), encoding="utf-8")
    formula = list(csv.reader(io.StringIO(lambda_authorizer("matrix", "--format", "csv").out)))
    assert formula[3][1].startswith("'=cmd")
    assert lambda_authorizer("matrix", "--format", "csv", "-o", "nowhere/m.csv").code == 2


class _Page(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_needs_nothing_from_outside(lambda_authorizer: Run) -> None:
    """No script, no link, no image, no address: the page works from a mail and tells nobody who reads it."""
    text = lambda_authorizer("matrix", "--format", "html").out
    tags = _Page(text).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "a", "form"}
    assert not [
        name for _, attributes in tags for name in attributes if name in {"src", "href", "style", "onclick"}
    ]
    assert "http" not in text.replace("http-equiv", "")
    (policy,) = (one["content"] for tag, one in tags if one.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")


def test_the_page_escapes_every_text() -> None:
    """A rule's name, a scope and a file name are text, whatever they look like."""
    bad = "<script>alert(1)</script>"
    shown = _matrix(_rule(bad, "allow", "GET /a", f'scopes = ["{bad}"]', f'groups = ["{bad}"]'), "scope")
    text = page(shown, file=bad, digest="0" * 64)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 5


def test_the_page_says_every_cell_once_and_names_its_columns_on_a_phone() -> None:
    """Cells that repeat the one before are marked, and the first names all the columns it stands for."""
    rules = _rule("all", "allow", "GET /a", "authenticated = true") + _rule(
        "top", "allow", "GET /b", 'tier = "top"'
    )
    text = page(_matrix(rules, "tier"), file="r.toml", digest="0" * 64)
    cells = [attributes for tag, attributes in _Page(text).tags if tag == "td"]
    assert [(cell["class"], cell["data-column"]) for cell in cells] == [
        ("yes", "low, top"),
        ("yes same", ""),
        ("no", "low"),
        ("yes", "top"),
    ]


@pytest.mark.parametrize("by", ["tier", "scope", "group", "role"])
def test_every_cell_agrees_with_the_decision(by: str) -> None:
    """A plain yes or no of the matrix is what the function decides about a caller with just that attribute."""
    from lambda_authorizer.policy import decide
    from lambda_authorizer.principal import Principal
    from lambda_authorizer.rules import grants_for

    rules = (
        _rule("1", "allow", "GET /1", 'scopes = ["a"]')
        + _rule("2", "allow", "GET /2", 'groups = ["a", "b"]')
        + _rule("3", "allow", "GET /3", 'min_tier = "top"')
        + _rule("4", "allow", "GET /4", 'roles = ["a"]')
        + _rule("5", "allow", "GET /5", "authenticated = true")
        + _rule("6", "deny", "GET /5", 'groups = ["b"]')
    )
    text = f'schema = 1\n{HEAD}[tiers]\norder = ["low", "top"]\ndefault = "low"\n{rules}'
    parsed = parse_rules(text, file="r.toml", environment={})
    shown = matrix(parsed, by)  # type: ignore[arg-type]
    nothing: frozenset[str] = frozenset()
    for index, column in enumerate(shown.columns):
        held = nothing if column == OTHERS else frozenset({column})
        caller = Principal(
            "c",
            "main",
            held if by == "scope" else nothing,
            held if by == "group" else nothing,
            held if by == "role" else nothing,
            column if by == "tier" else "low",
            None,
            {},
            None,
            nothing,
        )
        for row in shown.rows:
            allowed = decide(grants_for(parsed, caller, None), *row.route.split(" ")).allowed
            cell = row.cells[index]
            if not cell.ways and not cell.unless:
                assert cell.allowed == allowed, (row.route, column)
            elif cell.ways:
                assert not allowed, (row.route, column)
