"""What may leave the function, and in what form."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.telemetry import FIELDS, METRICS, log_fields, metric_values, printable, reason_of
from lambda_authorizer.telemetry.plain import PlainTelemetry

ENTRY: Mapping[str, object] = {
    "decision": "allow",
    "reason": "allowed",
    "rule": "members read their own points",
    "kind": "token",
    "issuer": "main",
    "kid": "k-1",
    "key_cache": "fresh",
    "key_age_s": 12.5,
    "key_fetches": 0,
    "duration_ms": 1.23456,
    "token_sha256": "0123456789abcdef",
    "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    "tier": "gold",
    "cold_start": True,
    "error": None,
}

ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.binary(max_size=20),
    st.lists(st.text(max_size=5), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
ENTRIES = st.dictionaries(st.one_of(st.sampled_from(sorted(FIELDS)), st.text(max_size=12)), ANY_VALUE, max_size=20)


def plain_lines(entry: Mapping[str, object], *, level: str = "INFO") -> list[str]:
    """Return what the plain adapter writes for one entry, one string a line."""
    written: list[bytes] = []
    telemetry = PlainTelemetry(
        service="authorizer", namespace="LambdaAuthorizer", level=level, clock=lambda: 1.9999, write=written.append
    )
    telemetry.record(entry)
    (one,) = written
    return one.decode("ascii").splitlines()


@given(ENTRIES)
def test_only_listed_fields_are_written(entry: dict[str, object]) -> None:
    """Whatever a caller of the seam passes, a field outside the allow-list never appears."""
    record = json.loads(plain_lines(entry)[0])
    assert set(record) <= {"level", "message", "timestamp", "service", *FIELDS}


@given(ENTRIES)
def test_two_lines_of_printable_ascii(entry: dict[str, object]) -> None:
    """No value can forge a second line, move a cursor or turn the direction of the text."""
    lines = plain_lines(entry)
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


@given(ENTRIES)
def test_every_text_is_bounded(entry: dict[str, object]) -> None:
    """A field is never longer than its bound, and prints."""
    for name, value in log_fields(entry).items():
        if isinstance(value, str):
            assert len(value) <= FIELDS[name]
            assert value.isprintable()


@pytest.mark.parametrize("bad", ["\n", "\r", "\x1b[31m", "\u202e", "\u2028", "\ud800", "\x00", "\x85"])
def test_a_character_that_does_not_print_becomes_a_question_mark(bad: str) -> None:
    """Line breaks, escapes, bidirectional overrides and lone surrogates are made harmless."""
    assert printable(f"a{bad}b", 64) == "a?" + bad[1:] + "b"


def test_text_that_prints_is_kept() -> None:
    """A rule's name in any language stays readable."""
    assert printable("Mitglieder dürfen lesen ✓", 64) == "Mitglieder dürfen lesen ✓"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_a_number_that_measures_nothing_is_left_out(value: float) -> None:
    """NaN and infinities, which are not JSON, appear in neither record."""
    entry = {**ENTRY, "duration_ms": value}
    assert "duration_ms" not in log_fields(entry)
    assert "Duration" not in {name for name, _, _ in metric_values(entry)}
    assert all(json.loads(line, parse_constant=pytest.fail) for line in plain_lines(entry))


def test_numbers_have_three_decimals() -> None:
    """Microseconds are the finest unit the record pretends to know."""
    assert log_fields({"duration_ms": 1.23456})["duration_ms"] == 1.235


def test_a_text_where_a_number_belongs_is_left_out() -> None:
    """A number's field never carries text, so no token can hide there."""
    assert log_fields({"duration_ms": "eyJhbGciOiJSUzI1NiJ9"}) == {}


def test_the_log_record() -> None:
    """One decision is one JSON object with the standard fields first."""
    assert json.loads(plain_lines(ENTRY)[0]) == {
        "level": "INFO",
        "message": "decision",
        "timestamp": "1970-01-01T00:00:01.999+00:00",
        "service": "authorizer",
        **{name: value for name, value in ENTRY.items() if value is not None},
        "duration_ms": 1.235,
    }


def test_the_metrics_record() -> None:
    """One decision is one EMF object: counts and times, by service and by service and reason."""
    assert json.loads(plain_lines(ENTRY)[1]) == {
        "_aws": {
            "Timestamp": 1999,
            "CloudWatchMetrics": [
                {
                    "Namespace": "LambdaAuthorizer",
                    "Dimensions": [["service"], ["service", "reason"]],
                    "Metrics": [{"Name": name, "Unit": unit} for name, unit, _ in METRICS],
                }
            ],
        },
        "service": "authorizer",
        "reason": "allowed",
        "Decisions": [1.0],
        "Duration": [1.235],
        "KeyFetches": [0.0],
        "KeyAge": [12.5],
    }


@pytest.mark.parametrize("reason", [None, "", 7])
def test_the_reason_dimension_is_never_empty(reason: object) -> None:
    """CloudWatch drops a metric whose dimension has no value; ours has always one."""
    assert reason_of({"reason": reason}) == "unknown"


def test_a_failure_is_an_error_record() -> None:
    """What an operator has to act on is logged as ERROR, refusals of callers are not."""
    assert json.loads(plain_lines({"decision": "error"})[0])["level"] == "ERROR"
    assert json.loads(plain_lines({"decision": "deny"})[0])["level"] == "INFO"


@pytest.mark.parametrize(
    ("level", "decision", "logged"),
    [
        ("INFO", "allow", True),
        ("WARNING", "allow", False),
        ("WARNING", "error", True),
        ("CRITICAL", "error", False),
    ],
)
def test_the_level_silences_the_log_but_not_the_metrics(level: str, decision: str, *, logged: bool) -> None:
    """A higher log level saves log lines; the counts stay complete."""
    lines = plain_lines({"decision": decision}, level=level)
    assert len(lines) == (2 if logged else 1)
    assert "Decisions" in json.loads(lines[-1])


def test_the_documentation_lists_every_field_and_metric() -> None:
    """docs/telemetry.md names each field and each metric, and no other field."""
    page = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text()
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    standard = {"level", "xray_trace_id"}
    assert listed == set(FIELDS) | {name for name, _, _ in METRICS} | standard
    example = json.loads(page.split("```json")[1].split("```")[0])
    assert set(example) <= set(FIELDS) | {"level", "message", "timestamp", "service"}
