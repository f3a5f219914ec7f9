"""The real OpenID provider of `provider.mjs`, for tests marked `node`."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

HERE = Path(__file__).parent
AUDIENCE = "https://api.airline.example"
OPAQUE = "https://opaque.airline.example"
CLIENTS = [
    {
        "id": "gold-app",
        "secret": "gold-secret",
        "sub": "c-1",
        "claims": {"https://airline.example/tier": "gold", "groups": ["partners"]},
    },
    {"id": "authorizer", "secret": "s3cret:with%signs", "auth_method": "client_secret_basic"},
    {"id": "authorizer-post", "secret": "post-secret", "auth_method": "client_secret_post"},
]


class Provider(NamedTuple):
    """A running provider."""

    issuer: str
    url: str
    verify: str | bool

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Give an order to the control endpoint."""
        answer = requests.post(f"{self.url}/control/{path}", json=body, timeout=10, verify=self.verify)
        return dict(answer.json())

    def token(self, *, resource: str = AUDIENCE, scope: str = "loyalty:read") -> str:
        """Return an access token of `gold-app`."""
        form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
        return str(self._form("/token", form)["access_token"])

    def revoke(self, token: str) -> None:
        """Revoke a token (RFC 7009)."""
        self._form("/token/revocation", {"token": token})

    def _form(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        answer = requests.post(
            self.issuer + path, form, auth=("gold-app", "gold-secret"), timeout=10, verify=self.verify
        )
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def requests(self, path: str) -> int:
        """Return how often a path was asked for."""
        answer = requests.get(f"{self.url}/control/state", timeout=10, verify=self.verify)
        return int(answer.json()["requests"].get(path, 0))


Start = Callable[..., Provider]


@pytest.fixture(scope="session")
def node() -> str:
    """Return the command, with the provider installed; or skip and say why."""
    command = shutil.which("node")
    if command is None:
        pytest.skip("Node.js is not installed")
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, and oidc-provider is not there yet")
        result = subprocess.run([npm, "ci"], cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
        if result.returncode:
            pytest.skip(f"npm ci failed: {result.stderr.strip().splitlines()[-1:]}")
    return command


@contextmanager
def running(command: str, *, verify: str | bool = True, **environment: str) -> Iterator[Provider]:
    """Run a provider; it ends with its standard input, so nothing is left behind."""
    settings = {"PATH": os.environ["PATH"], "IDP_CLIENTS": json.dumps(CLIENTS), **environment}
    with subprocess.Popen(
        [command, str(HERE / "provider.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=settings,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            yield Provider(ready["issuer"], ready["url"], verify)
        finally:
            process.stdin.close()
            process.wait(10)


@pytest.fixture
def start(node: str) -> Iterator[Start]:
    """Return a function that starts a provider with some environment."""
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(running(node, **environment))
