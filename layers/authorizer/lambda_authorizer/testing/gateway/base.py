"""What all front ends share: reading a call, asking the function or its result cache, and refusing."""

from collections.abc import Mapping
from typing import Any

from lambda_authorizer.testing._conditions import ContextValue
from lambda_authorizer.testing.events import Call, Pairs, bearer
from lambda_authorizer.testing.gateway.answers import PolicyAnswer
from lambda_authorizer.testing.gateway.model import (
    Answer,
    Clock,
    Handler,
    Refused,
    ResultCache,
    Trace,
    checked_ttl,
    invoke,
)
from lambda_authorizer.testing.iam import Verdict, evaluate

_BAD = {"message": "Bad Request"}


class FrontEnd:
    """One deployed stage with one Lambda authorizer."""

    def __init__(self, handler: Handler, *, ttl: int, clock: Clock | None) -> None:
        """Take the function under test.

        Raises:
            ValueError: the TTL is none that AWS takes.
        """
        self.handler = handler
        self.ttl = checked_ttl(ttl)
        self.clock = clock or Clock()
        self.cache = ResultCache(self.clock)

    def _read(self, call: str | Call, token: str | None, headers: Pairs) -> Call:
        """Return the call that a text such as "GET /orders/1?x=y" stands for, made now."""
        if isinstance(call, str):
            method, _, target = call.partition(" ")
            path, _, query = target.partition("?")
            call = Call(method, path or "/", (), query)
        given = headers.items() if isinstance(headers, Mapping) else headers
        sent = () if token is None else bearer(token).items()
        return call._replace(headers=(*call.header_pairs, *sent, *given), time_ms=self.clock.wall_ms())

    @staticmethod
    def _request_line(call: Call, trace: Trace) -> None:
        """Refuse a path that no client can send."""
        if not (call.path.isascii() and call.path.isprintable()) or " " in call.path:
            raise refuse(trace, "the path is no part of a request line", "path.characters", 400, _BAD)

    def _kept(self, key: tuple[str, ...], trace: Trace) -> Any:
        """Return the answer kept under the key, or None."""
        if not self.ttl:
            trace.note("no result cache", "cache.lifetime")
            return None
        found = self.cache.get(key)
        if found is not None:
            trace.cached, trace.output = True, found
        trace.note("result cache: " + ("hit" if trace.cached else "miss"), "cache.lifetime")
        return found

    def _invoke(self, event: Mapping[str, Any], trace: Trace) -> Any:
        """Run the function.

        Raises:
            FunctionError: it raised.
        """
        trace.invoked = True
        trace.output = invoke(self.handler, event)
        return trace.output

    def _judge(  # noqa: PLR0913 - one name for each thing that is judged
        self,
        answer: PolicyAnswer,
        arn: str,
        call: Call,
        trace: Trace,
        *,
        resource_policy: object = None,
        cross_account: bool = False,
    ) -> Verdict:
        """Return what the policy says of this call."""
        verdict = evaluate(
            answer.document,
            arn,
            context=conditions(call),
            resource_policy=resource_policy,
            cross_account=cross_account,
        )
        if verdict.statement is None:
            trace.note(f"no statement covers {arn}", "policy.order")
        else:
            whose = "the resource policy" if verdict.resource_policy else "the authorizer's policy"
            effect = "Allow" if verdict.allowed else "Deny"
            trace.note(f"statement {verdict.statement} of {whose}, {effect}, decides {arn}", "policy.order")
        return verdict


def conditions(call: Call) -> dict[str, ContextValue]:
    """Return the condition keys of a call (resource-policy keys that any authorization type has)."""
    headers = {name.lower(): value for name, value in call.header_pairs}
    seconds = call.time_ms // 1000
    keys: dict[str, ContextValue] = {
        "aws:SourceIp": call.source_ip,
        "aws:EpochTime": seconds,
        "aws:CurrentTime": seconds,
        "aws:SecureTransport": True,
    }
    for key, name in (("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")):
        if name in headers:
            keys[key] = headers[name]
    return keys


def refuse(trace: Trace, text: str, behaviour: str, status: int, body: Any) -> Refused:
    """Return the refusal after noting why."""
    trace.note(text, behaviour)
    return Refused(status, body)


__all__ = ["Answer", "FrontEnd", "conditions", "refuse"]
