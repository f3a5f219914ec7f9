"""The record as one JSON line and one EMF line on standard output, in a single write.

Laws of this file: it imports nothing that the Lambda runtime has not loaded already, it never raises because of a
value, and it writes what the Powertools adapter writes (a differential test holds them together).

Format of the metrics line: CloudWatch embedded metric format, specification 0.
"""

import os
import time
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Final

from lambda_authorizer.telemetry.record import (
    FIELDS,
    LEVELS,
    MESSAGE,
    METRICS,
    is_failure,
    number,
    printable,
    reason_of,
)

_STDOUT: Final = 1
_TRACE: Final = "_X_AMZN_TRACE_ID"
# The name of each field already written as JSON, beside its bound.
_LOG: Final = tuple((name, f',"{name}":', limit) for name, limit in FIELDS.items())
_METRIC: Final = tuple(
    (field, f'{{"Name":"{name}","Unit":"{unit}"}}', f',"{name}":[') for name, unit, field in METRICS
)
_NUMBER: Final = (int, float)


class PlainTelemetry:
    """Writes both lines itself; the clock and the writer are arguments, for tests."""

    __slots__ = ("_clock", "_day_second", "_emf_heads", "_log_heads", "_threshold", "_time_text", "_write")

    def __init__(
        self,
        *,
        service: str,
        namespace: str,
        level: str,
        clock: Callable[[], float] = time.time,
        write: Callable[[bytes], object] | None = None,
    ) -> None:
        quoted = encode_basestring_ascii(service)
        # Index 0: an ordinary decision; index 1: one that an operator must look at.
        self._log_heads = tuple(
            (f'{{"level":"{name}","message":"{MESSAGE}","timestamp":"', f'","service":{quoted}')
            for name in ("INFO", "ERROR")
        )
        space = encode_basestring_ascii(namespace)
        self._emf_heads = (
            f'"CloudWatchMetrics":[{{"Namespace":{space},"Dimensions":[["service"],["service","reason"]],"Metrics":[',
            f']}}]}},"service":{quoted},"reason":',
        )
        self._threshold = LEVELS[level]
        self._clock = clock
        self._write = write or write_all
        self._day_second = -1
        self._time_text = ""

    def record(self, entry: Mapping[str, object]) -> None:
        """Write one log record and one metrics record for one decision."""
        now = self._clock()
        failed = is_failure(entry)
        lines = self._metrics_line(entry, int(now * 1000))
        if LEVELS["ERROR" if failed else "INFO"] >= self._threshold:
            lines = self._log_line(entry, now, failed=failed) + lines
        self._write(lines.encode("ascii"))

    def _log_line(self, entry: Mapping[str, object], now: float, *, failed: bool) -> str:
        before, after = self._log_heads[failed]
        parts = [before, self._timestamp(now), after]
        get = entry.get
        for name, prefix, limit in _LOG:
            value = get(name)
            if value is None:
                continue
            if isinstance(value, str):
                if limit:
                    parts += (prefix, encode_basestring_ascii(printable(value, limit)))
            elif isinstance(value, bool):
                parts += (prefix, "true" if value else "false")
            elif isinstance(value, _NUMBER):
                bounded = number(value)
                if bounded is not None:
                    parts += (prefix, repr(bounded))
        trace = os.environ.get(_TRACE)
        if trace:
            root = trace.split(";", 1)[0].replace("Root=", "")
            parts += (',"xray_trace_id":', encode_basestring_ascii(printable(root, 64)))
        parts.append("}\n")
        return "".join(parts)

    def _metrics_line(self, entry: Mapping[str, object], now_ms: int) -> str:
        names: list[str] = []
        values: list[str] = []
        for field, definition, prefix in _METRIC:
            value = entry.get(field) if field else 1
            if isinstance(value, _NUMBER) and value is not True and value is not False:
                bounded = number(value)
                if bounded is not None:
                    names.append(definition)
                    values.append(f"{prefix}{float(bounded)!r}]")
        before, after = self._emf_heads
        return (
            f'{{"_aws":{{"Timestamp":{now_ms},{before}{",".join(names)}{after}'
            f"{encode_basestring_ascii(reason_of(entry))}{''.join(values)}}}\n"
        )

    def _timestamp(self, now: float) -> str:
        """Return RFC 3339 text in UTC; the part down to the second is kept, for it seldom changes."""
        second = int(now)
        if second != self._day_second:
            self._time_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._day_second = second
        return f"{self._time_text}.{int((now - second) * 1000):03d}+00:00"


def write_all(lines: bytes) -> None:
    """Write the lines to standard output past Python's own buffer, so that a freeze cannot keep them back."""
    while lines:
        lines = lines[os.write(_STDOUT, lines) :]
