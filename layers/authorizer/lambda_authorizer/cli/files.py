"""Reading what a command names: rules files with their environment, templates, documents.

Variables of a rules file (`${NAME}`) come from `--env`, then `--env-file`, then the environment. One that nobody
set gets a stand-in, because a check in CI knows no issuer; which ones did is said.
"""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from lambda_authorizer.rules import RuleSet

_MAX_BYTES = 8 * 1024 * 1024
_REQUIRED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ISSUER = re.compile(r"issuer\[(\d+)\](?:\.([A-Za-z_]+))?")
ROUTES = "routes.json"
_HOMES = ("rules.toml", "authorizers/rules.toml")


class Loaded(NamedTuple):
    """A rules file, read."""

    rules: "RuleSet"
    file: str
    text: str
    environment: Mapping[str, str]
    stood_in: tuple[str, ...]  # variables that nobody set

    def __repr__(self) -> str:
        """Show the file only: an environment holds secrets."""
        return f"Loaded({self.file!r})"


def read_text(path: str | Path, what: str) -> str:
    """Return the text of a file.

    Raises:
        ConfigurationError: there is none, or it is no UTF-8 text of a reasonable size.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(str(path), "file", (error.strerror or "unreadable").lower(), what) from None
    if len(data) > _MAX_BYTES:
        raise ConfigurationError(str(path), "file", f"more than {_MAX_BYTES} bytes", what)
    try:
        return data.decode("utf-8-sig" if what != "a rules file" else "utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), "file", "bytes that are no UTF-8", what) from None


def rules_path(given: str | None) -> str:
    """Return the rules file named, or the one that lies where rules files lie."""
    if given is not None:
        return given
    for home in _HOMES:
        if Path(home).is_file():
            return home
    raise ConfigurationError(
        "command line", "RULES", "nothing", f"a rules file ({' or '.join(_HOMES)} is taken unasked)"
    )


def load_rules(
    path: str,
    given: Mapping[str, str],
    *,
    api_routes: Sequence[str] | None = None,
    known: bool = True,
    http_loopback: bool = False,
) -> Loaded:
    """Return the rules of a file, with a stand-in for each variable that nobody set.

    Args:
        path: the rules file.
        given: variables that overrule the environment's.
        api_routes: every route of the API; by default those of routes.json beside the rules, as in the build.
        known: False reads the rules alone, whatever lies beside them.
        http_loopback: accept key sets over http from a loopback address.

    Raises:
        ConfigurationError: the file cannot be read or holds a mistake.
    """
    from lambda_authorizer.rules import parse_rules

    text = read_text(path, "a rules file")
    environment = {**os.environ, **given}
    said = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    missing = tuple(name for name in dict.fromkeys(_REQUIRED.findall(said)) if not environment.get(name))
    environment |= {name: f"https://{name.lower().replace('_', '-')}.not-set.invalid" for name in missing}
    if api_routes is None and known:
        api_routes = known_routes(path)
    try:
        rules = parse_rules(
            text, file=path, environment=environment, api_routes=api_routes, http_loopback=http_loopback
        )
    except ConfigurationError as error:
        raise _located(error, text) from None
    return Loaded(rules, path, text, environment, missing)


def _located(error: ConfigurationError, text: str) -> ConfigurationError:
    """Return the error with its line: what is checked when variables have values knows table and key only."""
    from lambda_authorizer.rules.locate import line_of

    found = _ISSUER.match(error.key)
    if error.line is not None or found is None or error.file.endswith(".json"):
        return error
    line = line_of(text, "issuer", int(found[1]), found[2])
    return ConfigurationError(error.file, error.key, error.found, error.allowed, line=line, hint=error.hint)


def known_routes(path: str) -> list[str] | None:
    """Return the routes of the API that lie beside a rules file, or None where none do.

    Raises:
        ConfigurationError: routes.json is no list of routes.
    """
    beside = Path(path).with_name(ROUTES)
    if not beside.is_file():
        return None
    try:
        routes = json.loads(read_text(beside, "a list of routes"))
    except ValueError:
        routes = None
    if not isinstance(routes, list) or not all(isinstance(route, str) for route in routes):
        raise ConfigurationError(str(beside), "file", "something else", "a JSON list of routes")
    return routes


def pairs(values: Sequence[str], option: str) -> dict[str, str]:
    """Return NAME=VALUE options as a mapping.

    Raises:
        ConfigurationError: one has no `=`.
    """
    result = {}
    for value in values:
        name, equals, content = value.partition("=")
        if not equals or not name:
            raise ConfigurationError("command line", option, "no name and value", "NAME=VALUE")
        result[name] = content
    return result


def read_env_file(path: str) -> dict[str, str]:
    """Return the variables of a JSON file: flat, or one object for each function as `sam local` takes it."""
    text = read_text(path, "a JSON file of variables")
    try:
        document: Any = json.loads(text)
    except ValueError:
        raise ConfigurationError(path, "file", "broken JSON", "a JSON file of variables") from None
    result: dict[str, str] = {}
    sections = document.items() if isinstance(document, dict) else ()
    for name, value in sections:
        inner = value.items() if isinstance(value, dict) else [(name, value)]
        for key, content in inner:
            text_value = content if isinstance(content, str) else json.dumps(content)
            if result.setdefault(key, text_value) != text_value:
                raise ConfigurationError(
                    path, key, "different values for different functions", "one value for all"
                )
    if not result:
        raise ConfigurationError(path, "file", "no variables", "an object of names and values")
    return result


def environment_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--env` and `--env-file`; the command gets them merged as its argument `given`."""

    @click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="A variable of the rules file.")
    @click.option("--env-file", metavar="FILE", help="JSON file of variables, flat or as `sam local` takes it.")
    @wraps(function)
    def wrapped(*args: Any, env: tuple[str, ...], env_file: str | None, **kwargs: Any) -> None:
        given = {**(read_env_file(env_file) if env_file else {}), **pairs(env, "--env")}
        function(*args, given=given, **kwargs)

    return wrapped
