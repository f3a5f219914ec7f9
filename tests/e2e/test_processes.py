"""What the end-to-end runs start is gone afterwards, whatever happens."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.e2e.built import ROOT
from tests.e2e.idp import Provider
from tests.e2e.processes import Child, free_ports, wait_for_port

# A leader with a child of its own; with "deaf" neither listens to polite signals.
FAMILY = """
import signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "child" not in sys.argv:
    one = subprocess.Popen([sys.executable, "-c", open(sys.argv[1]).read(), *sys.argv[1:], "child"])
    print("family", one.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Return True for a process that runs, False for one that is gone or only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("manner", ["polite", "deaf"])
def test_closing_a_child_ends_its_whole_group(manner: str, tmp_path: Path) -> None:
    """A grandchild goes with its parent, even one that ignores the first signal."""
    program = tmp_path / "family.py"
    program.write_text(FAMILY)
    child = Child(
        [sys.executable, "-c", FAMILY, program, manner], cwd=ROOT, environment={"PATH": os.environ["PATH"]}
    )
    line = child.wait_for_line(0, "family", 20)
    assert line
    grandchild = int(line.split()[1])
    assert alive(grandchild)
    child.close(patience=0.5)
    until = time.monotonic() + 5
    while alive(grandchild) and time.monotonic() < until:
        os.sched_yield()
    assert not alive(child.pid)
    assert not alive(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise of Linux")
def test_a_child_does_not_outlive_an_owner_that_was_killed() -> None:
    """Even `kill -9` of the owner leaves no child."""
    program = """
import sys, time
from tests.e2e.built import ROOT
from tests.e2e.processes import Child
sleeper = "import time; print('up', flush=True); time.sleep(60)"
child = Child([sys.executable, "-c", sleeper], cwd=ROOT, environment={})
child.wait_for_line(0, "up", 20)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/layers/authorizer"},
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        os.sched_yield()
    assert not alive(pid)


def test_a_line_that_never_comes_is_waited_for_no_longer_than_asked() -> None:
    """Waiting ends when the child ends, not only when the time is over."""
    child = Child([sys.executable, "-c", "print('no end of line', end='')"], cwd=ROOT, environment={})
    began = time.monotonic()
    assert child.wait_for_line(0, "absent", 30) is None
    assert time.monotonic() - began < 20
    assert child.lines == ["no end of line"]
    child.close()


def test_a_port_nobody_listens_on_is_not_waited_for_when_the_child_is_gone() -> None:
    """An emulator that dies at once is reported at once."""
    (port,) = free_ports(1)
    child = Child([sys.executable, "-c", ""], cwd=ROOT, environment={})
    began = time.monotonic()
    assert not wait_for_port(port, child, 30)
    assert time.monotonic() - began < 20
    child.close()


def test_the_embedded_provider_gives_tokens_and_ends() -> None:
    """Where no Node.js is, the testing kit's provider takes its place, and says so."""
    clients = [{"id": "ada", "secret": "ada-secret", "scope": "loyalty:read", "sub": "c-1"}]
    with Provider(clients, embedded=True) as provider:
        assert "embedded" in provider.name
        assert provider.token("ada").count(".") == 2
        (pid,) = (provider._child.pid,)
    assert not alive(pid)


@pytest.mark.node
def test_the_node_provider_gives_tokens_and_ends() -> None:
    """Where Node.js is, npm's oidc-provider signs the tokens."""
    with Provider([{"id": "ada", "secret": "ada-secret", "scope": "loyalty:read", "sub": "c-1"}]) as provider:
        if not provider.is_node:
            pytest.skip("no Node.js here")
        assert provider.name == "npm oidc-provider"
        assert provider.token("ada").count(".") == 2
        (pid,) = (provider._child.pid,)
    assert not alive(pid)
