"""Both adapters, run as a function would run them, write the same record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "layers" / "authorizer"

SECRETS = ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjLTEifQ.c2lnbmF0dXJl", "usage-key-value-0123456789", "c-1@example.org")

# Each entry carries credentials in fields that are not on the list.
PROGRAM = """
import sys
from lambda_authorizer.telemetry import make

SECRETS = sys.argv[2:]
extra = {"token": SECRETS[0], "usage_key": SECRETS[1], "claims": {"email": SECRETS[2]}, "sub": SECRETS[2]}
entries = [
    {"decision": "allow", "reason": "allowed", "rule": "members read", "kind": "token", "issuer": "main",
     "kid": "k", "key_cache": "fresh", "key_age_s": 12.5, "key_fetches": 0, "duration_ms": 1.23456,
     "token_sha256": "0" * 16,
     "request_id": "r-1", "tier": "gold", "cold_start": True, "error": None},
    {"decision": "error", "reason": "keys_unavailable", "kid": "a\\n\\x1b[1m\\u202e\\u00e9" * 40,
     "error": "KeysUnavailableError", "key_fetches": 3, "cold_start": False},
    {"decision": "deny", "reason": "", "duration_ms": float("nan"), "key_age_s": True, "rule": ["a list"]},
    {"decision": "unauthorized", "reason": "expired", "duration_ms": 0, "key_age_s": 1e400},
]
telemetry = make(sys.argv[1], service="airline", namespace="Airline", level="INFO")
for entry in entries:
    telemetry.record({**extra, **entry})
"""


def run(kind: str, *, warnings: str = "error", **environment: str) -> tuple[str, str]:
    """Return what a process prints that records the four entries."""
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", PROGRAM, kind, *SECRETS],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def records(printed: str) -> list[dict[str, object]]:
    """Return every printed object without what the clock put into it."""
    found = [json.loads(line) for line in printed.splitlines()]
    for one in found:
        one.pop("timestamp", None)
        if "_aws" in one:
            one["_aws"].pop("Timestamp")
    return found


@pytest.mark.parametrize("trace", [{}, {"_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"}])
def test_both_adapters_write_the_same(trace: dict[str, str]) -> None:
    """Switching the adapter changes no field, no value, no level and no metric."""
    plain, powertools = run("plain", **trace)[0], run("powertools", **trace)[0]
    assert len(records(plain)) == 8
    assert records(plain) == records(powertools)
    assert plain.count("xray_trace_id") == (4 if trace else 0)


def test_both_adapters_write_the_same_form_of_time() -> None:
    """Times are RFC 3339 in UTC with milliseconds, so that Lambda's own log levels can read them."""
    for kind in ("plain", "powertools"):
        stamp = json.loads(run(kind, TZ="Asia/Tokyo")[0].splitlines()[0])["timestamp"]
        assert len(stamp) == len("2026-11-21T10:35:18.499+00:00")
        assert stamp.endswith("+00:00")


@pytest.mark.parametrize("kind", ["plain", "powertools"])
def test_debugging_variables_print_no_credential(kind: str) -> None:
    """With every debugging variable of Powertools on, nothing outside the allow-list is printed."""
    stdout, stderr = run(
        kind,
        warnings="default",  # Powertools warns that these are for development
        POWERTOOLS_DEBUG="true",
        POWERTOOLS_DEV="true",
        POWERTOOLS_LOGGER_LOG_EVENT="true",
        POWERTOOLS_LOGGER_SAMPLE_RATE="1",
        POWERTOOLS_TRACER_CAPTURE_RESPONSE="true",
    )
    assert "members read" in stdout
    assert not [secret for secret in SECRETS if secret in stdout + stderr]


def test_an_extenders_own_logger_and_metrics_stay_apart() -> None:
    """Keys and dimensions that a function adds to Powertools objects of its own do not reach the record."""
    program = """
from aws_lambda_powertools import Logger, Metrics
mine = Logger(service="airline"); mine.append_keys(customer="c-9")
metrics = Metrics(service="airline", namespace="Airline"); metrics.add_dimension("customer", "c-9")
from lambda_authorizer.telemetry import make
make("powertools", service="airline", namespace="Airline", level="INFO").record({"decision": "allow"})
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2
    assert "c-9" not in done.stdout


def test_the_plain_adapter_loads_no_logging_and_no_powertools() -> None:
    """Whoever counts milliseconds pays for neither."""
    program = """
import sys
from lambda_authorizer.telemetry import make
make("plain", service="a", namespace="b", level="INFO").record({"decision": "allow"})
print(sorted({"logging", "aws_lambda_powertools", "re", "datetime", "dataclasses"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "['re']"  # by way of json, which the runtime has loaded already
