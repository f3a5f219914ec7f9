"""`python -m lambda_authorizer.rules.compile SRC DST [ROUTES]`: rules file → compiled rules, at build time.

ROUTES is a JSON list of every route the API sends to the authorizer (`check --template` writes it); without the
argument, a file `routes.json` beside SRC is taken where it is there. Needs the standard library only.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules.load import ROWS, TABLE_ROWS
from lambda_authorizer.rules.parse import compile_document

_ARGUMENTS = (2, 3)


def compile_file(source: Path, target: Path, routes: Path | None = None) -> None:
    """Write the compiled form of a rules file.

    Raises:
        ConfigurationError: the rules or the routes hold a mistake.
    """
    compiled = compile_document(_text(source), file=source.name, api_routes=_routes(source, routes))
    target.write_text(written(compiled), encoding="utf-8")


def written(compiled: Mapping[str, Any]) -> str:
    """Return the compiled file: a line of JSON with the length of each long list, then a line for each member.

    So a start reads the members that it needs. Byte for byte the same for the same rules: builds are compared.
    """
    head = dict(compiled, tables=[dict(table) for table in compiled["tables"]])
    rows: list[Any] = []
    for table, names in [(head, ROWS), *((table, TABLE_ROWS) for table in head["tables"])]:
        for name in names:
            rows += table[name]
            table[name] = len(table[name])
    return "".join(json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n" for line in [head, *rows])


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as wrong:
        raise ConfigurationError(
            path.name, "(whole file)", wrong.strerror or "an error", "a readable file"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(path.name, "(whole file)", "bytes that are no UTF-8", "UTF-8") from None


def _routes(source: Path, given: Path | None) -> Sequence[str] | None:
    path = given or source.with_name("routes.json")
    if given is None and not path.exists():
        return None
    try:
        routes = json.loads(_text(path))
    except ValueError:
        routes = None
    if not isinstance(routes, list) or not all(isinstance(route, str) for route in routes):
        raise ConfigurationError(path.name, "(whole file)", "no JSON list of strings", '["GET /orders/{id}", …]')
    return routes


def main(arguments: Sequence[str]) -> int:
    """Compile one file; return the exit code."""
    if len(arguments) not in _ARGUMENTS:
        sys.stderr.write("usage: python -m lambda_authorizer.rules.compile SRC DST [ROUTES]\n")
        return 2
    source, target, *routes = map(Path, arguments)
    try:
        compile_file(source, target, routes[0] if routes else None)
    except ConfigurationError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
