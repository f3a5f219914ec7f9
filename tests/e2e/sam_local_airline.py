"""`make sam-local`, second part: the airline's REST and HTTP APIs by `sam local start-api`, in containers.

Tokens are minted for this run and trusted by `--env-vars` alone. What `sam local` does not have (usage plans, kept
answers, resource policies, IAM) is in the walk of docs/airline.md, on the simulator.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from examples.airline.walk import CLIENTS, KEYS, token
from tests.e2e.built import ROOT
from tests.e2e.processes import Child, free_ports, wait_for_port

from lambda_authorizer.testing.stage import Gateway

BUILT = ROOT / ".local" / "airline"
FUNCTIONS = ("TokenAuthorizer", "TierAuthorizer", "HttpApiAuthorizer")


class Request(NamedTuple):
    """One request to start-api, with what it must get."""

    who: str
    method: str
    path: str
    expect: int
    why: str


REQUESTS = (
    Request("anna", "GET", "/loyalty/anna/get", 200, "REST by tier: own points"),
    Request("anna", "GET", "/loyalty/bruno/get", 403, "REST by tier: somebody else's"),
    Request("anna", "POST", "/loyalty/anna/points", 403, "REST by tier: a member adds no points"),
    Request("bruno", "POST", "/loyalty/anna/points", 200, "REST by tier: a gold partner does"),
    Request("", "GET", "/loyalty/anna/get", 401, "REST by tier: no token"),
    Request("anna", "GET", "/loyalty/anna/history", 200, "REST by token: own history"),
    Request("staff", "GET", "/loyalty/anna/history", 200, "REST by token: staff see every history"),
    Request("carla", "GET", "/loyalty/carla/history", 403, "REST by token: suspended"),
    Request("anna", "GET", "/flights/SA100", 200, "HTTP API: anyone signed in"),
    Request("", "GET", "/flights/SA100", 401, "HTTP API: no token"),
)


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def ask(port: int, request: Request, tokens: dict[str, str]) -> tuple[int, str]:
    """Send one request to start-api."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {tokens[request.who]}"} if request.who else {}
    try:
        connection.request(request.method, request.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def serve(tokens: dict[str, str], options: Sequence[str]) -> bool:
    """Serve the airline in containers and send it every request."""
    (port,) = free_ports(1)
    command = [str(ROOT / "tools" / "sam"), "local", "start-api", "--port", str(port), *options]
    child = Child(command, cwd=ROOT, environment=dict(os.environ))
    good = True
    try:
        if not child.wait_for_line(0, "Running on", 300) or not wait_for_port(port, child, 30):
            say("start-api did not start:\n" + "\n".join(child.lines[-30:]))
            return False
        for request in REQUESTS:
            began = time.monotonic()
            status, body = ask(port, request, tokens)
            good = good and status == request.expect
            word = "ok " if status == request.expect else "BAD"
            took = (time.monotonic() - began) * 1000
            say(f"  {word} {status} {request.method:4} {request.path:24} {request.why}  {took:.0f} ms")
            if status != request.expect:
                say(f"      expected {request.expect}; {body}")
        if not good:
            say("\n".join(child.lines[-60:]))
        return good
    finally:
        child.close(patience=30)  # it removes its containers


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the airline and ask it."""
    parser = argparse.ArgumentParser(prog="make sam-local")
    parser.add_argument("--skip-pull-image", action="store_true", help="use the base image that is there")
    given = parser.parse_args(arguments)
    say("sam build of examples/airline, and sam local start-api:")
    build = subprocess.run(
        [str(ROOT / "tools" / "sam"), "build", "--template-file", "examples/airline/template.yaml",
         "--build-dir", str(BUILT)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if build.returncode:
        say(build.stdout + build.stderr)
        return 1
    stage = Gateway()
    stage.issuer.rotate("RS256", keep=False)
    tokens = {
        "anna": token(stage, "anna", "openid loyalty/read", []),
        "bruno": token(stage, "bruno", "loyalty/write", ["partners", "tier-gold"], "partner-systems"),
        "staff": token(stage, "sofia", "loyalty/read", ["staff"]),
        "carla": token(stage, "carla", "loyalty/read", ["suspended"]),
    }
    # sam local has no resource policies, and refuses the NotResource by which a function that knows of one denies.
    trusted: dict[str, Any] = {**stage.issuer.settings, **CLIENTS, "AUTHORIZER_RESOURCE_POLICY": "false"}
    settings = {function: dict(trusted) for function in FUNCTIONS}
    settings["TierAuthorizer"]["AUTHORIZER_USAGE_KEYS"] = json.dumps(KEYS)
    variables = BUILT / "env.json"
    variables.write_text(json.dumps(settings), encoding="utf-8")
    runtime = os.environ.get("RUNTIME", "python3.13")
    options = [
        "--template", str(BUILT / "template.yaml"), "--env-vars", str(variables), "--warm-containers", "EAGER",
        "--parameter-overrides", f"Architecture=x86_64 Runtime={runtime}",
        *(["--skip-pull-image"] if given.skip_pull_image else []),
    ]  # fmt: skip
    good = serve(tokens, options)
    say("all as expected" if good else "not as expected")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
