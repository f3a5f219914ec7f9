"""One call from event to answer, in one method.

    event ─parse_event→ Request ─credential→ str ─parse_token→ UnverifiedToken ─keys→ Key ─verify_token→ Claims
    ─map_principal→ Principal ─grants_for→ Grants ─decide→ Decision ─render→ answer

Laws of this file:
- Whatever goes wrong ends in a refusal or an error, never in an answer that allows.
- Only a doubt about the credential is `Unauthorized`, and that error carries nothing else: no cause, no context.
- An error that leaves the function holds no text of the caller.
- An answer that the gateway may keep says nothing about the single request.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.authorizer.verified import Header, Verified, VerifiedTokens
from lambda_authorizer.authorizer.whole import is_whole_route
from lambda_authorizer.errors import (
    AuthorizerError,
    ConfigurationError,
    EventError,
    MissingTokenError,
    TokenError,
)
from lambda_authorizer.policy import Decision, build_policy, decide, denied_fields
from lambda_authorizer.principal import ANONYMOUS, Principal, map_principal
from lambda_authorizer.request import Request, credential, fits_route_key, is_cache_key, parse_event
from lambda_authorizer.response import (
    OUTCOMES,
    Answer,
    FrontEnd,
    Outcome,
    allows_anything,
    caller_context,
    carried,
    front_end,
    render,
    size,
)
from lambda_authorizer.rules import Facts, Grants, RuleSet, grants_for
from lambda_authorizer.tokens import Claims, Issuer, UnverifiedToken, issuer_for, parse_token, verify_token

if TYPE_CHECKING:
    from lambda_authorizer.settings import Settings

Check = Callable[[Principal, Request], object]
Entry = dict[str, object]

_MARGIN_MS: Final = 300  # what the answer itself may need of the invocation's time
_FRONT_END_MS: Final = 9_500  # HTTP APIs and AppSync wait for ten seconds
_WEBSOCKET_POLICY: Final = 6_144  # hard: the service takes 8 KB in all
_WEBSOCKET_CONTEXT: Final = 2_048
_JWT_DOTS: Final = 2
_ARN_PARTS: Final = 7  # of a function's ARN
# Refusals that may be wrong in a moment: the key may have been published, the time may come.
_PASSING: Final = frozenset({"unknown_key", "not_yet_valid"})


class Unauthorized(Exception):  # noqa: N818 - the name is the message that API Gateway looks for
    """What API Gateway answers with 401: an error whose text is exactly this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Clock(Protocol):
    """Both clocks, in milliseconds."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""

    def monotonic_ms(self) -> int:
        """Return milliseconds since any start."""


class Keys(Protocol):
    """The key source: the one stage that may use the network."""

    def look_up(self, token: Any, issuer: Issuer, deadline: int) -> Any:
        """Return the key for a token and where it came from."""

    def generation(self, issuer_name: str) -> int:
        """Return a number that changes when the issuer's key set does."""

    def health(self) -> Any:
        """Return each issuer's state, `fetches` among it."""


class Introspector(Protocol):
    """Asks an issuer about an opaque token."""

    def claims(self, text: str, issuer: Issuer, deadline: int) -> Claims:
        """Return the claims of an active token."""


class Telemetry(Protocol):
    """Where a decision is recorded."""

    def record(self, entry: Mapping[str, object]) -> None:
        """Record one decision."""


class Authorizer:
    """Answers events by the rules. `from_environment` makes the usual one; the constructor takes every part."""

    def __init__(  # noqa: PLR0913 - each is a seam of its own
        self,
        settings: "Settings",
        rules: RuleSet,
        keys: Keys,
        telemetry: Telemetry,
        clock: Clock,
        *,
        check: Check | None = None,
        introspector: Introspector | None = None,
        usage_keys: Mapping[str, str] | None = None,
        graphql_fields: tuple[str, ...] | None = None,
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
        """
        self._settings = settings
        self._rules = rules
        self._keys = keys
        self._telemetry = telemetry
        self._clock = clock
        self._check = check
        self._introspector = introspector
        self._introspecting = next((issuer for issuer in rules.issuers if issuer.introspection), None)
        self._usage_keys = usage_keys or {}
        self._graphql_fields = graphql_fields
        self._verified = VerifiedTokens() if settings.verified_cache else None
        self._fetches = 0
        self._cold = True

    @classmethod
    def from_environment(
        cls, check: Check | None = None, environ: Mapping[str, str] | None = None, *, usage_keys: bool = False
    ) -> "Authorizer":
        """Read settings and rules, get keys, and return what is ready to answer; for use at start.

        Args:
            check: asked about every caller the rules let through; only the value True lets them pass.
            environ: by default the environment of the process.
            usage_keys: answer with the API key of the caller's tier.

        Raises:
            ConfigurationError: a setting or the rules file is missing, unknown or contradictory.
        """
        from lambda_authorizer.authorizer.start import parts  # the one module that knows all edges

        return cls(**parts(check, environ, usage_keys=usage_keys))

    def handle(self, event: object, context: object = None) -> dict[str, Any]:
        """Answer one event: the route of the data, top to bottom.

        Raises:
            Unauthorized: the credential proves nothing, and the front end answers 401 to exactly this.
            AuthorizerError: no answer can be given; the front end answers 500.
        """
        entry: Entry = {"cold_start": self._cold}
        self._cold = False
        reply: dict[str, Any] | None = None
        failure: Exception | None = None
        try:
            started = self._clock.monotonic_ms()
            try:
                request = parse_event(event)
                _describe(entry, request, context)
                try:
                    principal = self._caller(request, started + self._budget(request, context), entry)
                    grants = grants_for(self._rules, principal, self._facts(request))
                    reply = self._answer(request, principal, grants, context, entry)
                except TokenError as error:
                    reply = self._refuse(request, error, entry)
            finally:
                entry["duration_ms"] = self._clock.monotonic_ms() - started
                entry["key_fetches"] = self._new_fetches(entry)
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

    # Who calls

    def _caller(self, request: Request, deadline: int, entry: Entry) -> Principal:
        """Return the caller: request → credential → claims → principal."""
        try:
            text = credential(request, self._settings.credential)
        except MissingTokenError:
            if not self._rules.has_anonymous:
                raise
            return ANONYMOUS
        digest = sha256(text.encode("ascii"))
        entry["token_sha256"] = digest.hexdigest()[:16]
        if self._verified is None:
            return self._proven(text, deadline, entry, None)
        kept = self._verified.get(digest.digest(), self._clock.wall_ms() / 1000)
        if kept is not None:
            # The key source is asked all the same: only so do keys age, and a withdrawn one takes its results.
            self._key(kept.header, kept.issuer, deadline, entry)
            if kept.generation == self._keys.generation(kept.issuer.name):
                return kept.principal
        return self._proven(text, deadline, entry, digest.digest())

    def _proven(self, text: str, deadline: int, entry: Entry, digest: bytes | None) -> Principal:
        """Return the caller that a token names, verified now; keep the result under `digest`, if that is given."""
        if self._introspecting is not None and text.count(".") != _JWT_DOTS:
            return self._introspected(text, self._introspecting, deadline, entry)
        token = parse_token(text)
        issuer = issuer_for(token, self._rules.issuers)
        if issuer.key_source is None:
            return self._introspected(text, issuer, deadline, entry)
        generation, key = self._key(token, issuer, deadline, entry)
        claims = verify_token(token, key, issuer, self._clock.wall_ms() / 1000)
        principal = map_principal(claims, issuer, self._rules.tiers)
        if digest is not None and self._verified is not None:
            header = Header(token.algorithm, token.key_id)
            self._verified.put(digest, Verified(header, issuer, generation, claims.expires_at, principal))
        return principal

    def _key(
        self, token: UnverifiedToken | Header, issuer: Issuer, deadline: int, entry: Entry
    ) -> tuple[int, Any]:
        """Return the key for a token, and the generation of the key set it belongs to."""
        entry["issuer"] = issuer.name
        entry["key_cache"] = "none"
        # Read first: a set that changes in between makes the kept result too old, never too new.
        generation = self._keys.generation(issuer.name)
        found = self._keys.look_up(token, issuer, deadline)
        entry["kid"] = found.key.kid
        entry["key_cache"] = found.cache
        entry["key_age_s"] = found.age_ms / 1000
        return generation, found.key

    def _introspected(self, text: str, issuer: Issuer, deadline: int, entry: Entry) -> Principal:
        """Return the caller of a token that only its issuer can read."""
        entry["issuer"] = issuer.name
        if self._introspector is None:
            raise ConfigurationError(
                "the rules", "issuer.introspection", "nothing that can ask", "an introspector"
            )
        claims = self._introspector.claims(text, issuer, deadline)
        return map_principal(claims, issuer, self._rules.tiers)

    # What they get

    def _answer(
        self, request: Request, principal: Principal, grants: Grants, context: object, entry: Entry
    ) -> dict[str, Any]:
        """Return the answer to a caller who is known: grants → decision → answer."""
        entry["tier"] = principal.tier
        front = front_end(request.kind, simple=self._settings.response == "simple")
        if front == "http-1.0" and self._settings.response == "simple":
            raise ConfigurationError(
                "environment", "AUTHORIZER_RESPONSE", "'simple', and an event of payload format 1.0", "policy"
            )
        if front == "appsync":
            decision, answer = self._graphql(request, principal, grants, context, entry)
        elif front in ("http-simple", "appsync-events"):
            decision, answer = self._yes_or_no(request, principal, grants, front, entry)
        else:
            decision, answer = self._policy(request, principal, grants, front, entry)
        if principal.anonymous and not decision.allowed:
            raise MissingTokenError("the request carries no credential, and its route is not public")
        _decided(entry, "allow" if decision.allowed else "deny", decision.reason)
        entry["rule"] = decision.rule
        return self._render("allowed" if decision.allowed else "not_permitted", front, answer, request)

    def _policy(
        self, request: Request, principal: Principal, grants: Grants, front: FrontEnd, entry: Entry
    ) -> tuple[Decision, Answer]:
        """Answer with a policy: for all that the caller may do where it may be kept, else for this call alone."""
        kept = self._is_kept(request)
        decision = self._decide(request, grants)
        if not (decision.allowed or kept):
            return decision, Answer(principal.id, None, {"reason": decision.reason})
        resource_policy = self._settings.resource_policy or self._rules.resource_policy
        document = build_policy(grants, _arn(request), whole=kept, resource_policy=resource_policy).document
        if not allows_anything(document):
            reason = "no_rule_allows" if decision.allowed else decision.reason
            return Decision(False, reason, decision.rule), Answer(principal.id, None, {"reason": "no_rule_allows"})
        # Asked even where this call is not allowed: the policy may be kept, and it opens others.
        refusal = self._refusal(request, principal, entry)
        context = self._context(principal, front)
        if refusal is None and self._is_too_large(front, context, document):
            refusal = "answer_too_large"
        if refusal is not None:
            return Decision(False, refusal), Answer(principal.id, None, {"reason": refusal})
        usage_key = None if principal.tier is None else self._usage_keys.get(principal.tier)
        return decision, Answer(principal.id, document, context, usage_key)

    def _yes_or_no(
        self, request: Request, principal: Principal, grants: Grants, front: FrontEnd, entry: Entry
    ) -> tuple[Decision, Answer]:
        """Answer yes or no to this call; where that may be kept, to every call of its route."""
        kept = self._is_kept(request)
        decision = self._decide(request, grants)
        if decision.allowed and kept and not is_whole_route(request, grants):
            decision = Decision(False, "policy_narrowed", decision.rule)
        if not decision.allowed:
            return decision, Answer(context={} if kept else {"reason": decision.reason})
        refusal = self._refusal(request, principal, entry)
        context = self._context(principal, front)
        if refusal is None and self._is_too_large(front, context):
            refusal = "answer_too_large"
        if refusal is not None:
            return Decision(False, refusal), Answer(context={"reason": refusal})
        return decision, Answer(context=context)

    def _graphql(
        self, request: Request, principal: Principal, grants: Grants, context: object, entry: Entry
    ) -> tuple[Decision, Answer]:
        """Answer with the fields that the caller may not resolve; no field left means no."""
        fields = self._graphql_fields
        if fields is None:
            if "graphql" in self._rules.kinds:
                raise ConfigurationError(
                    "environment", "AUTHORIZER_APPSYNC_SCHEMA", "nothing", "the schema whose fields the rules name"
                )
            fields = ()
        denied = denied_fields(grants, fields)
        if len(denied) == len(fields):
            return Decision(False, "no_rule_allows"), Answer(context={"reason": "no_rule_allows"})
        refusal = self._refusal(request, principal, entry)
        told = self._context(principal, "appsync")
        if refusal is None and self._is_too_large("appsync", told):
            refusal = "answer_too_large"
        if refusal is not None:
            return Decision(False, refusal), Answer(context={"reason": refusal})
        if self._settings.appsync_field_arns:
            prefix = _appsync_arn(request, context)
            denied = tuple(prefix + "types/{}/fields/{}".format(*field.split(".")) for field in denied)
        answer = Answer(context=told, denied_fields=denied, ttl=self._appsync_ttl(request, principal))
        return Decision(True, "allowed"), answer

    def _refuse(self, request: Request, error: TokenError, entry: Entry) -> dict[str, Any] | None:
        """Return the answer to a caller who is not known; None where only an error says so."""
        _decided(entry, "unauthorized", error.reason)
        entry["error"] = type(error).__name__
        front = front_end(request.kind, simple=self._settings.response == "simple")
        passing = error.reason in _PASSING and self._is_kept(request)
        kept = self._settings.unauthorized == "deny" and not passing
        outcome: Outcome = "unauthorized_kept" if kept else "unauthorized"
        if OUTCOMES[outcome][front][0] == "unauthorized":
            return None
        return self._render(outcome, front, Answer(context={"reason": error.reason}), request)

    def _render(self, outcome: Outcome, front: FrontEnd, answer: Answer, request: Request) -> dict[str, Any]:
        return render(OUTCOMES[outcome][front][0], front, answer, request.arn)

    # Single questions

    def _decide(self, request: Request, grants: Grants) -> Decision:
        """Decide about this call, unless the event itself disagrees about what is called."""
        kept = self._is_kept(request)
        if request.contradictory:
            if kept:
                # An error is not kept; a Deny would be, and the caller's own policy would answer the wrong call.
                raise EventError("the event names another method or path beside its ARN's")
            return Decision(False, "path_refused")
        if not kept and not fits_route_key(request):
            return Decision(False, "path_refused")
        return decide(grants, request.method, request.path)

    def _refusal(self, request: Request, principal: Principal, entry: Entry) -> str | None:
        """Ask the hook, which may only narrow; return the reason if it refuses."""
        if self._check is None:
            return None
        try:
            passed = self._check(principal, request)
        except Exception as error:  # noqa: BLE001 - whatever the hook raises, the caller is not let through
            entry["error"] = type(error).__name__
            return "hook_refused"
        return None if passed is True else "hook_refused"

    def _is_kept(self, request: Request) -> bool:
        """Say whether the front end may give this answer to another call; an unknown TTL counts as one."""
        if request.kind in ("websocket", "appsync-events"):
            return False
        return self._settings.result_ttl != 0

    def _facts(self, request: Request) -> Facts | None:
        """Return what rules may read of the request: nothing where the answer may be kept, or little is known."""
        if self._is_kept(request) or request.source_ip is None:
            return None
        return Facts(request.source_ip, request.client_certificate)

    def _appsync_ttl(self, request: Request, principal: Principal) -> int:
        """Return how long AppSync may keep a yes: not past the token, nor what a hook said of one operation."""
        ttl = self._settings.result_ttl
        if not ttl or principal.expires_at is None or self._check is not None:
            return 0
        if not is_cache_key(request, self._settings.credential):
            return 0
        return max(0, min(ttl, int(principal.expires_at - self._clock.wall_ms() / 1000)))

    def _context(self, principal: Principal, front: FrontEnd) -> dict[str, Any]:
        values = caller_context(principal, self._rules.context)
        return carried(front, values, self._rules.context_types)

    def _is_too_large(
        self, front: FrontEnd, context: Mapping[str, Any], document: Mapping[str, Any] | None = None
    ) -> bool:
        """Say whether the answer is larger than the front end, or the operator, accepts."""
        policy_bytes, context_bytes = self._settings.policy_bytes, self._settings.context_bytes
        if front == "websocket":
            policy_bytes, context_bytes = (
                min(policy_bytes, _WEBSOCKET_POLICY),
                min(context_bytes, _WEBSOCKET_CONTEXT),
            )
        return size(context) > context_bytes or (document is not None and size(document) > policy_bytes)

    def _budget(self, request: Request, context: object) -> int:
        """Return the milliseconds that keys may take: the setting, cut by what the invocation has left."""
        budget = self._settings.time_budget_ms
        if request.kind not in ("token", "request", "websocket"):
            budget = min(budget, _FRONT_END_MS)
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        if callable(remaining):
            budget = min(budget, int(remaining()) - _MARGIN_MS)
        return max(0, budget)

    def _new_fetches(self, entry: Entry) -> int:
        """Return how often keys were fetched since this was last asked."""
        if entry.get("key_cache") in (None, "fresh"):
            return 0
        before, self._fetches = self._fetches, sum(issuer.fetches for issuer in self._keys.health())
        return self._fetches - before


def _describe(entry: Entry, request: Request, context: object) -> None:
    """Note what is called, in words that are not the caller's."""
    entry["kind"] = request.kind
    entry["request_id"] = request.request_id or getattr(context, "aws_request_id", None)


def _decided(entry: Entry, decision: str, reason: str) -> None:
    entry["decision"] = decision
    entry["reason"] = reason


def _without_caller(error: Exception, entry: Entry) -> Exception:
    """Return the error that may leave the function, and note it.

    Ours say nothing of the caller. What is not ours may say anything, so only its class and place are kept.
    """
    entry["error"] = type(error).__name__
    if isinstance(error, AuthorizerError):
        _decided(entry, "error", error.reason)
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    _decided(entry, "error", AuthorizerError.reason)
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return AuthorizerError(f"internal error: {type(error).__name__} at {place}")


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
