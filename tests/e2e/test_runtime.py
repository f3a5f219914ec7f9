"""The built functions in AWS's own runtime client: every demo event, and what goes wrong at the edges."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import built
from tests.e2e.demo import status_of
from tests.e2e.processes import free_ports
from tests.e2e.rie import Function

from lambda_authorizer.testing import demo
from lambda_authorizer.testing.events import Call, bearer, request_event, token_event
from lambda_authorizer.testing.issuer import FakeIssuer

pytestmark = [
    pytest.mark.built,
    pytest.mark.skipif(sys.platform != "linux", reason="the runtime interface emulator is a Linux program"),
]

EVENTS = built.ROOT / "events"
SETTINGS: Mapping[str, Mapping[str, str]] = json.loads((EVENTS / "env.json").read_text())
DEBUGGING = {
    "POWERTOOLS_DEBUG": "true",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_TRACER_CAPTURE_RESPONSE": "true",
    "POWERTOOLS_TRACER_CAPTURE_ERROR": "true",
}
# What a caller sees, by decision and front end (the table in docs/reasons.md).
STATUS = {
    ("allow", "appsync"): "200",
    ("deny", "appsync"): "401",
    ("unauthorized", "appsync"): "401",
    ("unauthorized", "http-api"): "403",
}
COMMON = {"allow": "200", "deny": "403", "unauthorized": "401"}


def environment(name: str, telemetry: str = "plain", **more: str) -> dict[str, str]:
    """Return the template's environment with the demo's settings laid over it, as `sam local` does."""
    given = built.function_environment(name, {"Issuer": "unset", "Audience": "unset", "Telemetry": telemetry})
    return {**given, **SETTINGS[name], **more}


@pytest.fixture(scope="module")
def functions() -> Iterator[dict[str, Function]]:
    """Return every built function, running with the demo's settings."""
    running = {name: Function(name, environment(name)) for name in built.functions()}
    try:
        for one in running.values():
            one.__enter__()
        yield running
    finally:
        for one in running.values():
            one.close()


@pytest.mark.parametrize("case", demo.CASES, ids=lambda case: case.file)
def test_every_event_gets_its_answer(functions: dict[str, Function], case: demo.Case) -> None:
    """Each file in `events/` is answered by the built function with the decision and reason it stands for."""
    name = demo.FUNCTIONS[case.kind]
    event = json.loads((EVENTS / case.file).read_text())
    answer = functions[name].invoke(event)
    assert answer.log is not None, answer.raw
    assert (answer.log["decision"], answer.log["reason"]) == (case.decision, case.reason)
    assert status_of(event, answer) == STATUS.get((case.decision, case.kind), COMMON[case.decision])


def test_there_is_no_event_without_a_case() -> None:
    """No file in `events/` goes untested."""
    assert {path.name for path in EVENTS.glob("*.json")} == {case.file for case in demo.CASES} | {"env.json"}


def secrets_of(event: object) -> Iterator[str]:
    """Return every token-like text of an event, whole and by its three parts."""
    for token in re.findall(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}", json.dumps(event)):
        yield token
        yield from token.split(".")


@pytest.mark.parametrize("telemetry", ["plain", "powertools"])
def test_nothing_printed_holds_a_credential(telemetry: str) -> None:
    """With every debugging variable set, no token, no part of one and no usage key is printed, for any event."""
    forbidden = set(demo.USAGE_KEYS.values())
    printed = []
    for kind, name in demo.FUNCTIONS.items():
        if name not in built.functions():
            continue
        with Function(name, environment(name, telemetry, **DEBUGGING)) as function:
            for case in demo.CASES:
                if case.kind == kind:
                    event = json.loads((EVENTS / case.file).read_text())
                    forbidden.update(secrets_of(event))
                    function.invoke(event, record=False)
            assert function.wait_for("REPORT", count=sum(case.kind == kind for case in demo.CASES))
            printed.append(function.printed())
    text = "\n".join(printed)
    assert text.count("invalid_signature") >= len(printed)
    assert len(forbidden) > 30
    assert not [secret[:12] for secret in forbidden if secret in text]


@pytest.mark.parametrize("telemetry", ["plain", "powertools"])
def test_nothing_printed_holds_a_claim(telemetry: str) -> None:
    """Subject, scopes, mail address, path and header of a call stay out of everything printed."""
    issuer = FakeIssuer("https://issuer.example/", audience="https://api.example")
    claims = {
        "sub": "zq-subject",
        "scope": "loyalty:read zq-scope",
        "email": "zq@mail.example",
        "client_id": "zq-client",
        "jti": "zq-jti",
        "groups": ["zq-group"],
        "nested": {"zq-key": ["zq-value"]},
    }
    tokens = [issuer.mint(claims), issuer.bad("bad-signature", claims), issuer.bad("expired", claims)]
    settings = environment("RequestAuthorizer", telemetry, **issuer.settings, **DEBUGGING)
    with Function("RequestAuthorizer", settings) as function:
        for token in tokens:
            headers = {**bearer(token), "X-Secret": "zq-header", "Cookie": "zq-cookie=1"}
            for path in ("/loyalty/zq-subject", "/zq-nowhere", "/loyalty/zq-other"):
                call = Call("GET", path, headers, query="zq-parameter=zq-1")
                answer = function.invoke(request_event(call), record=False)
                assert answer.error in {None, "Unauthorized"}
        function.invoke({"zq-unknown": "zq-event", "type": "zq"}, record=False)
        assert function.wait_for("REPORT", count=10)
        printed = function.printed()
    assert "no_rule_allows" in printed
    assert [line for line in printed.splitlines() if "zq" in line] == []


def test_a_broken_event_is_an_error_and_no_answer(functions: dict[str, Function]) -> None:
    """What no front end sends is an error, which the gateway turns into 500, never a 401 and never an allow."""
    broken: tuple[object, ...] = ({}, {"type": "TOKEN"}, [], "text", None, {"version": "3.0"})
    for name, function in functions.items():
        for event in broken:
            answer = function.invoke(event)
            assert answer.error not in {None, "Unauthorized"}, (name, event)


def test_an_answer_names_the_api_of_the_event_only(functions: dict[str, Function]) -> None:
    """Partition, account, API and stage of every Resource that is allowed are those of the incoming ARN."""
    event = json.loads((EVENTS / "token-allow.json").read_text())
    answer = functions["TokenAuthorizer"].invoke(event)
    prefix = "/".join(event["methodArn"].split("/")[:2]) + "/"
    found = [
        resource
        for statement in answer.payload["policyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for resource in (
            [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
        )
    ]
    assert found
    assert all(resource.startswith(prefix) for resource in found)


class Silent:
    """A host that takes connections and never says a word."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """Close everything."""
        self.socket.close()
        for one in self.taken:
            one.close()


def by_address(port: int, **more: str) -> dict[str, str]:
    """Return settings whose keys lie at a port of loopback."""
    return environment(
        "TokenAuthorizer",
        JWKS=f"http://127.0.0.1:{port}/jwks.json",
        AUTHORIZER_HTTP_LOOPBACK="allow",
        **more,
    )


def allowed_event() -> dict[str, Any]:
    """Return an event that would be allowed if only its key could be had."""
    event: dict[str, Any] = json.loads((EVENTS / "token-allow.json").read_text())
    return event


def test_a_silent_issuer_costs_no_more_than_the_budget() -> None:
    """An issuer that never answers ends in an error within the time budget: no hang, no allow, no 401."""
    silent = Silent()
    try:
        with Function("TokenAuthorizer", by_address(silent.port, AUTHORIZER_TIME_BUDGET_MS="1000")) as function:
            function.invoke(allowed_event())  # pays for the start
            began = time.monotonic()
            answer = function.invoke(allowed_event())
            took = time.monotonic() - began
    finally:
        silent.close()
    assert answer.error not in {None, "Unauthorized"}
    assert answer.log is not None
    assert answer.log["reason"] == "keys_unavailable"
    assert took < 1.5


def test_an_issuer_that_is_not_there_is_an_error() -> None:
    """A refused connection ends in an error whose message says what is missing and holds nothing of the token."""
    (port,) = free_ports(1)
    with Function("TokenAuthorizer", by_address(port)) as function:
        answer = function.invoke(allowed_event())
        printed = function.printed()
    assert answer.error not in {None, "Unauthorized"}
    assert answer.log is not None
    assert (answer.log["decision"], answer.log["reason"]) == ("error", "keys_unavailable")
    assert not [secret for secret in secrets_of(allowed_event()) if secret in printed + answer.raw]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AUTHORIZER_RESULT_TTL", "soon", "AUTHORIZER_RESULT_TTL"),
        ("AUTHORIZER_RESPONSE", "xml", "AUTHORIZER_RESPONSE"),
        ("AUTHORIZER_RULES", "absent.toml", "absent.toml"),
        ("ISSUER", "", "ISSUER"),
        ("AUTHORIZER_TELEMETRY", "loud", "AUTHORIZER_TELEMETRY"),
    ],
)
def test_a_bad_setting_stops_the_start(name: str, value: str, said: str) -> None:
    """A function with a broken setting answers nothing but an error that names the setting."""
    with Function("TokenAuthorizer", environment("TokenAuthorizer", **{name: value})) as function:
        answer = function.invoke(allowed_event())
        printed = function.printed()
    assert answer.error is not None
    assert answer.error != "Unauthorized"
    assert "ConfigurationError" in answer.raw + printed
    assert said in answer.raw + printed


def test_the_first_answer_comes_quickly_and_the_record_says_it_was_cold() -> None:
    """The first record of a sandbox is marked, the next is not."""
    with Function("TokenAuthorizer", environment("TokenAuthorizer")) as function:
        first, second = function.invoke(allowed_event()), function.invoke(allowed_event())
    assert first.log is not None
    assert second.log is not None
    assert (first.log["cold_start"], second.log["cold_start"]) == (True, False)


def test_a_token_in_the_log_is_sixteen_digits_of_its_hash(functions: dict[str, Function]) -> None:
    """A call can be found by its token's hash, and the token cannot be found by the log."""
    answer = functions["TokenAuthorizer"].invoke(allowed_event())
    assert answer.log is not None
    assert re.fullmatch(r"[0-9a-f]{16}", answer.log["token_sha256"])


def test_an_oversized_token_is_refused(functions: dict[str, Function]) -> None:
    """A token beyond every bound is refused as a caller's fault and costs no time."""
    answer = functions["TokenAuthorizer"].invoke(
        token_event("Bearer " + "a" * 20_000 + ".b.c", "GET", "/loyalty/c-1")
    )
    assert answer.error == "Unauthorized"
    assert answer.log is not None
    assert answer.log["reason"] == "token_too_large"


def descendants(pid: int) -> set[int]:
    """Return every process below a process, from /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_the_demonstration_leaves_nothing_running(number: int) -> None:
    """Ctrl-C, or a polite kill, in the middle of `make run` stops provider, emulators and functions."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.run", "--embedded"],
        cwd=built.ROOT,
        env={**os.environ, "PYTHONPATH": str(built.ROOT / "layers" / "authorizer"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as demonstration:
        assert demonstration.stdout
        for line in demonstration.stdout:
            if "starting" in line and "functions" in line:
                break
        started = descendants(demonstration.pid)
        until = time.monotonic() + 10
        while len(started) < 4 and time.monotonic() < until:
            started |= descendants(demonstration.pid)
        demonstration.send_signal(number)
        said = demonstration.stdout.read()
    assert len(started) >= 4
    assert "nothing is left running" in said
    assert demonstration.returncode == 130
    assert [pid for pid in started if Path(f"/proc/{pid}/cmdline").exists() and is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    """Return False for a process that is gone or only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_demonstration_is_all_as_expected() -> None:
    """`make run` ends with every row as expected, and says which provider signed the tokens."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.run", "--embedded", "--telemetry", "plain"],
        cwd=built.ROOT,
        env={**os.environ, "PYTHONPATH": str(built.ROOT / "layers" / "authorizer")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as expected" in done.stdout
    assert "embedded provider" in done.stdout
    assert not [line for line in done.stdout.splitlines() if re.search(r"eyJ[\w-]{20}", line)]
