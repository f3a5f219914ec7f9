"""AppSync GraphQL and AppSync Events with an AWS_LAMBDA authorizer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from lambda_authorizer.testing.events import (
    APPSYNC_API,
    Api,
    Event,
    Pairs,
    appsync_event,
    appsync_events_event,
)
from lambda_authorizer.testing.gateway.answers import AppSyncAnswer, appsync_answer
from lambda_authorizer.testing.gateway.base import FrontEnd, refuse
from lambda_authorizer.testing.gateway.graphql import root_fields
from lambda_authorizer.testing.gateway.model import (
    MAX_TTL,
    Answer,
    Clock,
    FunctionError,
    Handler,
    MalformedAnswer,
    Refused,
    Trace,
)

Operation = Literal["CONNECT", "PUBLISH", "SUBSCRIBE"]
_MAX_TOKEN: Final = 2048
_UNAUTHORIZED: Final = {
    "errors": [{"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}]
}
_FAILED: Final = {"errors": [{"errorType": "InternalFailure", "message": "Internal failure."}]}


class _AppSync(FrontEnd):
    """What GraphQL and Events share: the token, the cache, the answer."""

    context_name = "resolverContext"
    cache_behaviour = "cache.appsync.key"

    def __init__(
        self,
        handler: Handler,
        *,
        ttl: int = 0,
        validation: str | None = None,
        api: Api = APPSYNC_API,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(handler, ttl=ttl, clock=clock)
        self.validation = None if validation is None else re.compile(validation)
        self.api = api

    def _authorized(self, token: str | None, event: Event, trace: Trace) -> AppSyncAnswer:
        """Return the function's yes; everything else is a refusal."""
        if not token:
            raise refuse(trace, "no Authorization header", "appsync.source.missing", 401, _UNAUTHORIZED)
        if len(token) > _MAX_TOKEN:
            text = f"the token is over {_MAX_TOKEN} characters"
            raise refuse(trace, text, "appsync.source.length", 401, _UNAUTHORIZED)
        if self.validation is not None and not self.validation.fullmatch(token):
            text = "the token does not match the validation expression"
            raise refuse(trace, text, "appsync.source.validation", 401, _UNAUTHORIZED)
        kept = self.cache.get((token,))
        try:
            if kept is not None:
                trace.cached, trace.output = True, kept
                trace.note("the answer kept for this token counts, whatever the call", self.cache_behaviour)
                answer = appsync_answer(kept, context_name=self.context_name)
            else:
                output = self._invoke(event, trace)
                answer = appsync_answer(output, context_name=self.context_name)
                self._keep(token, output, answer, trace)
        except FunctionError as error:
            text = f"the function raised {error.error_type}"
            raise refuse(trace, text, "appsync.error", 500, _FAILED) from None
        except MalformedAnswer as error:
            raise refuse(trace, f"malformed answer: {error}", error.behaviour, 500, _FAILED) from None
        if not answer.authorized:
            raise refuse(trace, "isAuthorized is false", "appsync.denied", 401, _UNAUTHORIZED)
        trace.note(f"the backend gets {self.context_name}", "context.appsync")
        return answer

    def _keep(self, token: str, output: object, answer: AppSyncAnswer, trace: Trace) -> None:
        ttl = self.ttl if answer.ttl is None else min(answer.ttl, MAX_TTL)
        if answer.ttl is not None:
            trace.note(f"ttlOverride: kept for {ttl} s", "cache.appsync.override")
        self.cache.put((token,), output, ttl)


class GraphqlApi(_AppSync):
    """An AppSync GraphQL API.

    Args:
        handler: the authorizer function.
        ttl: `AuthorizerResultTtlInSeconds`; 0 is the service's default.
        validation: `IdentityValidationExpression`.
        api: names in the event; `deniedFields` in ARN form must name this API.
        clock: the gateway's time.
    """

    def call(  # noqa: PLR0913 - one name for each part of the call
        self,
        document: str,
        *,
        token: str | None = None,
        operation_name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        headers: Pairs = (),
        fields: Iterable[str] = (),
    ) -> Answer:
        """Return what a client gets; 200 with denied fields null, or 401.

        Args:
            document: the GraphQL document.
            token: the Authorization header as sent, with no scheme unless it holds one.
            operation_name: which operation of the document.
            variables: of the operation.
            headers: more headers.
            fields: fields below the root that the document reads, as `Type.field`; the root fields are found by
                themselves.
        """
        trace = Trace()
        event = appsync_event(
            token or "",
            document,
            operation_name=operation_name,
            variables=variables,
            headers=headers,
            api=self.api,
        )
        asked = (*root_fields(document, operation_name), *fields)
        try:
            answer = self._authorized(token, event, trace)
        except Refused as refusal:
            return trace.refused(refusal)
        denied = tuple(field for field in asked if self._denies(answer.denied_fields, field))
        for field in denied:
            trace.note(f"{field} is null", "appsync.denied-fields")
        errors = [{"errorType": "Unauthorized", "path": [field.partition(".")[2]]} for field in denied]
        data = {field.partition(".")[2]: None for field in asked if field in denied}
        body = {"data": data, "errors": errors} if denied else {"data": {}}
        return trace.passed(200, dict(answer.context), body=body, denied=denied)

    def _denies(self, denied: tuple[str, ...], field: str) -> bool:
        """Tell whether a field is denied, by name or by ARN."""
        kind, _, name = field.partition(".")
        api = f"arn:{self.api.partition}:appsync:{self.api.region}:{self.api.account}:apis/{self.api.api_id}"
        return field in denied or f"{api}/types/{kind}/fields/{name}" in denied


class EventsApi(_AppSync):
    """An AppSync Events API; arguments as for `GraphqlApi`."""

    context_name = "handlerContext"
    cache_behaviour = "cache.events.key"

    def call(
        self,
        operation: Operation = "CONNECT",
        channel: str | None = None,
        *,
        token: str | None = None,
        headers: Pairs = (),
    ) -> Answer:
        """Return what a client gets.

        Args:
            operation: CONNECT, PUBLISH or SUBSCRIBE.
            channel: "/namespace/channel", for the latter two.
            token: the Authorization header as sent.
            headers: more headers.
        """
        trace = Trace()
        event = appsync_events_event(token or "", f"EVENT_{operation}", channel, headers=headers, api=self.api)
        try:
            answer = self._authorized(token, event, trace)
        except Refused as refusal:
            return trace.refused(refusal)
        return trace.passed(200, dict(answer.context))
