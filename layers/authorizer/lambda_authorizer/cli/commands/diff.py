"""`diff`: what a change of rules opens and closes, in words."""

import json
from collections.abc import Mapping

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import environment_options, load_rules
from lambda_authorizer.cli.words import plural


@click.command("diff", short_help="Say what a change of rules opens and closes.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
@environment_options
def command(old: str, new: str, *, as_json: bool, given: Mapping[str, str]) -> None:
    """Say what the NEW rules open and close against the OLD ones.

    What may be an opening counts as one. Exit codes: 0 nothing is opened, 1 something is, 2 a file cannot be read.
    """
    from lambda_authorizer.cli.difference import changes

    found = changes(load_rules(old, given).rules, load_rules(new, given).rules)
    opened = sum(1 for change in found if change.effect == "opens")
    if as_json:
        click.echo(json.dumps([change._asdict() for change in found], indent=2))
    else:
        for change in found:
            style = "bold red" if change.effect == "opens" else "green"
            console.line((f"{change.effect:<7}", style), (change.what, "bold"), f" {change.text}")
        if not found:
            console.line("nothing is opened, nothing is closed")
        else:
            console.line(f"{plural('opening', opened)}, {plural('closing', len(found) - opened)}")
    if opened:
        raise SystemExit(1)
