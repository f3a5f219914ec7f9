"""API keys and usage plans of a REST API: which key counts, how fast, and how often."""

import datetime as dt
from typing import Literal, NamedTuple

from lambda_authorizer.testing.gateway.model import Clock, Refused, Trace

Period = Literal["DAY", "WEEK", "MONTH"]


class UsagePlan(NamedTuple):
    """One usage plan attached to the stage."""

    keys: tuple[str, ...]
    """Values of the API keys in it."""
    rate: float | None = None
    """Requests a second, in the long run; None for no throttle."""
    burst: int = 1
    """Requests that may come at once."""
    quota: int | None = None
    """Requests a period; None for no quota."""
    period: Period = "DAY"
    disabled: tuple[str, ...] = ()
    """Keys that are switched off."""


class _Use:
    """What one key has used."""

    __slots__ = ("counted", "period", "tokens", "updated_ms")

    def __init__(self, plan: UsagePlan, now_ms: int) -> None:
        self.tokens = float(plan.burst)
        self.updated_ms = now_ms
        self.period = ""
        self.counted = 0


class Meter:
    """Counts the calls of each key against its plan."""

    __slots__ = ("_clock", "_plans", "_used")

    def __init__(self, plans: tuple[UsagePlan, ...], clock: Clock) -> None:
        """Take the plans of one stage.

        Raises:
            ValueError: a key is in two of them, which AWS does not allow.
        """
        self._plans = {key: plan for plan in plans for key in plan.keys}
        if len(self._plans) != sum(len(plan.keys) for plan in plans):
            raise ValueError("an API key is in one plan of a stage at most")
        self._clock = clock
        self._used: dict[str, _Use] = {}

    def count(self, key: str | None, trace: Trace) -> None:
        """Count one call.

        Raises:
            Refused: the key does not open the stage, or has used up its rate or quota.
        """
        plan = self._plans.get(key or "")
        if plan is None or key is None or key in plan.disabled:
            trace.note("no API key that is enabled and in a plan of this stage", "usage.unknown")
            raise Refused(403, {"message": "Forbidden"}, {"x-amzn-errortype": "ForbiddenException"})
        used = self._used.setdefault(key, _Use(plan, self._clock.wall_ms()))
        if plan.rate is not None and not self._take(used, plan, plan.rate):
            trace.note("the plan's rate is used up", "usage.throttle")
            raise Refused(429, {"message": "Too Many Requests"}, {"x-amzn-errortype": "TooManyRequestsException"})
        if plan.quota is not None:
            self._add(used, plan.period)
            if used.counted > plan.quota:
                trace.note("the plan's quota is used up", "usage.quota")
                raise Refused(429, {"message": "Limit Exceeded"}, {"x-amzn-errortype": "LimitExceededException"})
        trace.note("the API key is in a plan and within its limits", "usage.exact")

    def _take(self, used: _Use, plan: UsagePlan, rate: float) -> bool:
        """Take one token out of the key's bucket, if there is one."""
        now = self._clock.wall_ms()
        used.tokens = min(plan.burst, used.tokens + (now - used.updated_ms) / 1000 * rate)
        used.updated_ms = now
        if used.tokens < 1:
            return False
        used.tokens -= 1
        return True

    def _add(self, used: _Use, period: Period) -> None:
        """Count one call in the current period."""
        today = dt.datetime.fromtimestamp(self._clock.wall_ms() / 1000, tz=dt.UTC).date()
        current = {
            "DAY": today.isoformat(),
            "WEEK": "-".join(map(str, today.isocalendar()[:2])),
            "MONTH": f"{today:%Y-%m}",
        }[period]
        if used.period != current:
            used.period, used.counted = current, 0
        used.counted += 1
