"""One JSON log record and one metrics record a decision, and nothing else: names, bounds, levels.

Laws of this package: only the fields of `FIELDS` leave the function, each only with a value of its own type: text,
number, or true and false; a text is cut to its bound, and every character that does not print becomes `?`, so
that no text of a caller can forge a line or paint a terminal; both adapters write the same record; the event
loggers of Powertools (`log_event`, the Tracer's response capture) are never wired, because they print credentials.
This module is pure: no clock, no socket, no environment.

`FIELDS` and `METRICS` are documented in docs/telemetry.md.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal, Protocol

    Kind = Literal["plain", "powertools"]

    class Telemetry(Protocol):
        """Where the function says what it decided."""

        def record(self, entry: Mapping[str, object]) -> None:
            """Write one log record and one metrics record for one decision."""


MESSAGE: Final = "decision"

# Longest text of each field. Numbers need no bound, nor does the one field that is true or false.
FIELDS: Final[Mapping[str, int]] = {
    "decision": 16,  # allow, deny, unauthorized, error
    "reason": 32,  # a slug of docs/reasons.md
    "rule": 128,  # name of the rule that decided
    "kind": 16,  # front end
    "issuer": 64,  # alias in the rules file, never the address
    "kid": 64,
    "key_cache": 16,  # fresh, stale, fetched, none
    "key_age_s": 0,
    "key_fetches": 0,
    "duration_ms": 0,
    "token_sha256": 16,  # enough to find a call again, of no use to an attacker
    "request_id": 64,
    "tier": 64,
    "cold_start": 0,
    "error": 64,  # name of the exception class, never its text
}

FLAG: Final = "cold_start"

# Metric name, CloudWatch unit, the field that holds its value ("" counts the decision itself).
METRICS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Decisions", "Count", ""),
    ("Duration", "Milliseconds", "duration_ms"),
    ("KeyFetches", "Count", "key_fetches"),
    ("KeyAge", "Seconds", "key_age_s"),
)

LEVELS: Final[Mapping[str, int]] = {
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
}

_NUMBER = (int, float)
LARGEST: Final = 1e15  # a number beyond it is a defect, not a measurement


def is_failure(entry: Mapping[str, object]) -> bool:
    """True where an operator has to act: the record is then an ERROR, else an INFO."""
    return entry.get("decision") == "error"


def printable(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, with `?` for each one that does not print.

    Line breaks, escape sequences, bidirectional overrides and lone surrogates all count as not printing.
    """
    if len(text) > limit:
        text = text[:limit]
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)


def number(value: float) -> float | None:
    """Return the value with at most three decimals, or None where it is no measurement."""
    if not -LARGEST < value < LARGEST:  # also refuses NaN
        return None
    return value if isinstance(value, int) else round(value, 3)


def log_fields(entry: Mapping[str, object]) -> dict[str, str | float | bool]:
    """Return the fields of the log record, in the order of `FIELDS`."""
    out: dict[str, str | float | bool] = {}
    for name, limit in FIELDS.items():
        value = entry.get(name)
        if limit:
            if isinstance(value, str):
                out[name] = printable(value, limit)
        elif isinstance(value, bool):
            if name == FLAG:
                out[name] = value
        elif isinstance(value, _NUMBER) and name != FLAG:
            bounded = number(value)
            if bounded is not None:
                out[name] = bounded
    return out


def metric_values(entry: Mapping[str, object]) -> list[tuple[str, str, float]]:
    """Return (name, unit, value) of every metric this decision has a value for."""
    out: list[tuple[str, str, float]] = []
    for name, unit, field in METRICS:
        value = entry.get(field) if field else 1
        if isinstance(value, _NUMBER) and not isinstance(value, bool):
            bounded = number(value)
            if bounded is not None:
                out.append((name, unit, float(bounded)))
    return out


def reason_of(entry: Mapping[str, object]) -> str:
    """Return the metric's `reason` dimension, which must never be empty."""
    reason = entry.get("reason")
    return (printable(reason, FIELDS["reason"]) if isinstance(reason, str) else "") or "unknown"


def make(kind: Kind, *, service: str, namespace: str, level: str) -> Telemetry:
    """Return the chosen adapter; only its own imports are paid for."""
    if kind == "powertools":
        from lambda_authorizer.telemetry.powertools import PowertoolsTelemetry

        return PowertoolsTelemetry(service=service, namespace=namespace, level=level)
    from lambda_authorizer.telemetry.plain import PlainTelemetry

    return PlainTelemetry(service=service, namespace=namespace, level=level)
