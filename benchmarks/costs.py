"""What authorizers cost for a million API calls, with safe result caching and without: the table of docs/costs.md.

The model: callers come in sessions. A session makes `calls` calls, `spacing` seconds apart, over `routes`
different routes of one API, with one token. A result cache with a time to live keeps an answer for one token.
Whether one kept answer serves all routes or only the route that was asked depends on the policy: a policy for the
whole API serves all; a policy for one method must not be kept for others, so each route asks anew.

Laws of this file: every input is named, with its unit and where it comes from; prices are inputs too.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[1] / "docs" / "costs.md"
BEGIN, END = "<!-- computed: begin -->", "<!-- computed: end -->"
MILLION = 1_000_000


class Prices(NamedTuple):
    """Dollars: AWS Lambda on arm64 and CloudWatch in us-east-1, public price lists; check them first."""

    request: float = 0.20 / MILLION  # Lambda, one invocation
    gigabyte_second: float = 0.0000133334  # Lambda, arm64, first tier
    log_gigabyte: float = 0.50  # CloudWatch Logs, ingestion
    rest_call: float = 3.50 / MILLION  # API Gateway REST, for comparison only


class Function(NamedTuple):
    """One authorizer function; the times are set by the deployer's own figures, these are stated examples."""

    memory_gb: float = 0.5
    warm_ms: float = 2.0  # billed for a warm invocation, rounded up to whole milliseconds
    cold_ms: float = 250.0  # INIT and first invocation, both billed
    cold_share: float = 0.005  # of invocations
    log_bytes: float = 900.0  # the two records and Lambda's own three lines


class Traffic(NamedTuple):
    """How callers behave."""

    name: str
    calls: int  # of one session
    spacing: float  # seconds between them
    routes: int  # different routes a session touches


TRAFFICS = (
    Traffic("browser app: 40 calls in 10 minutes, 8 routes", 40, 15, 8),
    Traffic("mobile app: 6 calls in a minute, 4 routes", 6, 10, 4),
    Traffic("service: a call each second for an hour, 3 routes", 3600, 1, 3),
    Traffic("one call and gone", 1, 0, 1),
)
TTLS = (0, 60, 300)


def invocations(traffic: Traffic, ttl: float, *, whole_api: bool) -> float:
    """Return the authorizer invocations for one call of the API, on average over a session.

    With a cache, an answer lives `ttl` seconds from the invocation that made it. For a policy of the whole API
    every call within that time is served. For a policy of one route the calls of a session are spread evenly over
    its routes, so each route sees calls `routes` times as far apart.
    """
    if ttl <= 0:
        return 1.0
    keys = 1 if whole_api else min(traffic.routes, traffic.calls)
    calls_of_key = traffic.calls / keys
    spacing = traffic.spacing * keys
    served = max(1.0, math.ceil(ttl / spacing) if spacing > 0 else calls_of_key)  # the asking call included
    return min(1.0, keys * math.ceil(calls_of_key / served) / traffic.calls)


def dollars(share: float, function: Function, prices: Prices) -> float:
    """Return what the authorizer costs for a million API calls of which `share` invoke it."""
    count = MILLION * share
    milliseconds = (1 - function.cold_share) * math.ceil(function.warm_ms) + function.cold_share * function.cold_ms
    compute = count * function.memory_gb * milliseconds / 1000 * prices.gigabyte_second
    logs = count * function.log_bytes / 1e9 * prices.log_gigabyte
    return count * prices.request + compute + logs


def table(function: Function, prices: Prices) -> str:
    """Return the table of the page."""
    rows = [
        (
            "| traffic | TTL | invocations per million calls: whole-API policy | one-route policy | no cache "
            "| cost: whole-API policy | one-route policy | no cache |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for traffic in TRAFFICS:
        for ttl in TTLS[1:]:
            shares = [invocations(traffic, ttl, whole_api=whole) for whole in (True, False)] + [1.0]
            counts = " | ".join(f"{share * MILLION:,.0f}" for share in shares)
            costs = " | ".join(f"${dollars(share, function, prices):.2f}" for share in shares)
            rows.append(f"| {traffic.name} | {ttl} s | {counts} | {costs} |")
    return "\n".join(rows)


def inputs(function: Function, prices: Prices) -> str:
    """Return the inputs, named."""
    return (
        f"Function: {function.memory_gb * 1024:.0f} MB, {function.warm_ms:g} ms billed when warm, "
        f"{function.cold_ms:g} ms when cold, {function.cold_share:.1%} of invocations cold, "
        f"{function.log_bytes:g} bytes of log an invocation. Prices: ${prices.request * MILLION:.2f} a million "
        f"invocations, ${prices.gigabyte_second:.10f} a GB-second, ${prices.log_gigabyte:.2f} a GB of logs; "
        f"a REST API's own ${prices.rest_call * MILLION:.2f} a million calls is not in the table."
    )


def computed(function: Function | None = None, prices: Prices | None = None) -> str:
    """Return the part of the page between its marks."""
    function, prices = function or Function(), prices or Prices()
    return f"{BEGIN}\n\n{inputs(function, prices)}\n\n{table(function, prices)}\n\n{END}"


def main() -> int:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/costs.md")
    for name, value in Function()._asdict().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)
    given = vars(parser.parse_args())
    write = given.pop("write")
    text = computed(Function(**given))
    if not write:
        sys.stdout.write(text + "\n")
        return 0
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + text + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
