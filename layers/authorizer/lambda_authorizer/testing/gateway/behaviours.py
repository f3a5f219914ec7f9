"""Everything the simulator claims of AWS, one row a claim, with how it is known.

`documented`: an AWS page says it. `observed`: somebody reports it of real AWS. `assumed`: neither; the simulator
takes the reading that refuses more, or the only one that could be built. A step of an answer names its row, so a
reader of an explanation sees how sure it is. `docs/simulator.md` prints this table.
"""

# ruff: noqa: E501 - a table is read best with one row a line

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Basis = Literal["documented", "observed", "assumed"]

_GUIDE = "API Gateway developer guide"


class Behaviour(NamedTuple):
    """One claim."""

    id: str
    what: str
    basis: Basis
    source: str


def _rows() -> tuple[Behaviour, ...]:
    """Return the table in reading order: the way of a request through the gateway."""
    documented: Basis = "documented"
    observed: Basis = "observed"
    assumed: Basis = "assumed"
    output = f"{_GUIDE}, Output from a Lambda authorizer"
    console = f"{_GUIDE}, Configure a Lambda authorizer using the console"
    http = f"{_GUIDE}, Lambda authorizers for HTTP APIs"
    routes = f"{_GUIDE}, Working with routes for HTTP APIs"
    socket = f"{_GUIDE}, REQUEST authorizers for WebSocket APIs"
    responses = f"{_GUIDE}, Gateway response types"
    plans = f"{_GUIDE}, Usage plans; Choose an API key source"
    joint = f"{_GUIDE}, How resource policies affect authorization workflow"
    limits = f"{_GUIDE}, Quotas"
    appsync = "AppSync developer guide, AWS_LAMBDA authorization"
    snapshot = "localstack, snapshots recorded on AWS in 2024"
    none = ""
    return (
        # Routing
        Behaviour("path.characters", "REST, HTTP API: a path with a control character, a blank or a non-ASCII character is no request line and gets 400", assumed, none),
        Behaviour("rest.route.unknown", "REST: a path or method that the API does not have gets 403 `Missing Authentication Token`; no authorizer is asked", documented, responses),
        Behaviour("rest.route.specific", "REST: per segment a literal beats `{name}` beats `{name+}`, then the method beats ANY", assumed, none),
        Behaviour("rest.route.slashes", "REST: a trailing slash and doubled leading slashes do not matter for routing", observed, snapshot),
        Behaviour("rest.route.encoded", "REST: the path is neither decoded nor normalised", observed, snapshot),
        Behaviour("rest.route.override", "REST: `X-HTTP-Method-Override` replaces the method", documented, f"{_GUIDE}, Known issues"),
        Behaviour("rest.arn", "REST: the method ARN holds the method used for routing and the path as sent", assumed, none),
        Behaviour("rest.arn.length", "REST: a method ARN over 1600 bytes gets 414", documented, limits),
        Behaviour("http.route.priority", "HTTP API: a full match beats a greedy one beats `$default`; a method beats ANY", documented, routes),
        Behaviour("http.route.specific", "HTTP API: among full matches a literal segment beats `{name}`", documented, routes),
        Behaviour("http.route.slash", "HTTP API: a trailing slash does not matter for routing", observed, "powertools-lambda-python issue 1552"),
        Behaviour("http.route.unknown", "HTTP API: no route gets 404 `Not Found`", documented, routes),
        Behaviour("open", "A route without an authorizer is open", documented, routes),
        # Before the function
        Behaviour("rest.policy.first", "REST: an explicit Deny of the resource policy gets 403 before the authorizer is asked", documented, joint),
        Behaviour("rest.policy.alone", "REST: a method without an authorizer needs an Allow of the resource policy, where the API has one", documented, joint),
        Behaviour("rest.source.missing", "REST: a missing or empty identity source gets 401, and the function is not invoked", documented, console),
        Behaviour("rest.source.uncached", "REST REQUEST: the same with a result TTL of 0, where identity sources are set", assumed, none),
        Behaviour("rest.source.validation", "REST TOKEN: a token that does not match the validation expression gets 401 without invoking", documented, console),
        Behaviour("rest.source.whole", "REST TOKEN: the expression must match the whole value", assumed, none),
        Behaviour("rest.source.case", "REST: identity-source header names compare without case, query names with it", assumed, none),
        Behaviour("rest.source.last", "REST: of a repeated identity source the last value counts", assumed, none),
        Behaviour("http.source.missing", "HTTP API: a missing or empty identity source gets 401, and the function is not invoked", documented, http),
        Behaviour("http.source.case", "HTTP API: identity-source header names compare without case, query names with it", documented, http),
        Behaviour("websocket.source.missing", "WebSocket: a missing or empty identity source fails the handshake with 401 without invoking", documented, socket),
        Behaviour("appsync.source.missing", "AppSync: no Authorization header gets 401 without invoking", assumed, none),
        Behaviour("appsync.source.validation", "AppSync: a token that does not match the validation expression gets 401 without invoking", assumed, none),
        Behaviour("appsync.source.length", "AppSync: a token over 2048 characters is refused without invoking", documented, appsync),
        # The result cache
        Behaviour("cache.rest.key", "REST: the cache key is the token, or all identity sources together", documented, console),
        Behaviour("cache.http.key", "HTTP API: the cache key is all identity sources together", documented, http),
        Behaviour("cache.lifetime", "An answer is kept for the authorizer's TTL; 0 keeps none", documented, console),
        Behaviour("cache.policy", "A kept policy is judged anew for every request", documented, output),
        Behaviour("cache.simple", "HTTP API: a kept simple answer is the answer to every request with that key", documented, http),
        Behaviour("cache.scope", "A cache belongs to one authorizer of one stage of one API", observed, "serverless issue 626"),
        Behaviour("cache.refusals", "An answer that refuses is kept like any other", assumed, none),
        Behaviour("cache.errors", "An error of the function is never kept", assumed, none),
        Behaviour("cache.websocket", "WebSocket: nothing is kept", documented, socket),
        Behaviour("cache.appsync.key", "AppSync: the cache key is the Authorization header alone", documented, "AWS What's New, 2024-04-09"),
        Behaviour("cache.appsync.override", "AppSync: `ttlOverride` replaces the API's TTL for this answer", documented, appsync),
        Behaviour("cache.events.key", "AppSync Events: the cache key is the Authorization header alone", assumed, none),
        # The function's answer
        Behaviour("rest.error.unauthorized", "REST: an error whose message is exactly `Unauthorized` gets 401", documented, f"{_GUIDE}, Call an API with Lambda authorizers"),
        Behaviour("rest.error.other", 'REST: any other error gets 500 with `{"message": null}`', observed, "serverless/examples issue 305"),
        Behaviour("http.error", "HTTP API: an error of the function gets 500", documented, http),
        Behaviour("http.error.unauthorized", "HTTP API: the message `Unauthorized` makes no difference", assumed, none),
        Behaviour("websocket.error.unauthorized", "WebSocket: an error whose message is exactly `Unauthorized` fails the handshake with 401", documented, socket),
        Behaviour("websocket.error.other", "WebSocket: any other error fails the handshake with 500", assumed, none),
        Behaviour("websocket.size", "WebSocket: an answer over 8 KB is an error", documented, limits),
        Behaviour("appsync.error", "AppSync: an error of the function, or an answer of another shape, gets 500", assumed, none),
        Behaviour("answer.policy", "A policy document that IAM does not accept is an error: null members, empty lists, unknown members", observed, "aws-lambda-dotnet issue 2022"),
        Behaviour("answer.principal", "`principalId` must be a string that is not empty", documented, output),
        Behaviour("answer.resource", "A Resource over 512 characters is an error", documented, output),
        Behaviour("answer.context", "REST, WebSocket, payload 1.0: a context value that is a list or an object is an error", documented, output),
        Behaviour("http.simple.shape", "HTTP API: with simple responses only a real boolean `isAuthorized` counts, all else is an error", documented, http),
        # The decision
        Behaviour("policy.order", "An explicit Deny beats an Allow, and nothing is allowed by default", documented, "IAM user guide, Policy evaluation logic"),
        Behaviour("policy.conditions", "An authorizer's policy may use the condition keys of resource policies", assumed, none),
        Behaviour("rest.policy.joint", "REST: with a resource policy both are judged together; in one account one Allow is enough", documented, joint),
        Behaviour("rest.denied.explicit", "REST: an explicit Deny gets 403 `… with an explicit deny`", observed, "AWS knowledge center"),
        Behaviour("rest.denied.implicit", "REST: no matching Allow gets 403 `User is not authorized to access this resource`", observed, "AWS knowledge center"),
        Behaviour("http.denied", "HTTP API: a refusal gets 403 `Forbidden`", assumed, none),
        Behaviour("websocket.denied", "WebSocket: a refusal fails the handshake with 403", documented, socket),
        Behaviour("appsync.denied", "AppSync: `isAuthorized: false` gets 401 UnauthorizedException", documented, appsync),
        Behaviour("appsync.denied-fields", "AppSync: a denied field is null, with an Unauthorized error beside the data", documented, appsync),
        Behaviour("rest.responses", "REST: a gateway response's template gets `$context` variables by plain substitution, nothing escaped", documented, f"{_GUIDE}, Gateway responses"),
        # Usage plans
        Behaviour("usage.order", "REST: the API key is checked after the authorizer has allowed", documented, f"{_GUIDE}, Authorization flow"),
        Behaviour("usage.source", "REST: the key is `x-api-key`, or the authorizer's `usageIdentifierKey` where the API says AUTHORIZER", documented, plans),
        Behaviour("usage.unknown", "REST: no key, or one that is unknown, disabled or in no plan of the stage, gets 403 `Forbidden`", documented, responses),
        Behaviour("usage.throttle", "REST: over the rate gets 429 `Too Many Requests`", documented, responses),
        Behaviour("usage.quota", "REST: over the quota gets 429 `Limit Exceeded`", documented, responses),
        Behaviour("usage.exact", "REST: rates and quotas are kept exactly; the service promises best effort only", assumed, none),
        # What the backend gets
        Behaviour("context.text", "REST, WebSocket, payload 1.0: the backend gets context values as text", documented, output),
        Behaviour("context.added", "REST, WebSocket, payload 1.0: `principalId` and `integrationLatency` stand beside the context", observed, "powertools-lambda-typescript, captured events"),
        Behaviour("context.typed", "HTTP API 2.0: values keep their types, under `lambda`; null where there is no context", documented, http),
        Behaviour("context.websocket", "WebSocket: the context of `$connect` reaches every later route of the connection", documented, socket),
        Behaviour("context.appsync", "AppSync: flat values under `identity.resolverContext`; Events: `handlerContext`", documented, appsync),
    )  # fmt: skip


BEHAVIOURS: Final[Mapping[str, Behaviour]] = {row.id: row for row in _rows()}
"""Every claim of the simulator by its id."""

NOT_SIMULATED: Final = (
    "AWS WAF, the mutual-TLS handshake, private endpoints and custom domain names: their refusals come before all this.",
    "Timeouts of the function (10 s for HTTP APIs and AppSync, undocumented for REST and WebSocket).",
    "Request validation, CORS preflight answers, integrations: a call that passes is answered 200 with an empty body.",
    "Several authorizers in one API: make a simulated API for each; their caches are apart on AWS too.",
    "API keys of WebSocket APIs: the selection expression is documented, its behaviour end to end is not.",
    "Eventual consistency: a deployment, a changed key or a flushed cache takes effect at once.",
)
"""What a tester must not look for here."""
