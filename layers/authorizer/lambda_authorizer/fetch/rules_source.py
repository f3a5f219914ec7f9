"""Rules that are kept outside the package and may change while the function runs: the last good ones win.

Laws of this file: without good rules there is no start; once there were good ones, a version that cannot be had or
holds a mistake changes nothing and is reported; what is fetched is never logged, only why it was not taken.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING

from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from lambda_authorizer.fetch import Clock
    from lambda_authorizer.rules import RuleSet

    State = Literal["loaded", "changed", "kept_last_good"]
    Report = Callable[[State, RuleSet, ConfigurationError | None], None]

DEFAULT_REFRESH_MS = 300_000


class RulesSource:
    """The current rules of a place outside the package.

    A sandbox freezes between invocations, so nothing is refreshed in the background: `current` looks, at most once
    an interval, when a decision is asked for.
    """

    __slots__ = ("_bytes", "_checked", "_clock", "_fetch", "_parse", "_refresh", "_report", "_rules")

    def __init__(
        self,
        fetch: Callable[[], bytes],
        parse: Callable[[bytes], RuleSet],
        *,
        clock: Clock,
        report: Report | None = None,
        refresh_ms: int = DEFAULT_REFRESH_MS,
    ) -> None:
        """Load the first version.

        Args:
            fetch: gives the rules text, or raises ConfigurationError.
            parse: makes rules of it, or raises ConfigurationError.
            clock: monotonic milliseconds.
            report: told about every version that is taken or refused; for logs and metrics.
            refresh_ms: milliseconds between two looks.

        Raises:
            ConfigurationError: there is no good version to start with.
        """
        self._fetch = fetch
        self._parse = parse
        self._clock = clock
        self._report = report
        self._refresh = refresh_ms
        self._checked = clock.monotonic_ms()
        self._bytes = fetch()
        self._rules = parse(self._bytes)
        self._tell("loaded", None)

    def current(self) -> RuleSet:
        """Return the newest good rules; never raises."""
        now = self._clock.monotonic_ms()
        if now - self._checked < self._refresh:
            return self._rules
        # A failure waits for the next interval as well: a broken place is not asked at every call.
        self._checked = now
        try:
            found = self._fetch()
            if found == self._bytes:
                return self._rules
            rules = self._parse(found)
        except ConfigurationError as wrong:
            self._tell("kept_last_good", wrong)
            return self._rules
        self._bytes, self._rules = found, rules
        self._tell("changed", None)
        return self._rules

    def _tell(self, state: State, wrong: ConfigurationError | None) -> None:
        if self._report is not None:
            self._report(state, self._rules, wrong)
