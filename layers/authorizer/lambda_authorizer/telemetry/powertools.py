"""The same record through Powertools' Logger and Metrics.

Laws of this file: the logger and the metrics are private to it, so that keys and dimensions an extender adds to
loggers of their own neither leak into the record nor lose anything to it; no decorator of Powertools is used,
because its event logging (`POWERTOOLS_LOGGER_LOG_EVENT`) would print the credential.
"""

from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from lambda_authorizer.telemetry import MESSAGE, is_failure, log_fields, metric_values, reason_of

# Powertools shares one logger among all users of a service name; nobody else uses this one.
_LOGGER: Final = "lambda_authorizer.telemetry"


class PowertoolsTelemetry:
    """Writes by Powertools, whose settings (development mode, disabled metrics, trace id) keep their meaning."""

    __slots__ = ("_logger", "_metrics", "_service")

    def __init__(self, *, service: str, namespace: str, level: str) -> None:
        self._logger = Logger(service=_LOGGER, level=level, use_rfc3339=True, utc=True, location=None)
        self._logger.append_keys(service=service)
        self._service = service
        self._metrics = EphemeralMetrics(namespace=namespace, service=service)

    def record(self, entry: Mapping[str, object]) -> None:
        """Write one log record and one metrics record for one decision."""
        write = self._logger.error if is_failure(entry) else self._logger.info
        write(MESSAGE, extra=log_fields(entry))
        metrics = self._metrics
        metrics.add_dimension("service", self._service)
        metrics.add_dimensions(service=self._service, reason=reason_of(entry))
        for name, unit, value in metric_values(entry):
            metrics.add_metric(name=name, unit=unit, value=value)
        metrics.flush_metrics()
