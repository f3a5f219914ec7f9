"""`matrix`: who may call what, for a terminal, a document, a spreadsheet or a phone."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.text import Text

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import environment_options, load_rules, rules_path
from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from lambda_authorizer.cli.matrix import Cell

_FORMATS = ("table", "markdown", "csv", "html")


@click.command("matrix", short_help="Show who may call what.")
@click.argument("rules_file", metavar="[RULES]", required=False)
@click.option(
    "--by", type=click.Choice(("tier", "scope", "group", "role")), help="Columns. [default: what the rules use]"
)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="table", show_default=True, help="Form.")
@click.option("--output", "-o", metavar="FILE", help="Write to this file.")
@environment_options
def command(
    rules_file: str | None,
    by: Literal["tier", "scope", "group", "role"] | None,
    form: str,
    output: str | None,
    *,
    given: Mapping[str, str],
) -> None:
    """Show each route against each tier, scope, group or role.

    A cell tells what a caller with that attribute still needs. The HTML page is one file that needs nothing else
    and reads well on a phone.
    """
    from lambda_authorizer.cli.matrix import comma_separated, markdown, matrix
    from lambda_authorizer.cli.matrix_html import page

    loaded = load_rules(rules_path(rules_file), given)
    shown = matrix(loaded.rules, by)
    if form == "table" and output is None:
        rows: list[tuple[str | Text, ...]] = [
            (row.route, *(_styled(cell) for cell in row.cells)) for row in shown.rows
        ]
        console.table(("route", *shown.columns), rows, lines=True)
        return
    if form == "html":
        text = page(shown, file=Path(loaded.file).name, digest=loaded.rules.digest)
    else:
        text = comma_separated(shown) if form == "csv" else markdown(shown)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError("command line", "--output", (error.strerror or "").lower(), "a file") from None


def _styled(cell: "Cell") -> Text:
    if not cell.allowed:
        return Text(cell.text, style="dim")
    return Text(cell.text, style="yellow" if cell.ways else "green")
