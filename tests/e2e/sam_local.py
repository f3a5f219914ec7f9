"""`make sam-local`: demo events through `sam local invoke`, requests through `sam local start-api`, in containers.

Where `sam local` is not the real gateway (a raised `Unauthorized` becomes 502, an explicit Deny is ignored,
nothing is cached), the row says so and does not show what AWS would do.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.built import BUILD, ROOT
from tests.e2e.processes import Child, free_ports, wait_for_port

from lambda_authorizer.testing import demo

QUICKSTART = ROOT / ".local" / "quickstart"
INVOKED = (
    "token-allow",
    "token-other-customer",
    "request-allow",
    "http-api-allow",
    "http-api-wrong-scope",
    "tier-allow",
)
# Two start-api rows whose status AWS would answer otherwise; the reason is given beside them.
EMULATED = "502 here, 401 on AWS: sam local does not map a raised Unauthorized"


class Request:
    """One request to start-api, with what it must get."""

    def __init__(self, method: str, path: str, event: str | None, expect: int, why: str) -> None:
        self.method = method
        self.path = path
        self.event = event  # file whose token is sent, or None
        self.expect = expect
        self.why = why


REQUESTS = (
    Request("GET", "/loyalty/c-1", "token-allow", 200, "REST TOKEN: own points"),
    Request("GET", "/loyalty/c-2", "token-allow", 403, "REST TOKEN: somebody else's"),
    Request("GET", "/loyalty/c-1", None, 401, "REST TOKEN: no token, the gateway's own answer"),
    Request("GET", "/loyalty/c-1", "token-bad-signature", 502, f"REST TOKEN: bad signature; {EMULATED}"),
    Request("GET", "/loyalty/c-1/history", "request-allow", 200, "REST REQUEST: own history"),
    Request("GET", "/loyalty/c-2/history", "request-allow", 403, "REST REQUEST: somebody else's"),
    Request("POST", "/loyalty/c-2/points", "http-api-allow-partner", 200, "HTTP API: a gold partner adds points"),
    Request("POST", "/loyalty/c-2/points", "http-api-allow", 403, "HTTP API: a member does not"),
    Request("POST", "/loyalty/c-2/points", "http-api-bad-signature", 403, "HTTP API: bad signature"),
)


def event_of(name: str) -> dict[str, Any]:
    """Return one demo event."""
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return loaded


def authorization(name: str) -> str:
    """Return the Authorization header of a demo event."""
    event = event_of(name)
    headers = {key.lower(): value for key, value in event.get("headers", {}).items()}
    return str(event.get("authorizationToken") or headers["authorization"])


def sam(*arguments: str) -> list[str]:
    """Return the command line of this checkout's SAM CLI."""
    return [str(ROOT / "tools" / "sam"), *arguments]


def local_options(template: Path, extra: Sequence[str]) -> list[str]:
    """Return what both local commands need: template, demo settings, parameters."""
    runtime = os.environ.get("RUNTIME", "python3.13")
    return [
        "--template",
        str(template),
        "--env-vars",
        str(ROOT / "events" / "env.json"),
        "--parameter-overrides",
        f"Architecture=x86_64 Runtime={runtime} Issuer=local Audience=local",
        *extra,
    ]


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def invoke(name: str, extra: Sequence[str]) -> bool:
    """Invoke one function with one demo event in a container, and compare the answer with the event's case."""
    case = next(case for case in demo.CASES if case.file == f"{name}.json")
    began = time.monotonic()
    done = subprocess.run(
        sam(
            "local",
            "invoke",
            demo.FUNCTIONS[case.kind],
            "--event",
            str(ROOT / "events" / case.file),
            *local_options(BUILD / "template.yaml", extra),
        ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    printed = done.stdout + done.stderr
    record: Mapping[str, Any] = {}
    for line in printed.splitlines():
        if '"message":"decision"' in line:
            record = json.loads(line[line.index("{") :])
    right = (record.get("decision"), record.get("reason")) == (case.decision, case.reason)
    say(
        f"  {'ok ' if right else 'BAD'} {demo.FUNCTIONS[case.kind]:18} events/{case.file:32} "
        f"{record.get('decision', '?')} {record.get('reason', '?')}  {time.monotonic() - began:.1f} s"
    )
    if not right:
        say(printed[-3000:])
    return right


def ask(port: int, request: Request) -> tuple[int, str]:
    """Send one request to start-api."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": authorization(request.event)} if request.event else {}
    try:
        connection.request(request.method, request.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def start_api(extra: Sequence[str]) -> bool:
    """Serve the quickstart in containers and send it every request."""
    (port,) = free_ports(1)
    environment = {**os.environ}
    options = local_options(QUICKSTART / "template.yaml", extra)
    command = sam("local", "start-api", "--port", str(port), "--warm-containers", "EAGER", *options)
    child = Child(command, cwd=ROOT, environment=environment)
    try:
        if not child.wait_for_line(0, "Running on", 300) or not wait_for_port(port, child, 30):
            say("start-api did not start:\n" + "\n".join(child.lines[-30:]))
            return False
        good = True
        for request in REQUESTS:
            began = time.monotonic()
            status, body = ask(port, request)
            right = status == request.expect
            good = good and right
            say(
                f"  {'ok ' if right else 'BAD'} {status} {request.method:4} {request.path:22} "
                f"{request.why}  {(time.monotonic() - began) * 1000:.0f} ms"
            )
            if not right:
                say(f"      expected {request.expect}; {body}")
        if not good:
            say("\n".join(child.lines[-60:]))
        return good
    finally:
        child.close(patience=30)  # it removes its containers


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both commands."""
    parser = argparse.ArgumentParser(prog="make sam-local")
    parser.add_argument("--skip-pull-image", action="store_true", help="use the base image that is there")
    given = parser.parse_args(arguments)
    extra = ["--skip-pull-image"] if given.skip_pull_image else []
    say("sam local invoke, one container a call:")
    good = [invoke(name, extra) for name in INVOKED]
    say("sam build of examples/quickstart, and sam local start-api:")
    build = subprocess.run(
        sam("build", "--template-file", "examples/quickstart/template.yaml", "--build-dir", str(QUICKSTART)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if build.returncode:
        say(build.stdout + build.stderr)
        return 1
    good.append(start_api(extra))
    say("all as expected" if all(good) else "not as expected")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
