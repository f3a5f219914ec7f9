"""Starts, timed from outside: a process to its first decision, and the real runtime client to its first answer.

The Runtime API that the client talks to is a stand-in on loopback, which hands out one event and notes when the
client asks for it (INIT is over) and when the answer arrives.
"""

import http.server
import json
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e import built

_PATIENCE = 20  # seconds for one start


class Server(http.server.ThreadingHTTPServer):
    """A server whose clients may be stopped at any moment."""

    daemon_threads = True
    turn: "Turn"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the client was stopped on purpose."""


def process(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[float, dict[str, Any]]:
    """Return the milliseconds from the start of a process to its end, and what it said on standard error."""
    read, write = os.pipe()
    silent = os.open(os.devnull, os.O_RDWR)
    actions = [
        (os.POSIX_SPAWN_DUP2, silent, 0),
        (os.POSIX_SPAWN_DUP2, silent, 1),
        (os.POSIX_SPAWN_DUP2, write, 2),
        (os.POSIX_SPAWN_CLOSE, read),
    ]
    before = Path.cwd()
    os.chdir(folder)
    try:
        began = time.perf_counter()
        pid = os.posix_spawn(command[0], list(command), dict(environment), file_actions=actions)
        os.close(write)
        said = b""
        while piece := os.read(read, 65536):
            said += piece
        os.waitpid(pid, 0)
        took = (time.perf_counter() - began) * 1000
    finally:
        os.chdir(before)
        os.close(read)
        os.close(silent)
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError:
        raise RuntimeError(f"{' '.join(command)} said {said[-2000:]!r}") from None
    if answer.get("allowed") is not True:
        raise RuntimeError(f"{' '.join(command)} did not allow: {answer}")
    return took, answer


class Turn:
    """One start: its client is let go once, and sent home when the start is over."""

    def __init__(self) -> None:
        self.asked: queue.Queue[float] = queue.Queue()
        self.answered: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self.go = threading.Event()
        self.over = threading.Event()
        self.served = False


class RuntimeApi:
    """The stand-in for Lambda's Runtime API: one event at a time, when it is let go."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        body = json.dumps(event).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def log_message(self, *_: object) -> None:
                """Stay silent."""

            def do_GET(self) -> None:
                """Hold the client until it is let go, then hand out the event."""
                turn: Turn = self.server.turn  # type: ignore[attr-defined]  # the server is ours
                if turn.served:
                    turn.over.wait()
                    return
                turn.asked.put(time.perf_counter())
                turn.go.wait()
                turn.served = True
                try:
                    self.send_response(200)
                    self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
                    self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000))
                    self.send_header(
                        "Lambda-Runtime-Invoked-Function-Arn",
                        "arn:aws:lambda:eu-west-1:123456789012:function:bench",
                    )
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client was stopped while it waited

            def do_POST(self) -> None:
                """Take the answer."""
                answer = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.turn.answered.put((time.perf_counter(), answer))  # type: ignore[attr-defined]
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._handler = Handler

    def start(self, python: Path, folder: Path, handler: str, environment: Mapping[str, str]) -> float:
        """Return the milliseconds from the start of the runtime client to the answer of the first invocation."""
        # A server of its own for each start: the last request of a client that was stopped must not meet the next.
        server = Server(("127.0.0.1", 0), self._handler)
        turn = server.turn = Turn()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        silent = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, silent, number) for number in (0, 1, 2)]
        before = Path.cwd()
        os.chdir(folder)
        try:
            began = time.perf_counter()
            pid = os.posix_spawn(
                str(python),
                [str(python), "-m", "awslambdaric", handler],
                {**environment, "AWS_LAMBDA_RUNTIME_API": address},
                file_actions=actions,
            )
        finally:
            os.chdir(before)
        try:
            asked = turn.asked.get(timeout=_PATIENCE)
            let_go = time.perf_counter()
            turn.go.set()
            answered, answer = turn.answered.get(timeout=_PATIENCE)
        finally:
            os.close(silent)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            turn.go.set()
            turn.over.set()
            server.shutdown()
            server.server_close()
        if b'"Allow"' not in answer and b'"ok"' not in answer:
            raise RuntimeError(f"{handler} answered {answer[:500]!r}")
        # What the driver itself did between the two is not the function's time.
        return ((asked - began) + (answered - let_go)) * 1000


@contextmanager
def key_server(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve the key set over http and https from a process of its own; give both addresses."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.starts", str(folder)],
        cwd=built.ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["layers/authorizer", "."])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        assert server.stdin
        try:
            plain, secure = json.loads(server.stdout.readline())
            yield f"http://127.0.0.1:{plain}/jwks.json", f"https://127.0.0.1:{secure}/jwks.json"
        finally:
            server.stdin.close()  # it ends with its input
            server.wait()


def serve(folder: Path) -> None:
    """Serve until standard input ends."""
    body = (folder / "jwks.json").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            """Answer with the key set."""
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Cache-Control", "max-age=300")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True, do_handshake_on_connect=False)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps([server.server_address[1] for server in servers]) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
