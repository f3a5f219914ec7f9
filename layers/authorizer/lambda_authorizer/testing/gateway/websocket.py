"""A WebSocket API with an authorizer on `$connect`, as one stage of it answers a handshake."""

from collections.abc import Iterable, Mapping

from lambda_authorizer.testing.events import REST_API, Api, Call, Pairs, websocket_event
from lambda_authorizer.testing.gateway import sources
from lambda_authorizer.testing.gateway.answers import check_websocket_size, policy_answer, text_context
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


class WebSocketApi(FrontEnd):
    """One stage of a WebSocket API.

    Args:
        handler: the authorizer function of `$connect`.
        identity_sources: expressions such as `route.request.header.Authorization`.
        stage_variables: of the stage.
        api: names in the ARN.
        clock: the gateway's time.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        identity_sources: Iterable[str] = ("route.request.header.Authorization",),
        stage_variables: Mapping[str, str] | None = None,
        api: Api = REST_API,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(handler, ttl=0, clock=clock)
        self.sources = tuple(sources.source(text, front="websocket") for text in identity_sources)
        self.stage_variables = dict(stage_variables or {})
        self.api = api

    def call(
        self, call: str | Call = "$connect", *, token: str | None = None, headers: Pairs = (), query: str = ""
    ) -> Answer:
        """Return what a client's handshake gets; 101 opens the connection.

        Args:
            call: "$connect", or a `Call` with everything said.
            token: put into an Authorization header as a bearer token.
            headers: more headers.
            query: of the address, without the question mark.
        """
        trace = Trace()
        made = Call(query=query) if isinstance(call, str) else call
        try:
            return self._through(self._read(made, token, headers), trace)
        except Refused as refusal:
            return trace.refused(refusal)

    def _through(self, call: Call, trace: Trace) -> Answer:
        """Take a handshake through every gate in order."""
        context = {"routeKey": "$connect", "stage": self.api.stage, "identity.sourceIp": call.source_ip}
        found = sources.values(
            self.sources, call, context=context, stage_variables=self.stage_variables, joined=False
        )
        if found is None:
            raise refuse(trace, "an identity source is missing or empty", "websocket.source.missing", 401, None)
        trace.note("nothing is kept", "cache.websocket")
        event = websocket_event(call, stage_variables=self.stage_variables, api=self.api)
        try:
            output = self._invoke(event, trace)
            check_websocket_size(output)
            answer = policy_answer(output, typed_context=False)
            verdict = self._judge(answer, self.api.arn("$connect"), call, trace)
        except FunctionError as error:
            if error.message == "Unauthorized":
                text = "the function raised `Unauthorized`"
                raise refuse(trace, text, "websocket.error.unauthorized", 401, None) from None
            text = f"the function raised {error.error_type}"
            raise refuse(trace, text, "websocket.error.other", 500, None) from None
        except MalformedAnswer as error:
            raise refuse(trace, f"malformed answer: {error}", error.behaviour, 500, None) from None
        if not verdict.allowed:
            raise refuse(trace, "refused", "websocket.denied", 403, None)
        trace.note("every later route of the connection gets the context", "context.websocket")
        return trace.passed(101, text_context(answer))
