"""A real OpenID provider on loopback: npm `oidc-provider` where Node is, else the testing kit's own."""

import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tests.e2e.built import ROOT
from tests.e2e.processes import Child

FOLDER = ROOT / "tests" / "idp"
_OLDEST_NODE = 20


class ProviderError(RuntimeError):
    """The provider did not start or gave no token."""


def node() -> str | None:
    """Return a Node that runs and is new enough, or None."""
    found = shutil.which("node")
    if not found:
        return None
    done = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=False)
    major = done.stdout.lstrip("v").split(".")[0]
    return found if done.returncode == 0 and major.isdecimal() and int(major) >= _OLDEST_NODE else None


def installed(say: Callable[[str], None]) -> bool:
    """Return True when `oidc-provider` is there, after installing it if need be and possible."""
    if (FOLDER / "node_modules" / "oidc-provider" / "package.json").exists():
        return True
    npm = shutil.which("npm")
    if not npm:
        return False
    say("installing oidc-provider (npm, once)")
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode == 0


class Provider:
    """The provider as a process; its clients are the callers of the demonstration."""

    def __init__(
        self,
        clients: Sequence[Mapping[str, Any]],
        *,
        say: Callable[[str], None] = lambda _text: None,
        embedded: bool = False,
        **settings: str,
    ) -> None:
        program = None if embedded else node()
        self.is_node = bool(program) and installed(say)
        command: list[str]
        environment = {"PATH": os.environ["PATH"], "IDP_CLIENTS": json.dumps(list(clients)), **settings}
        if program and self.is_node:
            command = [program, str(FOLDER / "provider.mjs")]
        else:
            command = [sys.executable, "-m", "lambda_authorizer.testing.provider"]
            environment["PYTHONPATH"] = str(ROOT / "layers" / "authorizer")
        self.name = "npm oidc-provider" if self.is_node else "embedded provider (no Node.js here)"
        self._clients = {str(client["id"]): client for client in clients}
        self._child = Child(command, cwd=ROOT, environment=environment)
        line = self._child.wait_for_line(0, '"issuer"', 20)
        if not line:
            self.close()
            raise ProviderError("the OpenID provider did not start:\n" + "\n".join(self._child.lines))
        said = json.loads(line)
        self.issuer: str = said["issuer"]
        self.port: int = said["port"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the provider."""
        self._child.close()

    def token(self, client: str) -> str:
        """Return an access token, by the client-credentials grant (RFC 6749 section 4.4)."""
        about = self._clients[client]
        basic = base64.b64encode(f"{client}:{about['secret']}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": about.get("scope", "")}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(
                "POST",
                "/token",
                urllib.parse.urlencode({key: value for key, value in form.items() if value}),
                {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"},
            )
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ProviderError(f"no token for {client}: {answer.status} {body[:200]!r}")
        return str(json.loads(body)["access_token"])
