"""`make offline`: the scenario list through another project's gateway emulator and through the simulator.

Prints a table; ends with 1 if the emulator does anything else than AWS and the known differences, or the simulator
anything else than AWS.
"""

import http.client
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.built import ROOT, NotBuiltError, functions, interpreter, layer_paths
from tests.e2e.processes import Child, free_ports, wait_for_port
from tests.offline.config import FRONTS, Fronts, project
from tests.offline.differences import DIFFERENCES, EMULATOR
from tests.offline.scenarios import PRINCIPAL, SCENARIOS, Scenario, authorization
from tests.offline.simulated import ask

FOLDER = ROOT / ".local" / "offline"
_READY_SECONDS = 60
_ANSWER_SECONDS = 30
_REST = {"token", "request", "broken-request"}
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class NotReadyError(Exception):
    """The emulator did not start."""


@contextmanager
def emulator(front: Fronts) -> Iterator[tuple[int, int]]:
    """Start the emulator for two front ends and a WebSocket API; give its HTTP and WebSocket ports."""
    ports = free_ports(3)
    folder = FOLDER / "-".join(front)
    project(folder, front, (ports[0], ports[1], ports[2]))
    with tempfile.TemporaryDirectory() as programs:
        # It starts plain `python3`; that must be an interpreter below any virtual environment.
        (Path(programs) / "python3").symlink_to(interpreter())
        environment = {
            "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(map(str, layer_paths())),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "SLS_TELEMETRY_DISABLED": "1",
            "SLS_NOTIFICATIONS_MODE": "off",
        }
        child = Child(
            [shutil.which("node") or "node", "node_modules/osls/bin/serverless.js", "offline"],
            cwd=folder,
            environment=environment,
        )
        try:
            for port in (ports[0], ports[2]):
                if not wait_for_port(port, child, _READY_SECONDS):
                    raise NotReadyError("\n".join(child.lines[-30:]))
            yield ports[0], ports[2]
        finally:
            child.close()


def call(scenario: Scenario, http_port: int, socket_port: int) -> tuple[int, bool]:
    """Return the status that a client of the emulator gets, and whether the backend gets the principal."""
    sent = authorization(scenario)
    headers = {} if sent is None else {"Authorization": sent}
    method, _, path = scenario.call.partition(" ")
    if scenario.front == "websocket":
        method, path, headers, port = "GET", "/", headers | _HANDSHAKE, socket_port
    else:
        path, port = f"/prod{path}" if scenario.front in _REST else path, http_port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = b"" if answer.status == http.client.SWITCHING_PROTOCOLS else answer.read()
    finally:
        connection.close()
    return answer.status, PRINCIPAL in body.decode("utf-8", "replace")


def measured() -> Iterator[tuple[Scenario, tuple[int, bool]]]:
    """Ask the emulator everything."""
    for front in FRONTS:
        mine = {front[0], f"http-{front[1]}"}
        mine |= {"websocket", "broken-request", "broken-http-simple"} if front == FRONTS[0] else set()
        with emulator(front) as (http_port, socket_port):
            for scenario in SCENARIOS:
                if scenario.front in mine:
                    yield scenario, call(scenario, http_port, socket_port)


def surprises(scenario: Scenario, emulated: tuple[int, bool], simulated: tuple[int, bool]) -> list[str]:
    """Return what is neither as on AWS nor a known difference."""
    known = DIFFERENCES.get(scenario.name)
    expected = known.status if known else scenario.aws
    found = []
    if simulated[0] != scenario.aws:
        found.append(f"the simulator says {simulated[0]}")
    if emulated[0] != expected:
        found.append(f"the emulator says {emulated[0]}, expected {expected}")
    found.extend(
        f"the {who} gives the backend no principal"
        for who, (status, context) in (("emulator", emulated), ("simulator", simulated))
        if scenario.context and not context and status == scenario.aws
    )
    return found


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the list and print the table."""
    try:
        functions()
        layer_paths()
    except NotBuiltError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    say(f"{EMULATOR}; the functions and the layer as built, the demo's tokens\n")
    say(f"{'scenario':<62} {'AWS':>4} {'here':>5} {'simulator':>10}")
    wrong = 0
    for scenario, emulated in measured():
        simulated = ask(scenario)
        found = surprises(scenario, emulated, simulated)
        known = DIFFERENCES.get(scenario.name)
        remark = "; ".join(found) or (f"known: {known.why}" if known else "")
        say(f"{scenario.name:<62} {scenario.aws:>4} {emulated[0]:>5} {simulated[0]:>10}  {remark}")
        wrong += bool(found)
    say(f"\n{len(SCENARIOS)} scenarios, {len(DIFFERENCES)} known differences, {wrong} surprises")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
