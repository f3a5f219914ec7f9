"""What the simulator is made of: its clock, the answer of a call, and the trace that explains it."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from lambda_authorizer.testing.gateway.behaviours import BEHAVIOURS

Handler = Callable[[Any, Any], Any]
"""A Lambda function: event and context in, answer out."""

MAX_TTL: Final = 3600
_MS: Final = 1000


class Clock:
    """The gateway's own time; it stands still until it is told to move. `FakeIssuer` and `Authorizer` take it too.

    Args:
        now: seconds since the epoch; by default the time of this moment, which good tokens of the machine fit.
    """

    __slots__ = ("_ms",)

    def __init__(self, now: float | None = None) -> None:
        self._ms = int((time.time() if now is None else now) * _MS)

    def __call__(self) -> float:
        """Return seconds since the epoch."""
        return self._ms / _MS

    def wall_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return self._ms

    def monotonic_ms(self) -> int:
        """Return milliseconds since some moment; this clock never goes back."""
        return self._ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._ms += int(seconds * _MS)


class Step(NamedTuple):
    """One thing that happened on the way of a call."""

    text: str
    behaviour: str
    """Id of the row in `BEHAVIOURS` that makes it so."""

    def __str__(self) -> str:
        row = BEHAVIOURS[self.behaviour]
        return f"{self.text}  [{row.basis}: {row.id}]"


class Trace:
    """Collects what happens to one call."""

    __slots__ = ("cached", "invoked", "output", "steps")

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.invoked = False
        self.cached = False
        self.output: Any = None

    def note(self, text: str, behaviour: str) -> None:
        """Add one step.

        Raises:
            KeyError: no such behaviour is written down.
        """
        self.steps.append(Step(text, BEHAVIOURS[behaviour].id))

    def passed(
        self, status: int, context: Mapping[str, Any] | None, *, body: Any = None, denied: tuple[str, ...] = ()
    ) -> "Answer":
        """Return the answer of a call that reached the backend."""
        return Answer(
            status,
            allowed=True,
            body=body,
            context=context,
            invoked=self.invoked,
            cached=self.cached,
            output=self.output,
            denied_fields=denied,
            steps=tuple(self.steps),
        )

    def refused(self, refusal: "Refused") -> "Answer":
        """Return the answer of a call that was refused on the way."""
        return Answer(
            refusal.status,
            allowed=False,
            body=refusal.body,
            headers=refusal.headers,
            invoked=self.invoked,
            cached=self.cached,
            output=self.output,
            steps=tuple(self.steps),
        )


class Answer(NamedTuple):
    """What the client got, and why."""

    status: int
    allowed: bool
    """Whether the call reached the backend."""
    body: Any = None
    headers: Mapping[str, str] = {}
    context: Mapping[str, Any] | None = None
    """What the authorizer's answer adds to the backend's event (`requestContext.authorizer`, `identity`)."""
    invoked: bool = False
    """Whether the function ran for this call."""
    cached: bool = False
    """Whether the answer came from the result cache."""
    output: Any = None
    """What the function answered, for this call or the one that was kept."""
    denied_fields: tuple[str, ...] = ()
    """AppSync: fields of this call that resolve to null."""
    steps: tuple[Step, ...] = ()

    @property
    def explanation(self) -> str:
        """The way of the call, one step a line, each with how it is known."""
        verdict = "allowed" if self.allowed else "refused"
        lines = [f"{verdict} with {self.status}", *(f"  {step}" for step in self.steps)]
        return "\n".join(lines)


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Ends a call early with a refusal."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class FunctionError(Exception):
    """The function raised; `message` is what Lambda puts into `errorMessage`."""

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(error_type)
        self.message = message
        self.error_type = error_type


class MalformedAnswer(Exception):  # noqa: N818 - says what the function's answer is
    """The function answered, but not as the front end expects."""

    def __init__(self, why: str, behaviour: str) -> None:
        super().__init__(why)
        self.behaviour = behaviour


class LambdaContext:
    """The second argument of a Lambda function, as far as handlers look at it."""

    function_name = "authorizer"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    aws_request_id = "6f2c1b8e-0000-4000-8000-000000000000"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer"

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the invocation's time."""
        return 8 * _MS


def invoke(handler: Handler, event: Mapping[str, Any]) -> Any:
    """Run the function as Lambda does: JSON in, JSON out, an exception becomes an error message.

    Raises:
        FunctionError: it raised, or its answer is not JSON.
    """
    try:
        answer = handler(json.loads(json.dumps(event)), LambdaContext())
    except Exception as error:  # whatever a function raises is a failed invocation
        raise FunctionError(str(error), type(error).__name__) from error
    try:
        return json.loads(json.dumps(answer, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise FunctionError("Unable to marshal response", "Runtime.MarshalError") from error


class ResultCache:
    """Answers of one authorizer of one stage, by cache key, each until its time is over."""

    __slots__ = ("_clock", "_kept")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[int, Any]] = {}

    def get(self, key: tuple[str, ...]) -> Any:
        """Return the answer kept under a key, or None."""
        ends, answer = self._kept.get(key, (0, None))
        return answer if self._clock.wall_ms() < ends else None

    def put(self, key: tuple[str, ...], answer: Any, ttl: float) -> None:
        """Keep an answer for `ttl` seconds; 0 keeps nothing."""
        if ttl > 0:
            self._kept[key] = (self._clock.wall_ms() + int(ttl * _MS), answer)

    def clear(self) -> None:
        """Forget everything: FlushStageAuthorizersCache, ResetAuthorizersCache."""
        self._kept.clear()


def checked_ttl(ttl: int) -> int:
    """Return a result TTL that AWS takes.

    Raises:
        ValueError: it does not lie between 0 and 3600 seconds.
    """
    if not 0 <= ttl <= MAX_TTL:
        raise ValueError(f"a result TTL lies between 0 and {MAX_TTL} seconds")
    return ttl
