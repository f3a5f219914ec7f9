"""A REST API with a TOKEN or REQUEST authorizer, as one stage of it answers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NoReturn

from lambda_authorizer.testing.events import REST_API, Api, Call, Event, Pairs, request_event, token_event
from lambda_authorizer.testing.gateway import sources
from lambda_authorizer.testing.gateway.answers import PolicyAnswer, policy_answer, text_context
from lambda_authorizer.testing.gateway.base import FrontEnd, conditions
from lambda_authorizer.testing.gateway.model import (
    Answer,
    Clock,
    FunctionError,
    Handler,
    MalformedAnswer,
    Refused,
    Trace,
)
from lambda_authorizer.testing.gateway.responses import Default, GatewayResponse, rendered
from lambda_authorizer.testing.gateway.routing import Match, Route, choose, route
from lambda_authorizer.testing.gateway.usage import Meter, UsagePlan
from lambda_authorizer.testing.iam import Policy

_MAX_ARN: Final = 1600
_DENIED: Final = "User is not authorized to access this resource"
_ANONYMOUS: Final = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
_ERROR_TYPES: Final = {
    "UNAUTHORIZED": "UnauthorizedException",
    "ACCESS_DENIED": "AccessDeniedException",
    "MISSING_AUTHENTICATION_TOKEN": "MissingAuthenticationTokenException",
    "AUTHORIZER_CONFIGURATION_ERROR": "AuthorizerConfigurationException",
}


class RestApi(FrontEnd):
    """One stage of a REST API.

    Args:
        handler: the authorizer function.
        routes: "GET /orders/{id}" texts, or `Route`s for open methods and API keys.
        kind: TOKEN or REQUEST authorizer.
        identity_sources: expressions such as `method.request.header.Authorization`; TOKEN takes one header.
        ttl: result TTL in seconds; 300 is the service's default.
        validation: TOKEN: the identity validation expression.
        resource_policy: of the API, decoded.
        cross_account: the function stands in another account than the API.
        api_key_source: where the API key comes from.
        usage_plans: attached to the stage.
        gateway_responses: by response type.
        stage_variables: of the stage.
        api: names in the ARN.
        clock: the gateway's time.

    Raises:
        ValueError: the service would not take this configuration.
    """

    def __init__(  # noqa: PLR0913 - the settings of the service, by their names
        self,
        handler: Handler,
        routes: Iterable[str | Route],
        *,
        kind: Literal["token", "request"] = "token",
        identity_sources: Iterable[str] = ("method.request.header.Authorization",),
        ttl: int = 300,
        validation: str | None = None,
        resource_policy: object = None,
        cross_account: bool = False,
        api_key_source: Literal["HEADER", "AUTHORIZER"] = "HEADER",
        usage_plans: Iterable[UsagePlan] = (),
        gateway_responses: Mapping[str, GatewayResponse] | None = None,
        stage_variables: Mapping[str, str] | None = None,
        api: Api = REST_API,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(handler, ttl=ttl, clock=clock)
        self.routes = tuple(map(route, routes))
        self.kind = kind
        self.sources = tuple(sources.source(text, front="rest") for text in identity_sources)
        self.validation = None if validation is None else re.compile(validation)
        self.resource_policy = resource_policy
        self.first = None if resource_policy is None else Policy(resource_policy, resource_policy=True)
        self.cross_account = cross_account
        self.api_key_source = api_key_source
        self.meter = Meter(tuple(usage_plans), self.clock)
        self.gateway_responses = dict(gateway_responses or {})
        self.stage_variables = dict(stage_variables or {})
        self.api = api
        if kind == "token" and [one.place for one in self.sources] != ["header"]:
            raise ValueError("a TOKEN authorizer has one header as its identity source")
        if kind == "request" and ttl and not self.sources:
            raise ValueError("a REQUEST authorizer with a result cache needs an identity source")
        if kind == "request" and validation is not None:
            raise ValueError("only a TOKEN authorizer has a validation expression")

    def call(self, call: str | Call, *, token: str | None = None, headers: Pairs = ()) -> Answer:
        """Return what a client gets.

        Args:
            call: "GET /orders/1?x=y", or a `Call` with everything said.
            token: put into an Authorization header as a bearer token.
            headers: more headers.
        """
        trace = Trace()
        try:
            return self._through(self._read(call, token, headers), trace)
        except Refused as refusal:
            return trace.refused(refusal)

    def _through(self, call: Call, trace: Trace) -> Answer:
        """Take a call through every gate in order."""
        call, match = self._routed(call, trace)
        arn = self.api.arn(call.method, call.path)
        if len(arn.encode()) > _MAX_ARN:
            trace.note(f"the method ARN is over {_MAX_ARN} bytes", "rest.arn.length")
            raise Refused(414, {"message": "Request-URI Too Long"})
        granted = self._resource_policy_first(arn, call, trace)
        if not match.route.authorizer:
            trace.note("this method has no authorizer", "open")
            if not granted:
                trace.note("the resource policy does not allow", "rest.policy.alone")
                self._refuse("ACCESS_DENIED", 403, {"Message": _ANONYMOUS + arn})
            self._api_key(call, match, None, trace)
            return trace.passed(200, None)
        key = self._identity(call, match, trace)
        answer = self._answer(key, call, match, trace)
        verdict = self._judge(
            answer,
            arn,
            call,
            trace,
            resource_policy=self.resource_policy,
            cross_account=self.cross_account,
        )
        context = text_context(answer)
        if not verdict.allowed:
            explicit = verdict.explicit_deny
            trace.note("refused", "rest.denied.explicit" if explicit else "rest.denied.implicit")
            message = _DENIED + (" with an explicit deny" if explicit else "")
            self._refuse("ACCESS_DENIED", 403, {"Message": message}, context)
        self._api_key(call, match, answer, trace)
        trace.note("the backend gets the context as text", "context.text")
        return trace.passed(200, context)

    def _routed(self, call: Call, trace: Trace) -> tuple[Call, Match]:
        """Return the call as the router sees it and the route it takes."""
        self._request_line(call, trace)
        override = [value for name, value in call.header_pairs if name.lower() == "x-http-method-override"]
        if override:
            trace.note(f"X-HTTP-Method-Override: the method is {override[-1]}", "rest.route.override")
            call = call._replace(method=override[-1])
        if call.path.startswith("//"):
            trace.note("doubled slashes at the beginning collapse", "rest.route.slashes")
            call = call._replace(path="/" + call.path.lstrip("/"))
        match = choose(self.routes, call.method, call.path, front="rest")
        if match is None:
            trace.note(f"no method {call.method} {call.path}", "rest.route.unknown")
            self._refuse("MISSING_AUTHENTICATION_TOKEN", 403, {"message": "Missing Authentication Token"})
        trace.note(f"{call.method} {call.path} takes {match.route.key}", "rest.route.specific")
        return call, match

    def _resource_policy_first(self, arn: str, call: Call, trace: Trace) -> bool:
        """Refuse what the resource policy denies, before any authorizer is asked; tell whether it allows."""
        if self.first is None:
            return True
        verdict = self.first.ask(arn, context=conditions(call))
        if verdict.explicit_deny:
            trace.note(f"statement {verdict.statement} of the resource policy denies", "rest.policy.first")
            self._refuse("ACCESS_DENIED", 403, {"Message": _ANONYMOUS + arn})
        return verdict.allowed

    def _identity(self, call: Call, match: Match, trace: Trace) -> tuple[str, ...]:
        """Return the values of the identity sources; without them the function is not invoked."""
        context = {
            "httpMethod": call.method,
            "path": f"/{self.api.stage}{call.path}",
            "resourcePath": match.route.path,
            "stage": self.api.stage,
            "identity.sourceIp": call.source_ip,
        }
        found = sources.values(
            self.sources, call, context=context, stage_variables=self.stage_variables, joined=False
        )
        if found is None:
            behaviour = "rest.source.missing" if self.ttl or self.kind == "token" else "rest.source.uncached"
            trace.note("an identity source is missing or empty", behaviour)
            self._refuse("UNAUTHORIZED", 401, {"message": "Unauthorized"})
        if self.validation is not None and not self.validation.fullmatch(found[0]):
            trace.note("the token does not match the validation expression", "rest.source.validation")
            self._refuse("UNAUTHORIZED", 401, {"message": "Unauthorized"})
        return found

    def _answer(self, key: tuple[str, ...], call: Call, match: Match, trace: Trace) -> PolicyAnswer:
        """Return the function's answer, kept or fresh."""
        kept = self._kept(key, trace)
        if kept is not None:
            trace.note("the kept policy is judged anew", "cache.policy")
            return policy_answer(kept, typed_context=False)
        event = self._event(key, call, match)
        try:
            output = self._invoke(event, trace)
            answer = policy_answer(output, typed_context=False)
        except FunctionError as error:
            if error.message == "Unauthorized":
                trace.note("the function raised `Unauthorized`", "rest.error.unauthorized")
                self._refuse("UNAUTHORIZED", 401, {"message": "Unauthorized"})
            trace.note(f"the function raised {error.error_type}", "rest.error.other")
            self._refuse("AUTHORIZER_CONFIGURATION_ERROR", 500, {"message": None})
        except MalformedAnswer as error:
            trace.note(f"malformed answer: {error}", error.behaviour)
            self._refuse("AUTHORIZER_CONFIGURATION_ERROR", 500, {"message": None})
        self.cache.put(key, output, self.ttl)
        return answer

    def _event(self, key: tuple[str, ...], call: Call, match: Match) -> Event:
        if self.kind == "token":
            return token_event(key[0], call.method, call.path, api=self.api)
        return request_event(
            call,
            resource=match.route.path,
            path_parameters=match.variables,
            stage_variables=self.stage_variables,
            api=self.api,
        )

    def _api_key(self, call: Call, match: Match, answer: PolicyAnswer | None, trace: Trace) -> None:
        """Check the API key where the method asks for one."""
        if not match.route.api_key_required:
            return
        trace.note("the method asks for an API key", "usage.order")
        headers = {name.lower(): value for name, value in call.header_pairs}
        named = None if answer is None else answer.usage_key
        key = named if self.api_key_source == "AUTHORIZER" else headers.get("x-api-key")
        trace.note(f"the key source is {self.api_key_source}", "usage.source")
        try:
            self.meter.count(key, trace)
        except Refused as refusal:
            message = refusal.body["message"]
            kinds = {"Forbidden": "INVALID_API_KEY", "Too Many Requests": "THROTTLED"}
            kind = kinds.get(message, "QUOTA_EXCEEDED")
            context = None if answer is None else text_context(answer)
            self._refuse(kind, refusal.status, refusal.body, context, refusal.headers)

    def _refuse(
        self,
        kind: str,
        status: int,
        body: Mapping[str, Any],
        authorizer: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> NoReturn:
        """End the call with the gateway response of this type."""
        own = headers or {"x-amzn-errortype": _ERROR_TYPES[kind]}
        context = {f"authorizer.{name}": value for name, value in (authorizer or {}).items()}
        raise Refused(*rendered(self.gateway_responses, Default(kind, status, body, own), context))
