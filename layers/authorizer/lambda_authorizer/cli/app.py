"""The commands, their exit codes, and the one place where errors become sentences.

| exit code | means |
|---|---|
| 0 | done, and nothing to object to |
| 1 | done, and there is something to object to: a mistake in the rules, a failed case, an opened route |
| 2 | not done: wrong usage, a file that cannot be read, settings that contradict each other |
| 70 | a defect of this program |

A command is imported when it is called; `--help` alone imports them all.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from lambda_authorizer.cli import console
from lambda_authorizer.errors import AuthorizerError
from lambda_authorizer.version import __version__

COMMANDS = ("check", "test", "explain", "matrix", "diff", "init", "attach", "token", "keys")

FOUND = 1
NOT_DONE = 2
DEFECT = 70


class Commands(click.Group):
    """The group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a first use, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that is called."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"lambda_authorizer.cli.commands.{cmd_name}").command
        return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lambda-authorizer")
@click.option("--traceback", is_flag=True, help="Show the traceback of a defect of this program.")
def cli(*, traceback: bool) -> None:
    """Check, test and explain the rules of Lambda authorizers.

    Exit codes: 0 all is well, 1 something to object to, 2 could not be done (wrong usage, unreadable file).
    """
    del traceback  # read by `run`, which catches what gets out


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: in place of those of the process.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        cli(given, prog_name="lambda-authorizer", standalone_mode=True)
    except AuthorizerError as error:
        console.error(error)
        sys.exit(NOT_DONE)
    except Exception as error:
        if "--traceback" in given:
            raise
        console.fail(
            f"a defect of lambda-authorizer {__version__} ({type(error).__name__}); please report it, with what"
            " `lambda-authorizer --traceback …` prints for the same command"
        )
        sys.exit(DEFECT)
