"""One JSON log record and one metrics record a decision, and nothing else.

Laws of this package: only the fields of `record.FIELDS` leave the function; every value is bounded and printable,
so that no text of a caller can forge a line or paint a terminal; both adapters write the same record; the event
loggers of Powertools (`log_event`, the Tracer's response capture) are never wired, because they print credentials.

`FIELDS` and `METRICS` are documented in docs/telemetry.md.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from lambda_authorizer.telemetry.record import FIELDS, METRICS

__all__ = ["FIELDS", "METRICS", "Kind", "Telemetry", "make"]

Kind = Literal["plain", "powertools"]


class Telemetry(Protocol):
    """Where the function says what it decided."""

    def record(self, entry: Mapping[str, object]) -> None:
        """Write one log record and one metrics record for one decision."""


def make(kind: Kind, *, service: str, namespace: str, level: str) -> Telemetry:
    """Return the chosen adapter; only its own imports are paid for."""
    if kind == "powertools":
        from lambda_authorizer.telemetry.powertools import PowertoolsTelemetry

        return PowertoolsTelemetry(service=service, namespace=namespace, level=level)
    from lambda_authorizer.telemetry.plain import PlainTelemetry

    return PlainTelemetry(service=service, namespace=namespace, level=level)
