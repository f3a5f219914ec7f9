"""The record as one JSON line and one EMF line on standard output, in a single write.

Laws of this file: it imports nothing that the Lambda runtime has not loaded already, it never raises because of a
value, and it writes what the Powertools adapter writes (a differential test holds them together). What is the same
for many decisions is put into words once, by the texts themselves, and kept; the rest is written into its place.

Format of the metrics line: CloudWatch embedded metric format, specification 0.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os
import time
from json.encoder import encode_basestring_ascii as encode
from typing import TYPE_CHECKING, Final

from lambda_authorizer.telemetry import (
    FIELDS,
    FLAG,
    LARGEST,
    LEVELS,
    MESSAGE,
    METRICS,
    is_failure,
    printable,
    reason_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STDOUT: Final = 1
_TRACE: Final = b"_X_AMZN_TRACE_ID"
_MOST_KEPT: Final = 1024
# Texts that are new with each call; all others name a rule, a key, a reason, … and come again.
_IDS: Final = ("token_sha256", "request_id")
_WORDS: Final = tuple(name for name, limit in FIELDS.items() if limit and name not in _IDS)
# The fields that are numbers, with their names as JSON in the log record and in the metrics record.
_NUMBERS: Final = tuple((field, f',"{field}":', f',"{name}":[') for name, _, field in METRICS if field)
_DEFINITIONS: Final = tuple(f'{{"Name":"{name}","Unit":"{unit}"}}' for name, unit, field in METRICS if field)
# The metric that counts the decision itself.
_COUNT: Final = next(
    (f'{{"Name":"{name}","Unit":"{unit}"}}', f',"{name}":[1.0]') for name, unit, field in METRICS if not field
)
_FLAG_TEXT: Final = {True: f',"{FLAG}":true', False: f',"{FLAG}":false'}


class PlainTelemetry:
    """Writes both lines itself; the clock and the writer are arguments, for tests."""

    __slots__ = (
        "_clock",
        "_defined",
        "_kept",
        "_namespace",
        "_second",
        "_service",
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
        self._service = f',"service":{encode(service)}'
        self._namespace = encode(namespace)
        self._threshold = LEVELS[level]
        self._clock = clock
        self._write = write or write_all
        self._second = -1
        self._time_text = ""
        self._kept: dict[tuple[object, ...], tuple[str, str, str]] = {}
        self._defined: dict[tuple[bool, ...], str] = {}

    def record(self, entry: Mapping[str, object]) -> None:
        """Write one log record and one metrics record for one decision."""
        now_ms = int(self._clock() * 1000)
        get = entry.get
        head, words, counted = self._in_words(entry)
        logged = measured = ""
        present = []
        for field, in_log, in_metrics in _NUMBERS:
            value = get(field)
            shown = None if value is None else number(value)
            present.append(shown is not None)
            if shown is not None:
                logged += in_log + shown
                # Powertools writes every value as a float.
                measured += in_metrics + (shown if "." in shown else shown + ".0") + "]"
        lines = f'{{"_aws":{{"Timestamp":{now_ms}{self._definitions(tuple(present))}{counted}{measured}}}\n'
        if head:
            flag = get(FLAG)
            lines = (
                f"{head}{self._timestamp(now_ms)}{words}{logged}"
                f"{_text('token_sha256', get('token_sha256'))}{_text('request_id', get('request_id'))}"
                f"{_FLAG_TEXT[flag] if isinstance(flag, bool) else ''}{_trace()}}}\n{lines}"
            )
        self._write(lines.encode("ascii"))

    def _in_words(self, entry: Mapping[str, object]) -> tuple[str, str, str]:
        """Return how the log line begins ("" where none is written), its texts, and those of the metrics line."""
        texts = tuple(map(entry.get, _WORDS))
        try:
            found = self._kept.get(texts)
        except TypeError:  # a value that has no hash is no text
            found = None
        return self._put_into_words(entry, texts) if found is None else found

    def _put_into_words(self, entry: Mapping[str, object], texts: tuple[object, ...]) -> tuple[str, str, str]:
        level = "ERROR" if is_failure(entry) else "INFO"
        logged = LEVELS[level] >= self._threshold
        made = (
            f'{{"level":"{level}","message":"{MESSAGE}","timestamp":"' if logged else "",
            f'"{self._service}' + "".join(_text(name, text) for name, text in zip(_WORDS, texts, strict=True)),
            f"{self._service}{_text('reason', reason_of(entry))}{_COUNT[1]}",
        )
        # Only texts are kept: the number 1 and True would find each other's words.
        if all(text is None or type(text) is str for text in texts):
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[texts] = made
        return made

    def _definitions(self, present: tuple[bool, ...]) -> str:
        """Return what CloudWatch is told of the metrics: the decision's count, and each number that is present."""
        found = self._defined.get(present)
        if found is None:
            names = [name for name, is_there in zip(_DEFINITIONS, present, strict=True) if is_there]
            found = self._defined[present] = (
                f',"CloudWatchMetrics":[{{"Namespace":{self._namespace},'
                f'"Dimensions":[["service"],["service","reason"]],"Metrics":[{",".join((_COUNT[0], *names))}]}}]}}'
            )
        return found

    def _timestamp(self, now_ms: int) -> str:
        """Return RFC 3339 text in UTC; the part down to the second is kept, for it seldom changes."""
        second = now_ms // 1000
        if second != self._second:
            self._time_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._time_text}.{now_ms % 1000:03d}+00:00"


def _text(name: str, value: object) -> str:
    """Return a text as it stands in a line; nothing for what is no text."""
    return f',"{name}":{encode(printable(value, FIELDS[name]))}' if isinstance(value, str) else ""


def _trace() -> str:
    """Return the trace's id, which Lambda puts into the environment anew for each call."""
    trace = os.environb.get(_TRACE)  # as bytes: to look up a text encodes the name each time
    if not trace:
        return ""
    root = os.fsdecode(trace.split(b";", 1)[0].replace(b"Root=", b""))
    return f',"xray_trace_id":{encode(printable(root, 64))}'


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
