"""What a caller gets: `Principal` and `Grants` → answer.

Laws of this file:
- A hook is asked before anything is opened, also where the answer opens other calls than this one.
- Where an answer may be kept, it says nothing of the single request, and is true for all calls that share it.
- What is too large, contradictory or undecided is refused.
- What follows from a caller alone (grants, context) is worked out before a hook sees the caller, and kept with the
  caller whose verification is kept: nothing a hook does to what it is given widens this answer or a later one.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.errors import ConfigurationError, EventError, MissingTokenError, TokenError
from lambda_authorizer.policy import Decision, decide, denied_fields, narrowed_here
from lambda_authorizer.policy.build import LARGEST_POLICY, build_policy
from lambda_authorizer.request import Request, is_cache_key
from lambda_authorizer.request.event import fits_route_key
from lambda_authorizer.response import (
    OUTCOMES,
    Answer,
    FrontEnd,
    Outcome,
    allows_anything,
    front_end,
    is_larger,
    own_value,
    render,
    size,
)
from lambda_authorizer.response.context import caller_context, carried
from lambda_authorizer.rules import Facts, Grants, RuleSet, grants_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_authorizer.arn import ExecuteApiArn
    from lambda_authorizer.authorizer.seams import Check, Clock, Entry
    from lambda_authorizer.principal import Principal
    from lambda_authorizer.settings import Settings

_WEBSOCKET_CONTEXT: Final = 2_048  # hard: the service takes 8 KB in all, and a policy of at most 6
_MOST_KNOWN: Final = 512
_ARN_PARTS: Final = 7  # of a function's ARN
_OPERATIONS: Final = ("CONNECT", "PUBLISH", "SUBSCRIBE")
# Refusals that may be wrong in a moment: the key may have been published, the time may come.
_PASSING: Final = frozenset({"unknown_key", "not_yet_valid"})


class Known:
    """A caller, with what follows from the caller alone."""

    __slots__ = ("_contexts", "grants", "principal")

    def __init__(self, principal: Principal, grants: Grants) -> None:
        self.principal: Final = principal
        self.grants: Final = grants
        self._contexts: dict[FrontEnd, dict[str, Any]] = {}

    def context(self, front: FrontEnd, rules: RuleSet) -> dict[str, Any]:
        """Return what the backend is told about the caller."""
        found = self._contexts.get(front)
        if found is None:
            told = caller_context(self.principal, rules.context)
            found = self._contexts[front] = carried(front, told, rules.context_types)
        return found


class Answers:
    """Answers callers by the rules, in the form that the front end expects."""

    __slots__ = ("_check", "_clock", "_graphql_fields", "_known", "_rules", "_settings", "_usage_keys")

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        settings: Settings,
        rules: RuleSet,
        clock: Clock,
        *,
        check: Check | None,
        usage_keys: Mapping[str, str],
        graphql_fields: tuple[str, ...] | None,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._clock = clock
        self._check = check
        self._usage_keys = usage_keys
        self._graphql_fields = graphql_fields
        self._known: dict[int, Known] = {}

    def known(self, request: Request, principal: Principal, context: object, entry: Entry) -> dict[str, Any]:
        """Return the answer to a caller who is known: principal → grants → decision → answer.

        Raises:
            MissingTokenError: nobody is known, and the call is not public.
        """
        kept = self._is_kept(request)
        caller = self._caller(principal, None if kept else _facts(request))
        entry["tier"] = principal.tier
        front = front_end(request.kind, simple=self._settings.response == "simple")
        if front == "http-1.0" and self._settings.response == "simple":
            raise ConfigurationError(
                "environment", "AUTHORIZER_RESPONSE", "'simple', and an event of payload format 1.0", "policy"
            )
        if kept and front in ("http-2.0", "http-simple") and not principal.anonymous:
            self._refuse_shared_answers(request)
        if front == "appsync":
            decision, answer = self._graphql(request, caller, context, entry)
        elif front in ("http-simple", "appsync-events"):
            decision, answer = self._yes_or_no(request, caller, front, entry, kept=kept)
        else:
            decision, answer = self._policy(request, caller, front, entry, kept=kept)
        if principal.anonymous and not decision.allowed:
            raise MissingTokenError("the request carries no credential, and its route is not public")
        entry["decision"] = "allow" if decision.allowed else "deny"
        entry["reason"] = decision.reason
        entry["rule"] = decision.rule
        return self._render("allowed" if decision.allowed else "not_permitted", front, answer, request)

    def unknown(self, request: Request, error: TokenError) -> dict[str, Any] | None:
        """Return the answer to a caller who is not known; None where only an error says so."""
        front = front_end(request.kind, simple=self._settings.response == "simple")
        passing = error.reason in _PASSING and self._is_kept(request)
        kept = self._settings.unauthorized == "deny" and not passing
        outcome: Outcome = "unauthorized_kept" if kept else "unauthorized"
        if OUTCOMES[outcome][front][0] == "unauthorized":
            return None
        return self._render(outcome, front, Answer(context={"reason": error.reason}), request)

    def _policy(
        self, request: Request, caller: Known, front: FrontEnd, entry: Entry, *, kept: bool
    ) -> tuple[Decision, Answer]:
        """Answer with a policy: for all that the caller may do where it may be kept, else for this call alone."""
        decision = _decide(request, caller.grants, kept=kept)
        if not (decision.allowed or kept):
            return decision, Answer(caller.principal.id, None, {"reason": decision.reason})
        arn = _arn(request)
        policy = build_policy(
            caller.grants,
            arn,
            whole=kept,
            resource_policy=self._settings.resource_policy or self._rules.resource_policy,
            largest=self._settings.policy_bytes,
        )
        document = policy.document
        opens = allows_anything(document)
        if decision.allowed and (not opens or narrowed_here(policy, arn)):
            decision = Decision(False, "policy_narrowed", decision.rule)
        if not opens:
            # The reason of this call may not be that of the next one which shares the answer.
            told = "no_rule_allows" if kept else decision.reason
            return decision, Answer(caller.principal.id, None, {"reason": told})
        # Asked even where this call is not allowed: the policy may be kept, and it opens others.
        context = caller.context(front, self._rules)
        refusal = self._refusal(request, caller.principal, entry)
        if refusal is None and self._is_too_large(front, context, document):
            refusal = "answer_too_large"
        if refusal is not None:
            return Decision(False, refusal), Answer(caller.principal.id, None, {"reason": refusal})
        usage_key = None if caller.principal.tier is None else self._usage_keys.get(caller.principal.tier)
        return decision, Answer(caller.principal.id, document, context, usage_key)

    def _yes_or_no(
        self, request: Request, caller: Known, front: FrontEnd, entry: Entry, *, kept: bool
    ) -> tuple[Decision, Answer]:
        """Answer yes or no to this call; where that may be kept, to every call of its route."""
        decision = _decide(request, caller.grants, kept=kept)
        if decision.allowed and kept:
            from lambda_authorizer.authorizer.whole import is_whole_route  # only simple answers that are kept

            if not is_whole_route(request, caller.grants):
                decision = Decision(False, "policy_narrowed", decision.rule)
        if not decision.allowed:
            return decision, Answer(context={} if kept else {"reason": decision.reason})
        context = caller.context(front, self._rules)
        refusal = self._refusal(request, caller.principal, entry)
        if refusal is None and self._is_too_large(front, context):
            refusal = "answer_too_large"
        if refusal is not None:
            return Decision(False, refusal), Answer(context={"reason": refusal})
        return decision, Answer(context=context)

    def _graphql(self, request: Request, caller: Known, context: object, entry: Entry) -> tuple[Decision, Answer]:
        """Answer with the fields that the caller may not resolve; no field left means no."""
        fields = self._graphql_fields
        if fields is None:
            if "graphql" in self._rules.kinds:
                raise ConfigurationError(
                    "environment", "AUTHORIZER_APPSYNC_SCHEMA", "nothing", "the schema whose fields the rules name"
                )
            fields = ()
        denied = denied_fields(caller.grants, fields)
        if len(denied) == len(fields):
            return Decision(False, "no_rule_allows"), Answer(context={"reason": "no_rule_allows"})
        told = caller.context("appsync", self._rules)
        refusal = self._refusal(request, caller.principal, entry)
        if refusal is None and self._is_too_large("appsync", told):
            refusal = "answer_too_large"
        if refusal is not None:
            return Decision(False, refusal), Answer(context={"reason": refusal})
        if self._settings.appsync_field_arns:
            prefix = _appsync_arn(request, context)
            denied = tuple(prefix + "types/{}/fields/{}".format(*field.split(".")) for field in denied)
        answer = Answer(context=told, denied_fields=denied, ttl=self._appsync_ttl(request, caller.principal))
        return Decision(True, "allowed"), answer

    def _render(self, outcome: Outcome, front: FrontEnd, answer: Answer, request: Request) -> dict[str, Any]:
        return render(OUTCOMES[outcome][front][0], front, answer, request.arn)

    # Single questions

    def _refuse_shared_answers(self, request: Request) -> None:
        """Raise where an HTTP API would keep an answer to one caller and give it to every other."""
        if request.identity_sources and not is_cache_key(request, self._settings.credential):
            raise ConfigurationError(
                "the HTTP API's authorizer",
                "identity sources",
                "none that is the credential",
                "the credential beside whatever else, or a result TTL of 0",
            )

    def _refusal(self, request: Request, principal: Principal, entry: Entry) -> str | None:
        """Ask the hook, which may only narrow; return the reason if it refuses."""
        if self._check is None:
            return None
        # A caller whose verification is kept is asked about again: what a hook changes is a copy.
        own = principal._replace(claims=own_value(principal.claims))
        try:
            passed = self._check(own, request)
        except Exception as error:  # noqa: BLE001 - whatever the hook raises, the caller is not let through
            entry["error"] = type(error).__name__
            return "hook_refused"
        return None if passed is True else "hook_refused"

    def _is_kept(self, request: Request) -> bool:
        """Say whether the front end may give this answer to another call; an unknown TTL counts as one."""
        if request.kind in ("websocket", "appsync-events"):
            return False
        return self._settings.result_ttl != 0

    def _appsync_ttl(self, request: Request, principal: Principal) -> int:
        """Return how long AppSync may keep a yes: not past the token, nor what a hook said of one operation."""
        ttl = self._settings.result_ttl
        if not ttl or principal.expires_at is None or self._check is not None:
            return 0
        if not is_cache_key(request, self._settings.credential):
            return 0
        return max(0, min(ttl, int(principal.expires_at - self._clock.wall_ms() / 1000)))

    def _caller(self, principal: Principal, facts: Facts | None) -> Known:
        """Return the caller with grants; those of a kept caller are kept, unless rules read the single request."""
        if facts is not None or not self._settings.verified_cache:
            return Known(principal, grants_for(self._rules, principal, facts))
        found = self._known.get(id(principal))
        # What is kept holds the principal, so no other one can have its id.
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known = {}
            found = self._known[id(principal)] = Known(principal, grants_for(self._rules, principal, None))
        return found

    def _is_too_large(
        self, front: FrontEnd, context: Mapping[str, Any], document: Mapping[str, Any] | None = None
    ) -> bool:
        """Say whether the answer is larger than the front end, or the operator, accepts."""
        policy_bytes, context_bytes = self._settings.policy_bytes, self._settings.context_bytes
        if front == "websocket":
            context_bytes = min(context_bytes, _WEBSOCKET_CONTEXT)
        if is_larger(context, context_bytes):
            return True
        # A policy for everything was built to fit; one for the called route is small, unless the bound is smaller.
        return document is not None and policy_bytes < LARGEST_POLICY and size(document) > policy_bytes


def _decide(request: Request, grants: Grants, *, kept: bool) -> Decision:
    """Decide about this call, unless the event itself disagrees about what is called."""
    if request.contradictory:
        if kept:
            # An error is not kept; a Deny would be, and the caller's own policy would answer the wrong call.
            raise EventError("the event names another method or path beside its ARN's")
        return Decision(False, "path_refused")
    if not kept and not fits_route_key(request):
        return Decision(False, "path_refused")
    if request.arn is not None and request.method in _OPERATIONS:
        return Decision(False, "no_rule_allows")  # an HTTP method of that name is no operation of AppSync's
    return decide(grants, request.method, request.path)


def _facts(request: Request) -> Facts | None:
    """Return what rules may read of a request whose answer is not kept: nothing where little is known."""
    return None if request.source_ip is None else Facts(request.source_ip, request.client_certificate)


def _arn(request: Request) -> ExecuteApiArn:
    """Return the called route's ARN, which every event has that a policy answers."""
    if request.arn is None:
        raise EventError("the event has no ARN")
    return request.arn


def _appsync_arn(request: Request, context: object) -> str:
    """Return the API's ARN with a slash: region and partition are those of this very function."""
    parts = str(getattr(context, "invoked_function_arn", "")).split(":")
    if len(parts) < _ARN_PARTS or parts[0] != "arn" or request.appsync is None:
        raise ConfigurationError(
            "environment",
            "AUTHORIZER_APPSYNC_FIELDS",
            "'arns', and no function ARN to take the region from",
            "names",
        )
    return f"arn:{parts[1]}:appsync:{parts[3]}:{request.appsync.account}:apis/{request.appsync.api_id}/"
