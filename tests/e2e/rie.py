"""One built function inside AWS's runtime interface emulator and runtime client, without a container."""

import http.client
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.e2e import built
from tests.e2e.processes import Child, free_ports, wait_for_port

_INVOKE = "/2015-03-31/functions/function/invocations"


class Answer(NamedTuple):
    """What one invocation gave."""

    payload: Any  # JSON of the answer, or {"errorMessage": …, "errorType": …}
    raw: str
    milliseconds: float
    log: dict[str, Any] | None  # the function's own record of this decision

    @property
    def error(self) -> str | None:
        """The message of the error the function raised, if it raised one."""
        if isinstance(self.payload, dict) and "errorMessage" in self.payload:
            return str(self.payload["errorMessage"])
        return None


class Function:
    """A function as deployed: its own folder, the layer, the runtime client, an environment and nothing else."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        *,
        build: Path = built.BUILD,
        timeout: int = 10,
        handler: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        folder = folder or build / name
        handler = handler or str(built.functions(build)[name]["Handler"])
        self._port, runtime_api = free_ports(2)
        path = os.pathsep.join(str(one) for one in (folder, *built.layer_paths(build), built.runtime_client()))
        self._child = Child(
            [
                built.emulator(),
                "--log-level",
                "error",
                "--runtime-interface-emulator-address",
                f"127.0.0.1:{self._port}",
                "--runtime-api-address",
                f"127.0.0.1:{runtime_api}",
                built.interpreter(),
                "-S",  # no site-packages: what the layer lacks must be missed
                "-m",
                "awslambdaric",
                handler,
            ],
            cwd=folder,
            environment={
                "PATH": "/usr/bin:/bin",
                "LANG": "en_US.UTF-8",
                "PYTHONPATH": path,
                "PYTHONDONTWRITEBYTECODE": "1",
                "LAMBDA_TASK_ROOT": str(folder),
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
                "AWS_REGION": "eu-west-1",
                **environment,
            },
        )

    def __enter__(self) -> Self:
        if not wait_for_port(self._port, self._child, 20):
            self.close()
            raise RuntimeError(f"the emulator of {self.name} did not start:\n" + self.printed())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop emulator and function."""
        self._child.close()

    def printed(self) -> str:
        """Return everything that emulator, runtime and function have printed."""
        return "\n".join(self._child.lines)

    def wait_for(self, text: str, *, count: int, seconds: float = 5) -> bool:
        """Return True once the text stands in that many printed lines."""
        return self._child.wait_for_count(text, count, seconds)

    def invoke(self, event: object, *, seconds: float = 30, record: bool = True) -> Answer:
        """Send one event; return the answer and, if asked for, the log record of its decision."""
        start = len(self._child.lines)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        began = time.perf_counter()
        try:
            connection.request("POST", _INVOKE, json.dumps(event))
            raw = connection.getresponse().read().decode()
        finally:
            connection.close()
        took = (time.perf_counter() - began) * 1000
        try:
            payload = json.loads(raw)
        except ValueError:  # such as "Task timed out after 2.00 seconds"
            payload = {"errorMessage": raw}
        # A function that could not start has no record; it has said why in its error.
        wait = 0.3 if isinstance(payload, dict) and "errorMessage" in payload else 3.0
        line = self._child.wait_for_line(start, '"message":"decision"', wait) if record else None
        return Answer(payload, raw, took, json.loads(line) if line else None)
