"""The route of the data, event → answer, in one method: `Authorizer.handle`. Only here do edges and stages meet.

    event ─parse_event→ Request ─credential→ str ─Callers→ Principal ─Answers→ answer

`caller.py` and `answers.py` hold the two halves of the route. Laws of this file:
- Whatever goes wrong ends in a refusal or an error, never in an answer that allows.
- Only a doubt about the credential is `Unauthorized`, and that error carries nothing else: no cause, no context.
- An error that leaves the function holds no text of the caller.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import gc
from functools import cache
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.authorizer.answers import Answers
from lambda_authorizer.authorizer.caller import Callers
from lambda_authorizer.errors import AuthorizerError, MissingTokenError, TokenError
from lambda_authorizer.principal import ANONYMOUS, Principal
from lambda_authorizer.request import Request, credential
from lambda_authorizer.request.event import parse_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambda_authorizer.authorizer.seams import Check, Clock, Entry, Introspector, Keys, Telemetry
    from lambda_authorizer.rules import RuleSet
    from lambda_authorizer.settings import Settings

__all__ = ["Authorizer", "Unauthorized"]

_MARGIN_MS: Final = 300  # what the answer itself may need of the invocation's time
_FRONT_END_MS: Final = 9_500  # HTTP APIs and AppSync wait for ten seconds


class Unauthorized(Exception):  # noqa: N818 - the name is the message that API Gateway looks for
    """What API Gateway answers with 401: an error whose text is exactly this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Authorizer:
    """Answers events by the rules. `from_environment` makes the usual one; the constructor takes every part."""

    def __init__(  # noqa: PLR0913 - each is a seam of its own
        self,
        settings: Settings,
        rules: RuleSet,
        keys: Keys,
        telemetry: Telemetry,
        clock: Clock,
        *,
        check: Check | None = None,
        introspector: Introspector | None = None,
        usage_keys: Mapping[str, str] | None = None,
        graphql_fields: tuple[str, ...] | None = None,
        renew: Callable[[Entry], dict[str, Any] | None] | None = None,
    ) -> None:
        """Take the parts; nothing is read or fetched.

        Args:
            settings: what the environment says.
            rules: who may call what.
            keys: where verification keys come from.
            telemetry: where decisions are recorded.
            clock: both clocks.
            check: asked about every caller the rules let through; only the value True lets them pass.
            introspector: asks about opaque tokens.
            usage_keys: tier → API key value, for REST and WebSocket answers.
            graphql_fields: every root field of the AppSync schema, as `Type.field`.
            renew: asked at every call for the parts of rules that have changed.
        """
        self._settings = settings
        self._clock = clock
        self._telemetry = telemetry
        self._check = check
        self._renew = renew
        self._cold = True
        self._take(rules, keys, introspector, usage_keys, graphql_fields)

    def _take(
        self,
        rules: RuleSet,
        keys: Keys,
        introspector: Introspector | None,
        usage_keys: Mapping[str, str] | None,
        graphql_fields: tuple[str, ...] | None,
    ) -> None:
        """Take one version of the rules, with all that depends on them; nothing of an earlier one is kept."""
        self._rules = rules
        self._callers = Callers(rules, keys, introspector, self._clock, remember=self._settings.verified_cache)
        self._answers = Answers(
            self._settings,
            rules,
            self._clock,
            check=self._check,
            usage_keys=usage_keys or {},
            graphql_fields=graphql_fields,
        )

    @classmethod
    def from_environment(
        cls, check: Check | None = None, environ: Mapping[str, str] | None = None, *, usage_keys: bool = False
    ) -> Authorizer:
        """Read settings and rules, get keys, and return what is ready to answer; for use at start.

        Args:
            check: asked about every caller the rules let through; only the value True lets them pass.
            environ: by default the environment of the process.
            usage_keys: answer with the API key of the caller's tier.

        Raises:
            ConfigurationError: a setting or the rules file is missing, unknown or contradictory.
        """
        collecting = gc.isenabled()
        gc.disable()  # what a start makes stays: to look through it for garbage finds nothing
        try:
            from lambda_authorizer.authorizer.start import parts  # the one module that knows all edges

            made = cls(**parts(check, environ, usage_keys=usage_keys))
            _freeze()
            return made
        finally:
            if collecting:
                gc.enable()

    def handle(self, event: object, context: object = None) -> dict[str, Any]:
        """Answer one event: the route of the data, top to bottom.

        Raises:
            Unauthorized: the credential proves nothing, and the front end answers 401 to exactly this.
            AuthorizerError: no answer can be given; the front end answers 500.
        """
        began = perf_counter_ns()
        entry: Entry = {"cold_start": self._cold}
        self._cold = False
        reply: dict[str, Any] | None = None
        failure: Exception | None = None
        try:
            try:
                if self._renew is not None and (changed := self._renew(entry)) is not None:
                    self._take(**changed)
                request = parse_event(event)
                _describe(entry, request, context)
                try:
                    principal = self._caller(request, context, entry)
                    reply = self._answers.known(request, principal, context, entry)
                except TokenError as error:
                    _note(entry, "unauthorized", error.reason, error)
                    reply = self._answers.unknown(request, error)
            finally:
                entry["duration_ms"] = (perf_counter_ns() - began) / 1_000_000
                entry["key_fetches"] = self._callers.new_fetches(entry)
        except Exception as error:  # noqa: BLE001 - nothing that goes wrong may allow
            failure = _without_caller(error, entry)
        try:
            self._telemetry.record(entry)
        except Exception as error:  # noqa: BLE001 - a decision that nobody can look up later is not given
            failure = failure or _without_caller(error, {})
        # Raised out here, where no other error is being handled, so that it carries neither cause nor context.
        if failure is not None:
            raise failure
        if reply is None:
            raise Unauthorized
        return reply

    def _caller(self, request: Request, context: object, entry: Entry) -> Principal:
        """Return who calls; nobody, where rules open some calls to anybody and there is no credential."""
        try:
            text = credential(request, self._settings.credential)
        except MissingTokenError:
            if not self._rules.has_anonymous:
                raise
            return ANONYMOUS
        return self._callers.of(text, self._deadline(request, context), entry)

    def _deadline(self, request: Request, context: object) -> int:
        """Return when keys must be there: after the budget, or what the invocation has left of its time."""
        budget = self._settings.time_budget_ms
        if request.kind not in ("token", "request", "websocket"):
            budget = min(budget, _FRONT_END_MS)
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        if callable(remaining):
            budget = min(budget, int(remaining()) - _MARGIN_MS)
        return self._clock.monotonic_ms() + max(0, budget)


@cache
def _freeze() -> None:
    """Spare what the start has made every later collection, the first of which would come with the first call.

    Once in a process: what is garbage at that moment is kept, and a process that starts again and again (tests do)
    would keep ever more of it.
    """
    gc.freeze()


def _describe(entry: Entry, request: Request, context: object) -> None:
    """Note what is called, in words that are not the caller's."""
    entry["kind"] = request.kind
    entry["request_id"] = request.request_id or getattr(context, "aws_request_id", None)


def _note(entry: Entry, decision: str, reason: str, error: Exception) -> None:
    """Note what went wrong: the class and the slug, never the text."""
    entry["decision"] = decision
    entry["reason"] = reason
    entry["error"] = type(error).__name__


def _without_caller(error: Exception, entry: Entry) -> Exception:
    """Return the error that may leave the function, and note it.

    Ours say nothing of the caller. What is not ours may say anything, so only its class and place are kept.
    """
    if isinstance(error, AuthorizerError):
        _note(entry, "error", error.reason, error)
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    _note(entry, "error", AuthorizerError.reason, error)
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return AuthorizerError(f"internal error: {type(error).__name__} at {place}")
