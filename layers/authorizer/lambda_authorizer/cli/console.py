"""Where text goes: results to standard output, remarks to standard error, colours only where somebody looks.

Consoles are made when they are needed, because a test and a pipe exchange the streams.
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PIPE_WIDTH = 10_000  # nothing is folded where a program reads


def out() -> Console:
    """Return the console of the results."""
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH, soft_wrap=True)


def remarks() -> Console:
    """Return the console of everything that is no result."""
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal else Console(stderr=True, highlight=False, width=_PIPE_WIDTH)


def line(*parts: str | tuple[str, str]) -> None:
    """Print one line of a result; a part may be a pair of text and style. Nothing in it is markup."""
    out().print(Text.assemble(*parts), soft_wrap=True)


def note(text: str) -> None:
    """Print a remark that changes nothing."""
    remarks().print(Text.assemble(("note: ", "cyan"), text), soft_wrap=True)


def fail(text: str) -> None:
    """Print why a command could not do its work."""
    remarks().print(Text.assemble(("error: ", "bold red"), text), soft_wrap=True)


def error(problem: Exception) -> None:
    """Print an error of the toolkit; a mistake in a file or setting gets its parts on lines of their own."""
    if not isinstance(problem, ConfigurationError):
        fail(str(problem))
        return
    where = f"{problem.file}:{problem.line}" if problem.line else problem.file
    text = Text.assemble(("error: ", "bold red"), (where, "bold"), f": {problem.key}")
    text.append(f"\n  found:   {problem.found}\n  allowed: {problem.allowed}")
    if problem.hint:
        text.append(f"\n  hint:    {problem.hint}")
    remarks().print(text, soft_wrap=True)


@contextmanager
def working(what: str) -> "Iterator[None]":
    """Show that something takes its time, to a person at a terminal only."""
    console = remarks()
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def table(headers: "Sequence[str]", rows: "Iterable[Sequence[str | Text]]", *, lines: bool = False) -> None:
    """Print a table: ruled for a person (`lines`: between rows too), columns apart by blanks in a pipe."""
    console = out()
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        texts = [[*headers], *([cell.plain for cell in row] for row in cells)]
        widths = [max(len(text) for text in column) for column in zip(*texts, strict=True)]
        for plain in texts:
            padded = (text.ljust(width) for text, width in zip(plain, widths, strict=True))
            console.print(Text("  ".join(padded).rstrip()), soft_wrap=True)
        return
    shown = Table(box=HORIZONTALS, header_style="bold", show_lines=lines, pad_edge=False)
    widest = max((len(row[0].plain) for row in cells), default=0)
    for at, header in enumerate(headers):
        # The first column is what a person looks for: it stays whole while it leaves the others half the room.
        shown.add_column(header, overflow="fold", no_wrap=at == 0 and widest <= console.width // 2)
    for row in cells:
        shown.add_row(*row)
    console.print(shown)
