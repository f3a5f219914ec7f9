"""`make run`: real tokens of a real provider through every built function, in AWS's own runtime client.

Laws of this file: it decides nothing; answers and reasons are the functions' own; a row that is not as expected is
marked and makes the exit code 1; whatever was started is stopped, also by Ctrl-C.
"""

import argparse
import base64
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tests.e2e import built, scenario
from tests.e2e.idp import Provider, ProviderError
from tests.e2e.rie import Answer, Function

from lambda_authorizer.testing import iam

_WIDTH = 132  # where the output is no terminal


def claims_of(token: str) -> str:
    """Return the claims worth showing of a token that this process asked for itself."""
    if not token:
        return "no token"
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    shown = [f"sub {claims['sub']}", str(claims.get("scope", "no scope")).replace(" ", " + ")]
    if scenario.TIER in claims:
        shown.append(f"tier {claims[scenario.TIER]}")
    if "groups" in claims:
        shown.append("in " + " ".join(claims["groups"]))
    return ", ".join(shown)


def status_of(event: Mapping[str, Any], answer: Answer) -> str:
    """Return the status the gateway would give: the policy judged as IAM does, the simple answer as it is."""
    if answer.error is not None:
        return "401" if answer.error == "Unauthorized" else "500"
    payload = answer.payload
    if "isAuthorized" in payload:
        if payload["isAuthorized"] is True:
            return "200"
        # HTTP APIs answer a no with 403, AppSync with 401.
        return "401" if "requestHeaders" in event else "403"
    arn = event.get("methodArn") or event["routeArn"]
    return "200" if iam.evaluate(payload["policyDocument"], arn).allowed else "403"


def kind_of_answer(answer: Answer) -> str:
    """Return the form of the answer in a word or two."""
    if answer.error is not None:
        return "error"
    payload = answer.payload
    if "isAuthorized" in payload:
        denied = payload.get("deniedFields")
        return f"isAuthorized {str(payload['isAuthorized']).lower()}" + (
            f", {len(denied)} denied" if denied else ""
        )
    lines = len(payload["policyDocument"]["Statement"])
    key = ", usage key" if payload.get("usageIdentifierKey") else ""
    return f"policy, {lines} statement{'s' if lines != 1 else ''}{key}"


def settings(function: str, issuer: str, telemetry: str, build: Path) -> dict[str, str]:
    """Return the function's environment: the template's, with a deployer's parameters and loopback allowed."""
    environment = built.function_environment(
        function,
        {"Issuer": issuer, "Audience": scenario.AUDIENCE, "Telemetry": telemetry},
        build,
    )
    environment["AUTHORIZER_HTTP_LOOPBACK"] = "allow"
    if "AUTHORIZER_USAGE_KEYS" in environment:
        environment["AUTHORIZER_USAGE_KEYS"] = json.dumps(scenario.USAGE_KEYS)
    return environment


def table(groups: Mapping[str, Sequence[Sequence[str]]]) -> Table:
    """Return the table of the calls, one section for each function."""
    out = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("caller and claims", "call", "answer", "why: reason, rule"):
        out.add_column(name)
    out.add_column("ms", justify="right", no_wrap=True)
    for function, rows in groups.items():
        out.add_row(f"[bold]{function}[/bold]", f"[dim]{scenario.KINDS[function]}[/dim]")
        for row in rows:
            out.add_row(*row)
        out.add_section()
    return out


def row_of(call: scenario.Call, claims: str, event: Mapping[str, Any], answer: Answer) -> tuple[list[str], bool]:
    """Return the cells of one call, and whether it went as expected."""
    status = status_of(event, answer)
    log = answer.log or {}
    reason = str(log.get("reason", "no log record"))
    right = status == call.expect and reason == call.why
    colour = {"200": "green", "401": "yellow", "403": "yellow"}.get(status, "red")
    shown = f"[{colour}]{status}[/{colour}] {escape(kind_of_answer(answer))}"
    if not right:
        shown += f"\n[red]expected {call.expect} {call.why}[/red]"
    rule = f"\n[dim]{escape(str(log['rule']))}[/dim]" if log.get("rule") else ""
    cells = [
        f"{call.caller or 'nobody'}  [dim]{escape(claims)}[/dim]",
        escape(call.what) + (f"\n[dim]{escape(call.note)}[/dim]" if call.note else ""),
        shown,
        escape(reason) + rule,
        f"{answer.milliseconds:.1f}" + (" first" if log.get("cold_start") else ""),
    ]
    return cells, right


def run(build: Path, telemetry: str, console: Console, *, embedded: bool) -> int:
    """Run the demonstration and return the exit code."""
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {text}")

    there = set(built.functions(build))
    calls = [call for call in scenario.CALLS if call.function in there]
    names = list(dict.fromkeys(call.function for call in calls))
    with ExitStack() as stack:
        say("starting the OpenID provider")
        provider = stack.enter_context(
            Provider(scenario.CLIENTS, say=say, embedded=embedded, IDP_AUDIENCE=scenario.AUDIENCE)
        )
        say(f"{provider.name} at {provider.issuer}")
        tokens = {str(client["id"]): provider.token(str(client["id"])) for client in scenario.CLIENTS}
        say(f"{len(tokens)} access tokens from it; starting {len(names)} functions")
        functions = {
            name: Function(name, settings(name, provider.issuer, telemetry, build), build=build) for name in names
        }
        for function in functions.values():
            stack.callback(function.close)
        for function in functions.values():
            function.__enter__()  # waits for the emulator; `close` is registered above
        say(
            f"runtime interface emulator, awslambdaric {version('awslambdaric')}, "
            f"{platform.python_implementation()} {platform.python_version()}, layer and functions of {build.name}"
        )

        def first_calls(name: str) -> list[tuple[scenario.Call, Mapping[str, Any], str, Answer]]:
            done = []
            for call in calls:
                if call.function == name:
                    token = call.token(tokens[call.caller]) if call.caller else ""
                    event = call.event(token)
                    done.append((call, event, claims_of(token), functions[name].invoke(event)))
            return done

        with ThreadPoolExecutor(len(names)) as pool:
            results = [one for group in pool.map(first_calls, names) for one in group]
        say(f"{len(results)} calls answered")

    console.print()
    rows: dict[str, list[list[str]]] = {name: [] for name in names}
    right, policy = [], None
    for call, event, claims, answer in results:
        cells, as_expected = row_of(call, claims, event, answer)
        rows[call.function].append(cells)
        right.append(as_expected)
        if policy is None and answer.error is None and "policyDocument" in answer.payload:
            policy = (call, answer.payload)
    console.print(table(rows))
    if policy:
        call, payload = policy
        console.print(f"\nThe whole answer to {call.caller}'s {call.what} ({call.function}):\n")
        console.print_json(json.dumps(payload))
    wrong = right.count(False)
    console.print(
        f"\n{len(right)} calls, {'all as expected' if not wrong else f'[red]{wrong} not as expected[/red]'}; "
        f"{time.monotonic() - began:.1f} s; nothing is left running."
    )
    if wrong:
        for name, one in functions.items():
            console.print(f"\n[bold]{name} printed[/bold]\n{escape(one.printed())}")
    return 1 if wrong else 0


def _stop(_number: int, _frame: object) -> None:
    """Turn a polite request to end into the same clean-up as Ctrl-C."""
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--build", type=Path, default=built.BUILD, help="folder that `sam build` filled")
    parser.add_argument("--telemetry", choices=["powertools", "plain"], default="powertools")
    parser.add_argument("--embedded", action="store_true", help="use the embedded provider even where Node is")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    # A job that a script starts in the background ignores Ctrl-C; this one stops whenever it is told to.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH, highlight=False)
    try:
        return run(given.build.resolve(), given.telemetry, console, embedded=given.embedded)
    except (built.NotBuiltError, ProviderError, RuntimeError) as error:
        console.print(f"[red]make run: {escape(str(error))}[/red]")
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running.")
        return 130
