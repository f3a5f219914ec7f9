"""The record as one JSON line and one EMF line on standard output, in a single write.

Laws of this file: it imports nothing that the Lambda runtime has not loaded already, it never raises because of a
value, and it writes what the Powertools adapter writes (a differential test holds them together).

Format of the metrics line: CloudWatch embedded metric format, specification 0.
"""

import os
import time
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii as encode
from typing import Final

from lambda_authorizer.telemetry.record import (
    FIELDS,
    LARGEST,
    LEVELS,
    MESSAGE,
    METRICS,
    is_failure,
    printable,
    reason_of,
)

_STDOUT: Final = 1
_TRACE: Final = "_X_AMZN_TRACE_ID"
_MOST_TEXTS: Final = 256
# Texts that are new in every call; all others come from the rules file, the key set or this package.
_ALWAYS_NEW: Final = frozenset({"request_id", "token_sha256"})
# Each field's name already written as JSON, its bound, and whether its texts are worth remembering.
_LOG: Final = {name: (f',"{name}":', limit, name not in _ALWAYS_NEW) for name, limit in FIELDS.items()}
_METRIC: Final = tuple(
    (field, f'{{"Name":"{name}","Unit":"{unit}"}}', f',"{name}":[') for name, unit, field in METRICS
)


class PlainTelemetry:
    """Writes both lines itself; the clock and the writer are arguments, for tests."""

    __slots__ = (
        "_clock",
        "_emf_heads",
        "_log_heads",
        "_second",
        "_texts",
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
            f']}}]}},"service":{quoted},"reason":',
        )
        self._threshold = LEVELS[level]
        self._clock = clock
        self._write = write or write_all
        self._second = -1
        self._time_text = ""
        self._texts: dict[tuple[str, int], str] = {}

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
        for name, value in entry.items():
            field = _LOG.get(name)
            if field is None or value is None:
                continue
            prefix, limit, remember = field
            if isinstance(value, str):
                if limit:
                    written = self._text(value, limit) if remember else encode(printable(value, limit))
                    parts += (prefix, written)
            elif isinstance(value, bool):
                parts += (prefix, "true" if value else "false")
            else:
                digits = number(value)
                if digits is not None:
                    parts += (prefix, digits)
        trace = os.environ.get(_TRACE)
        if trace:
            root = trace.split(";", 1)[0].replace("Root=", "")
            parts += (',"xray_trace_id":', encode(printable(root, 64)))
        parts.append("}\n")
        return "".join(parts)

    def _text(self, value: str, limit: int) -> str:
        """Return the text as JSON, from memory where it was written before."""
        key = (value, limit)
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            found = self._texts[key] = encode(printable(value, limit))
        return found

    def _metrics_line(self, entry: Mapping[str, object], now_ms: int) -> str:
        names: list[str] = []
        values: list[str] = []
        for field, definition, prefix in _METRIC:
            digits = number(entry.get(field) if field else 1)
            if digits is not None:
                names.append(definition)
                # Powertools writes every value as a float.
                values.append(f"{prefix}{digits}]" if "." in digits else f"{prefix}{digits}.0]")
        before, after = self._emf_heads
        return (
            f'{{"_aws":{{"Timestamp":{now_ms},{before}{",".join(names)}{after}'
            f"{self._text(reason_of(entry), FIELDS['reason'])}{''.join(values)}}}\n"
        )

    def _timestamp(self, now: float) -> str:
        """Return RFC 3339 text in UTC; the part down to the second is kept, for it seldom changes."""
        second = int(now)
        if second != self._second:
            self._time_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._time_text}.{int((now - second) * 1000):03d}+00:00"


def number(value: object) -> str | None:
    """Return the digits of `record.number`, or None for what is no measurement."""
    if isinstance(value, float):
        return repr(round(value, 3)) if -LARGEST < value < LARGEST else None  # also refuses NaN
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if -LARGEST < value < LARGEST else None
    return None


def write_all(lines: bytes) -> None:
    """Write the lines to standard output past Python's own buffer, so that a freeze cannot keep them back."""
    while lines:
        lines = lines[os.write(_STDOUT, lines) :]
