"""One JSON log record and one metrics record a decision, and nothing else.

Laws of this package: only the fields of `record.FIELDS` leave the function; every value is bounded and printable,
so that no text of a caller can forge a line or paint a terminal; both adapters write the same record; the event
loggers of Powertools (`log_event`, the Tracer's response capture) are never wired, because they print credentials.

`FIELDS` and `METRICS` are documented in docs/telemetry.md.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from lambda_authorizer.telemetry.record import FIELDS, METRICS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, Protocol

    Kind = Literal["plain", "powertools"]

    class Telemetry(Protocol):
        """Where the function says what it decided."""

        def record(self, entry: Mapping[str, object]) -> None:
            """Write one log record and one metrics record for one decision."""


__all__ = ["FIELDS", "METRICS", "make"]


def make(kind: Kind, *, service: str, namespace: str, level: str) -> Telemetry:
    """Return the chosen adapter; only its own imports are paid for."""
    if kind == "powertools":
        from lambda_authorizer.telemetry.powertools import PowertoolsTelemetry

        return PowertoolsTelemetry(service=service, namespace=namespace, level=level)
    from lambda_authorizer.telemetry.plain import PlainTelemetry

    return PlainTelemetry(service=service, namespace=namespace, level=level)
