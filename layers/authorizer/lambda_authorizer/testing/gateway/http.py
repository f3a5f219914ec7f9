"""An HTTP API with a Lambda authorizer of payload format 1.0 or 2.0, as one stage of it answers."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lambda_authorizer.testing.events import HTTP_API, Api, Call, Event, Pairs, http_1_event, http_2_event
from lambda_authorizer.testing.gateway import sources
from lambda_authorizer.testing.gateway.answers import policy_answer, simple_answer, text_context
from lambda_authorizer.testing.gateway.base import FrontEnd, refuse
from lambda_authorizer.testing.gateway.model import (
    Answer,
    Clock,
    FunctionError,
    Handler,
    MalformedAnswer,
    Refused,
    Trace,
)
from lambda_authorizer.testing.gateway.routing import Match, Route, choose, route

_UNAUTHORIZED = {"message": "Unauthorized"}
_FORBIDDEN = {"message": "Forbidden"}
_NOT_FOUND = {"message": "Not Found"}
_ERROR = {"message": "Internal Server Error"}


class HttpApi(FrontEnd):
    """One stage of an HTTP API.

    Args:
        handler: the authorizer function.
        routes: "GET /orders/{id}", "ANY /{proxy+}", "$default", or `Route`s.
        payload: format of event and answer.
        simple: `EnableSimpleResponses`, with payload 2.0 only.
        identity_sources: expressions such as `$request.header.Authorization` and `$context.routeKey`.
        ttl: result TTL in seconds; 0 is the service's default.
        stage_variables: of the stage.
        api: names in the ARN; the stage `$default` does not show in paths.
        clock: the gateway's time.

    Raises:
        ValueError: the service would not take this configuration.
    """

    def __init__(  # noqa: PLR0913 - the settings of the service, by their names
        self,
        handler: Handler,
        routes: Iterable[str | Route],
        *,
        payload: Literal["1.0", "2.0"] = "2.0",
        simple: bool = True,
        identity_sources: Iterable[str] = ("$request.header.Authorization",),
        ttl: int = 0,
        stage_variables: Mapping[str, str] | None = None,
        api: Api = HTTP_API,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(handler, ttl=ttl, clock=clock)
        self.routes = tuple(map(route, routes))
        self.payload = payload
        self.simple = simple
        self.sources = tuple(sources.source(text, front="http") for text in identity_sources)
        self.stage_variables = dict(stage_variables or {})
        self.api = api
        if simple and payload == "1.0":
            raise ValueError("simple responses need payload format 2.0")
        if ttl and not self.sources:
            raise ValueError("a result cache needs an identity source")

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
        self._request_line(call, trace)
        match = choose(self.routes, call.method, call.path, front="http")
        if match is None:
            raise refuse(trace, f"no route for {call.method} {call.path}", "http.route.unknown", 404, _NOT_FOUND)
        trace.note(f"{call.method} {call.path} takes {match.route.key}", "http.route.priority")
        if not match.route.authorizer:
            trace.note("this route has no authorizer", "open")
            return trace.passed(200, None)
        key = self._identity(call, match, trace)
        kept = self._kept(key, trace)
        try:
            output = kept if kept is not None else self._invoke(self._event(key, call, match), trace)
            # What is not well-formed raises here and is never kept.
            answer = self._simple(output, trace) if self.simple else self._policy(output, call, trace)
        except FunctionError as error:
            same = "http.error.unauthorized" if error.message == "Unauthorized" else "http.error"
            raise refuse(trace, f"the function raised {error.error_type}", same, 500, _ERROR) from None
        except MalformedAnswer as error:
            raise refuse(trace, f"malformed answer: {error}", error.behaviour, 500, _ERROR) from None
        if kept is None:
            self.cache.put(key, output, self.ttl)
        allowed, context = answer
        if not allowed:
            raise refuse(trace, "refused", "http.denied", 403, _FORBIDDEN)
        return trace.passed(200, context)

    def _identity(self, call: Call, match: Match, trace: Trace) -> tuple[str, ...]:
        """Return the values of the identity sources; without them the function is not invoked."""
        context = {
            "routeKey": match.route.key,
            "httpMethod": call.method,
            "path": self._raw_path(call),
            "stage": self.api.stage,
            "identity.sourceIp": call.source_ip,
        }
        found = sources.values(
            self.sources, call, context=context, stage_variables=self.stage_variables, joined=True
        )
        if found is None:
            raise refuse(
                trace, "an identity source is missing or empty", "http.source.missing", 401, _UNAUTHORIZED
            )
        return found

    def _raw_path(self, call: Call) -> str:
        return call.path if self.api.stage == "$default" else f"/{self.api.stage}{call.path}"

    def _event(self, key: tuple[str, ...], call: Call, match: Match) -> Event:
        build = http_1_event if self.payload == "1.0" else http_2_event
        return build(
            call,
            route_key=match.route.key,
            identity_source=key,
            path_parameters=match.variables,
            stage_variables=self.stage_variables,
            api=self.api,
        )

    def _simple(self, output: object, trace: Trace) -> tuple[bool, Any]:
        answer = simple_answer(output)
        if trace.cached:
            trace.note("the kept yes or no is the answer to this request too", "cache.simple")
        trace.note("the backend gets the context as it is", "context.typed")
        return answer.authorized, {"lambda": answer.context}

    def _policy(self, output: object, call: Call, trace: Trace) -> tuple[bool, Any]:
        typed = self.payload == "2.0"
        answer = policy_answer(output, typed_context=typed)
        if trace.cached:
            trace.note("the kept policy is judged anew", "cache.policy")
        verdict = self._judge(answer, self.api.arn(call.method, call.path), call, trace)
        trace.note("the backend gets the context", "context.typed" if typed else "context.text")
        return verdict.allowed, {"lambda": dict(answer.context) or None} if typed else text_context(answer)
