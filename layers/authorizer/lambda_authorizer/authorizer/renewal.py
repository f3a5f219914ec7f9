"""Rules from outside the package, looked at again while the function runs.

Laws of this file: everything that depends on the rules (keys, usage keys, schema fields) is made before they are
taken, so that a version which does not fit together changes nothing; the call that finds out says so in its
record.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambda_authorizer.fetch.rules_source import RulesSource
from lambda_authorizer.settings import rules_of
from lambda_authorizer.settings.remote import fetch_remote

if TYPE_CHECKING:
    from lambda_authorizer.authorizer.seams import Clock, Entry
    from lambda_authorizer.errors import ConfigurationError
    from lambda_authorizer.rules import RuleSet
    from lambda_authorizer.settings import Settings

Made = dict[str, Any]
"""What is made of one version of the rules: arguments of an `Authorizer`."""


class Renewal:
    """The parts of the newest good rules."""

    __slots__ = ("_build", "_settings", "_source", "_taken", "_wrong", "made")

    def __init__(
        self,
        settings: "Settings",
        clock: "Clock",
        build: "Callable[[RuleSet], Made]",
        *,
        fetch: Callable[[str], bytes] = fetch_remote,
    ) -> None:
        """Load the first version.

        Args:
            settings: where the rules are.
            clock: tells when to look again.
            build: makes the parts, or raises ConfigurationError.
            fetch: gives the text.

        Raises:
            ConfigurationError: there is no good version to start with.
        """
        self._settings = settings
        self._build = build
        self._wrong: ConfigurationError | None = None
        self.made: Made = {}
        self._source = RulesSource(lambda: fetch(settings.rules), self._parse, clock=clock, report=self._report)
        self._taken = self.made

    def __call__(self, entry: "Entry") -> Made | None:
        """Return the parts of rules that have changed; None where nothing has, or where the change is no good."""
        wrong = self._look()
        if wrong is not None:
            entry["error"] = type(wrong).__name__
        if self.made is self._taken:
            return None
        self._taken = self.made
        return self.made

    def _look(self) -> "ConfigurationError | None":
        self._wrong = None
        self._source.current()
        return self._wrong

    def _parse(self, text: bytes) -> "RuleSet":
        rules = rules_of(text, self._settings.rules, self._settings)
        self.made = self._build(rules)
        return rules

    def _report(self, _state: str, _rules: "RuleSet", wrong: "ConfigurationError | None") -> None:
        self._wrong = wrong
