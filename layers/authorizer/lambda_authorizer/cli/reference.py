"""The generated half of docs/cli.md: the findings of `check`, and every command's help.

    python -m lambda_authorizer.cli.reference docs/cli.md

writes it anew between its marks; a test holds the page to it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lambda_authorizer.cli.app import COMMANDS, cli
from lambda_authorizer.cli.findings import CODES

_WIDTH = 100
FINDINGS = "findings"
HELP = "help"


def findings() -> str:
    """Return the table of findings."""
    lines = ["| code | level | what it means |", "|---|---|---|"]
    lines += [f"| `{code}` | {level} | {meaning} |" for code, (level, meaning) in CODES.items()]
    return "\n".join(lines)


def usage() -> str:
    """Return the help of every command, each in a block of its own."""
    return "\n\n".join(f"```text\n{text}\n```" for text in _helps())


def _helps() -> Iterator[str]:
    top = click.Context(
        cli,
        info_name="lambda-authorizer",
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield cli.get_help(top)
    for name in COMMANDS:
        command = cli.get_command(top, name)
        if command is not None:
            context = click.Context(command, parent=top, info_name=name, terminal_width=_WIDTH)
            yield command.get_help(context)
            if isinstance(command, click.Group):
                for inner in command.list_commands(context):
                    found = command.get_command(context, inner)
                    if found is not None:
                        yield found.get_help(
                            click.Context(found, parent=context, info_name=inner, terminal_width=_WIDTH)
                        )


def written(page: str) -> str:
    """Return the page with its generated parts as they should be.

    Raises:
        ValueError: a mark is missing.
    """
    for name, text in ((FINDINGS, findings()), (HELP, usage())):
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        head, found, rest = page.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page lacks {begin} or {end}")
        page = f"{head}{begin}\n{text}\n{end}{tail}"
    return page


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(written(target.read_text(encoding="utf-8")), encoding="utf-8")
