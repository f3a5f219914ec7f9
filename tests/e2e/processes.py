"""Children of this process: started in a group of their own, and gone when their owner is.

Laws of this file: whatever is started is stopped, by its group, also after an error or Ctrl-C; and on Linux the
kernel stops it if this process is killed without a chance to clean up.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Child:
    """One process group whose output is collected line by line."""

    def __init__(self, command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        self._closed = False
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - prctl alone, no thread of ours holds a lock it needs
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id, which is its group's id too."""
        return self._process.pid

    def running(self) -> bool:
        """True until the process has ended."""
        return self._process.poll() is None

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        pending = b""
        while chunk := os.read(stream.fileno(), 65536):
            *whole, pending = (pending + chunk).split(b"\n")
            with self._arrived:
                self.lines += [line.decode("utf-8", "replace") for line in whole]
                self._arrived.notify_all()
        with self._arrived:
            if pending:
                self.lines.append(pending.decode("utf-8", "replace"))
            self._closed = True
            self._arrived.notify_all()

    def wait_for_line(self, start: int, wanted: str, seconds: float) -> str | None:
        """Return the first line from `start` on that contains `wanted`, or None when there is none in time."""
        until = time.monotonic() + seconds
        with self._arrived:
            while True:
                for line in self.lines[start:]:
                    if wanted in line:
                        return line
                start = len(self.lines)
                left = until - time.monotonic()
                if self._closed or left <= 0:
                    return None
                self._arrived.wait(left)

    def wait_for_count(self, wanted: str, count: int, seconds: float) -> bool:
        """Return True once that many lines contain `wanted`, False when the time is over."""
        until = time.monotonic() + seconds
        with self._arrived:
            while sum(wanted in line for line in self.lines) < count:
                left = until - time.monotonic()
                if self._closed or left <= 0:
                    return False
                self._arrived.wait(left)
            return True

    def close(self, *, patience: float = 3.0) -> None:
        """Stop the whole group: ask first, then insist; return when nobody of it runs any more."""
        if self._process.stdin:
            self._process.stdin.close()
        for kind in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, kind)
            except ProcessLookupError:
                break
            until = time.monotonic() + patience
            while time.monotonic() < until and (self._process.poll() is None or group_runs(self._process.pid)):
                select.select([], [], [], 0.01)
            if self._process.poll() is not None and not group_runs(self._process.pid):
                break
        self._process.wait()
        self._reader.join(patience)
        if self._process.stdout:
            self._process.stdout.close()


def group_runs(group: int) -> bool:
    """Return True while a process of the group runs; one that only waits to be buried does not count."""
    if sys.platform != "linux":
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(member) == group and state != "Z":
            return True
    return False


def wait_for_port(port: int, child: Child, seconds: float) -> bool:
    """Return True once something listens on the port, False if the child ends or the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.running():
        with socket.socket() as probe:
            probe.setblocking(False)
            probe.connect_ex(("127.0.0.1", port))
            _, writable, _ = select.select([], [probe], [], 0.05)
            if writable and probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                return True
        select.select([], [], [], 0.01)
    return False
