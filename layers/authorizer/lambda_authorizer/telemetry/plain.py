"""The record as one JSON line and one EMF line on standard output, in a single write.

Laws of this file: it imports nothing that the Lambda runtime has not loaded already, it never raises because of a
value, and it writes what the Powertools adapter writes (a differential test holds them together).

Format of the metrics line: CloudWatch embedded metric format, specification 0.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os
import time
from json.encoder import encode_basestring_ascii as encode
from typing import TYPE_CHECKING, Final

from lambda_authorizer.telemetry import FIELDS, LARGEST, LEVELS, MESSAGE, METRICS, is_failure, printable, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STDOUT: Final = 1
_INFO: Final = LEVELS["INFO"]
_ERROR: Final = LEVELS["ERROR"]
_TRACE: Final = "_X_AMZN_TRACE_ID"
_MOST_PIECES: Final = 1024
# The fields that are numbers, with the metric that shows them: CloudWatch's definition, and the name as JSON.
_METRIC: Final = tuple(
    (field, f'{{"Name":"{name}","Unit":"{unit}"}}', f',"{name}":[') for name, unit, field in METRICS if field
)
# The metric that counts the decision itself.
_COUNT: Final = next(
    (f'{{"Name":"{name}","Unit":"{unit}"}}', f',"{name}":[1.0]') for name, unit, field in METRICS if not field
)


class PlainTelemetry:
    """Writes both lines itself; the clock and the writer are arguments, for tests."""

    __slots__ = (
        "_clock",
        "_emf_heads",
        "_log_heads",
        "_pieces",
        "_second",
        "_threshold",
        "_time_text",
        "_write",
    )

    def __init__(
        self,
        *,
        service: str,
        namespace: str,
        level: str,
        clock: Callable[[], float] = time.time,
        write: Callable[[bytes], object] | None = None,
    ) -> None:
        quoted = encode(service)
        # Index 0: an ordinary decision; index 1: one that an operator must look at.
        self._log_heads = tuple(
            (f'{{"level":"{name}","message":"{MESSAGE}","timestamp":"', f'","service":{quoted}')
            for name in ("INFO", "ERROR")
        )
        space = encode(namespace)
        self._emf_heads = (
            f'"CloudWatchMetrics":[{{"Namespace":{space},"Dimensions":[["service"],["service","reason"]],"Metrics":[',
            f']}}]}},"service":{quoted}',
        )
        self._threshold = LEVELS[level]
        self._clock = clock
        self._write = write or write_all
        self._second = -1
        self._time_text = ""
        self._pieces: dict[tuple[str, str], str] = {}

    def record(self, entry: Mapping[str, object]) -> None:
        """Write one log record and one metrics record for one decision."""
        now = self._clock()
        digits = {field: number(entry.get(field)) for field, _, _ in _METRIC}
        lines = self._metrics_line(entry, digits, int(now * 1000))
        failed = is_failure(entry)
        if (_ERROR if failed else _INFO) >= self._threshold:
            lines = self._log_line(entry, digits, now, failed=failed) + lines
        self._write(lines.encode("ascii"))

    def _log_line(
        self, entry: Mapping[str, object], digits: Mapping[str, str | None], now: float, *, failed: bool
    ) -> str:
        before, after = self._log_heads[failed]
        parts = [before, self._timestamp(now), after]
        pieces = self._pieces
        for name, value in entry.items():
            if isinstance(value, str):
                piece = pieces.get((name, value))
                parts.append(self._piece(name, value) if piece is None else piece)
            elif value is not None and name in FIELDS:
                if isinstance(value, bool):
                    parts.append(f',"{name}":true' if value else f',"{name}":false')
                else:
                    shown = digits[name] if name in digits else number(value)
                    if shown is not None:
                        parts.append(f',"{name}":{shown}')
        trace = os.environ.get(_TRACE)
        if trace:
            root = trace.split(";", 1)[0].replace("Root=", "")
            parts.append(f',"xray_trace_id":{encode(printable(root, 64))}')
        parts.append("}\n")
        return "".join(parts)

    def _piece(self, name: str, value: str) -> str:
        """Return a text field as it stands in the line, remembered; nothing for a field that is none of ours."""
        limit = FIELDS.get(name)
        if not limit:
            return ""
        if len(self._pieces) >= _MOST_PIECES:
            self._pieces.clear()
        piece = self._pieces[name, value] = f',"{name}":{encode(printable(value, limit))}'
        return piece

    def _metrics_line(self, entry: Mapping[str, object], digits: Mapping[str, str | None], now_ms: int) -> str:
        names, values = _COUNT
        for field, definition, prefix in _METRIC:
            shown = digits[field]
            if shown is not None:
                names += f",{definition}"
                # Powertools writes every value as a float.
                values += f"{prefix}{shown}]" if "." in shown else f"{prefix}{shown}.0]"
        reason = reason_of(entry)
        before, after = self._emf_heads
        return (
            f'{{"_aws":{{"Timestamp":{now_ms},{before}{names}{after}'
            f"{self._pieces.get(('reason', reason)) or self._piece('reason', reason)}{values}}}\n"
        )

    def _timestamp(self, now: float) -> str:
        """Return RFC 3339 text in UTC; the part down to the second is kept, for it seldom changes."""
        second = int(now)
        if second != self._second:
            self._time_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._time_text}.{int((now - second) * 1000):03d}+00:00"


def number(value: object) -> str | None:
    """Return the digits of `telemetry.number`, or None for what is no measurement."""
    if isinstance(value, float):
        return f"{value:.3f}" if -LARGEST < value < LARGEST else None  # also refuses NaN
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if -LARGEST < value < LARGEST else None
    return None


def write_all(lines: bytes) -> None:
    """Write the lines to standard output past Python's own buffer, so that a freeze cannot keep them back."""
    while lines:
        lines = lines[os.write(_STDOUT, lines) :]
