"""Where the emulator departs from AWS, by scenario: what it does instead, and why. Nothing is bent to please it.

`docs/simulator.md` prints this table; `make offline` fails when the emulator does anything
else than what stands here.

    python -m tests.offline.differences     # print it there anew
"""

from typing import Final, NamedTuple

from tests.e2e.built import ROOT
from tests.offline.scenarios import SCENARIOS

EMULATOR: Final = "osls 4.3.1 with serverless-offline 14.8.2"
PAGE: Final = ROOT / "docs/simulator.md"
START: Final = "<!-- differences: generated from tests/offline/differences.py -->"
END: Final = "<!-- end of differences -->"


class Difference(NamedTuple):
    """One scenario that the emulator answers otherwise."""

    status: int
    why: str


_TEMPLATE = (
    "the ARN given to the function holds the route's template (`/loyalty/{customerId}`), not the path called"
)
_NO_ROUTE = "a path that the API does not have is 404, as on an HTTP API"
_RAISED = "every error of a function is 401, after the function's timeout"
_RAISED_WEBSOCKET = "every error of a function is 500, `Unauthorized` too"
_KIND = 'a REST event says `"version": "1.0"` as an HTTP API\'s does, and gets the Deny that an HTTP API gets'

DIFFERENCES: Final[dict[str, Difference]] = {
    "token: one's own": Difference(403, _TEMPLATE),
    "request: one's own": Difference(403, _TEMPLATE),
    "http-simple: one's own": Difference(403, _TEMPLATE),
    "http-policy: one's own": Difference(403, _TEMPLATE),
    "token: a path of no route": Difference(404, _NO_ROUTE),
    "request: a path of no route": Difference(404, _NO_ROUTE),
    "request: expired": Difference(403, _KIND),
    "request: bad signature": Difference(403, _KIND),
    "websocket: expired": Difference(500, _RAISED_WEBSOCKET),
    "websocket: no token": Difference(500, "the function is asked without its identity source, and raises"),
    "broken-request: the function fails": Difference(401, _RAISED),
    "broken-http-simple: the function fails": Difference(401, _RAISED),
}


def table() -> str:
    """Return the table as Markdown."""
    aws = {scenario.name: scenario.aws for scenario in SCENARIOS}
    rows = [f"| {name} | {aws[name]} | {found.status} | {found.why} |" for name, found in DIFFERENCES.items()]
    agreeing = len(SCENARIOS) - len(DIFFERENCES)
    head = f"Of {len(SCENARIOS)} scenarios, {agreeing} come out alike; {EMULATOR} departs from AWS in these:"
    columns = ["| scenario | AWS and simulator | emulator | why |", "| --- | --- | --- | --- |"]
    return "\n".join([head, "", *columns, *rows])


def in_page(text: str) -> str:
    """Return a page with the table between its marks."""
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(END)
    assert mark, "the page has no place for the table"
    return f"{before}{START}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(in_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
