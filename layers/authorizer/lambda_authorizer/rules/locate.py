"""Where a key stands in a TOML file: tomllib gives no positions, so a failing check looks for them."""

import re
from typing import Final

_HEADER: Final = r"^\s*\[\[?\s*([A-Za-z0-9_\-.\"']+)\s*\]\]?"
_ASSIGNMENT: Final = r"^\s*([A-Za-z0-9_\-\"'.:/]+)\s*="


def line_of(text: str, table: str, number: int | None, key: str | None) -> int | None:
    """Return the line (from 1) of a key in a table, else of the table's header, else None.

    Args:
        text: the file.
        table: the table's dotted name, "" for the top of the file.
        number: which one of an array of tables, from 0.
        key: the key inside it; None for the table itself.
    """
    current, seen, header_line = "", -1, None
    for at, line in enumerate(text.splitlines(), start=1):
        header = re.match(_HEADER, line)
        if header:
            current = header.group(1).replace('"', "").replace("'", "")
            if current == table:
                seen += 1
                if number is None or seen == number:
                    header_line = header_line or at
                    if key is None:
                        return at
            continue
        if key is not None and current == table and (number is None or not table or seen == number):
            assignment = re.match(_ASSIGNMENT, line)
            if assignment and assignment.group(1).strip("\"'") == key:
                return at
    return header_line
