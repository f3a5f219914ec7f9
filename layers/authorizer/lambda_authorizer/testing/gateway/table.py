"""Print the behaviour table into `docs/simulator.md`.

python -m lambda_authorizer.testing.gateway.table docs/simulator.md
"""

import sys
from pathlib import Path
from typing import Final

from lambda_authorizer.testing.gateway.behaviours import BEHAVIOURS, NOT_SIMULATED

START: Final = "<!-- behaviours: generated from testing/gateway/behaviours.py -->"
END: Final = "<!-- end of behaviours -->"


def table() -> str:
    """Return the table as Markdown."""
    rows = [
        f"| `{row.id}` | {row.what.replace('|', chr(92) + '|')} | {row.basis} | {row.source or '—'} |"
        for row in BEHAVIOURS.values()
    ]
    missing = [f"- {text}" for text in NOT_SIMULATED]
    head = ["| id | behaviour | known how | source |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, "", "What is not simulated:", "", *missing])


def in_page(text: str) -> str:
    """Return a page with the table between its marks.

    Raises:
        ValueError: the marks are not there.
    """
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError("the page has no place for the table")
    return f"{before}{START}\n\n{table()}\n\n{END}{after}"


def main(arguments: list[str]) -> None:
    """Rewrite the pages named."""
    for name in arguments:
        page = Path(name)
        page.write_text(in_page(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":  # pragma: no cover - the line that makes it a command
    main(sys.argv[1:])
