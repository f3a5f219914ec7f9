"""Read an event of any front end into a `Request`, or refuse it as none that we know.

Laws of this file:
- Unknown members are ignored (AWS adds some at any time); a known member has its type, or the event is refused.
- Missing, null and empty maps mean the same: captures of real gateways show all three.
- Method and path are those of the ARN, since that text is what the gateway holds a policy against. Where the event
  shows them elsewhere too and the two disagree, the request says so (`contradictory`) and is refused later.
- Nothing here decides who may call, and no message holds a word of the event.

Sources: API Gateway developer guide, "Input to a Lambda authorizer", "Lambda authorizers for HTTP APIs",
"WebSocket Lambda authorizer"; AppSync developer guide, "AWS_LAMBDA authorization", "Authorization for Event APIs".
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Any

from lambda_authorizer.arn import ExecuteApiArn, parse_execute_api_arn
from lambda_authorizer.errors import EventError
from lambda_authorizer.request import AppSyncCall, ClientCertificate, Kind, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENT_OPERATIONS = {"EVENT_CONNECT": "CONNECT", "EVENT_PUBLISH": "PUBLISH", "EVENT_SUBSCRIBE": "SUBSCRIBE"}
_MAX_REQUEST_ID = 128
_DEFAULT = "$default"
_STRUCTURE = ("%2f", "%5c", "%2e")  # decoding one of these gives a path of another shape


def parse_event(event: object) -> Request:
    """Return the one description of a call that every later stage reads.

    Raises:
        EventError: the event has no shape that a supported front end sends.
    """
    if not isinstance(event, dict):
        raise EventError("the event is not a JSON object")
    kind = _kind(event)
    if kind == "token":
        return _token(event)
    if kind in ("appsync", "appsync-events"):
        return _appsync(event, kind)
    if kind == "http-2.0":
        return _http_2(event)
    return _request(event, kind)


def _kind(event: Mapping[str, Any]) -> Kind:
    """Return the front end that sends events of this shape."""
    kind, version = event.get("type"), event.get("version")
    if kind == "TOKEN":
        # serverless-offline adds `version` and more to it; the type alone says what it is.
        return "token"
    if version == "2.0":
        return "http-2.0"
    if version == "1.0":
        return "http-1.0"
    if version is not None:
        raise EventError("the event's payload format version is neither 1.0 nor 2.0")
    context = _map(event, "requestContext")
    if kind == "REQUEST":
        connects = context.get("routeKey") == "$connect" or context.get("eventType") == "CONNECT"
        return "websocket" if connects else "request"
    if kind is not None or "authorizationToken" not in event:
        raise EventError("the event is not of any type that an authorizer is sent")
    is_graphql, is_events = "queryString" in context, _text(context, "operation") in _EVENT_OPERATIONS
    if is_graphql == is_events:
        raise EventError("the event is not of any type that an authorizer is sent")
    return "appsync" if is_graphql else "appsync-events"


def _token(event: Mapping[str, Any]) -> Request:
    """Read a REST TOKEN event: token and ARN, and nothing of the request besides."""
    arn = _without_socket(parse_execute_api_arn(event.get("methodArn")))
    return Request(
        kind="token",
        arn=arn,
        method=arn.method,
        path=arn.path,
        authorization_token=_text(event, "authorizationToken"),
    )


def _request(event: Mapping[str, Any], kind: Kind) -> Request:
    """Read a REST REQUEST, HTTP API 1.0 or WebSocket event, which share one shape."""
    arn = _arn(event)
    if (kind == "websocket") != (arn.method == "$connect"):
        raise EventError("the event's ARN and its request context name different routes")
    context = _map(event, "requestContext")
    identity = _map(context, "identity")
    headers = _merged(event, "headers", "multiValueHeaders", fold=True)
    method, path = _text(event, "httpMethod"), _text(event, "path")
    return Request(
        kind=kind,
        arn=arn,
        method=arn.method,
        path=arn.path,
        route_key=_route_key(arn, _text(event, "resource")),
        contradictory=not (_same_method(arn, method, headers, kind) and _same_path(arn, path)),
        headers=headers,
        query=_merged(event, "queryStringParameters", "multiValueQueryStringParameters"),
        cookies=_cookies(headers.get("cookie", ())),
        # `authorizationToken` of HTTP API 1.0 is a comma-joined list that cannot be taken apart again.
        source_ip=_text(identity, "sourceIp"),
        client_certificate=_certificate(_map(identity, "clientCert")),
        request_id=_request_id(context),
    )


def _http_2(event: Mapping[str, Any]) -> Request:
    """Read an HTTP API 2.0 event; for payload 1.0 `sam local` sends it too, with `methodArn` in it."""
    arn = _without_socket(_arn(event))
    context = _map(event, "requestContext")
    http = _map(context, "http")
    headers = _merged(event, "headers", fold=True)
    pairs = _strings(event, "cookies") or headers.get("cookie", ())
    sources = event.get("identitySource")
    return Request(
        kind="http-2.0",
        arn=arn,
        method=arn.method,
        path=arn.path,
        route_key=_text(event, "routeKey") or _text(context, "routeKey"),
        contradictory=not (
            _same_method(arn, _text(http, "method"), headers, "http-2.0")
            and _same_path(arn, _text(event, "rawPath"))
        ),
        headers=headers,
        query=_merged(event, "queryStringParameters"),
        cookies=_cookies(pairs),
        identity_sources=() if isinstance(sources, str) else _strings(event, "identitySource"),
        source_ip=_text(http, "sourceIp"),
        client_certificate=_certificate(_map(_map(context, "authentication"), "clientCert")),
        request_id=_request_id(context),
    )


def _appsync(event: Mapping[str, Any], kind: Kind) -> Request:
    """Read an AppSync event: GraphQL has no route, Events have an operation and a channel."""
    context = _map(event, "requestContext")
    operation = channel = None
    if kind == "appsync-events":
        operation = _EVENT_OPERATIONS[context["operation"]]
        channel = _channel(context, operation)
    return Request(
        kind=kind,
        arn=None,
        method=operation or "",
        path=channel or "",
        headers=_merged(event, "requestHeaders", fold=True),
        authorization_token=_text(event, "authorizationToken"),
        # There is no source address but in x-forwarded-for, whose left part the caller writes.
        request_id=_request_id(context),
        appsync=AppSyncCall(
            api_id=_text(context, "apiId") or "",
            account=_text(context, "accountId") or "",
            operation=operation,
            channel=channel,
            operation_name=_text(context, "operationName"),
        ),
    )


def _channel(context: Mapping[str, Any], operation: str) -> str | None:
    """Return the channel of an Events call as `/namespace/channel`; a connection has none."""
    channel, namespace = _text(context, "channel"), _text(context, "channelNamespaceName")
    if operation == "CONNECT":
        if channel:
            raise EventError("a connection to an Event API names a channel")
        return None
    if not channel or not channel.startswith("/"):
        raise EventError("the event names no channel")
    if namespace is not None and channel.split("/", 2)[1] != namespace:
        raise EventError("the event's channel lies outside its namespace")
    return channel


def _arn(event: Mapping[str, Any]) -> ExecuteApiArn:
    """Return the called route's ARN, under whichever of its two names it comes."""
    method_arn, route_arn = event.get("methodArn"), event.get("routeArn")
    if method_arn is not None and route_arn is not None and method_arn != route_arn:
        raise EventError("the event holds two different ARNs")
    return parse_execute_api_arn(route_arn if method_arn is None else method_arn)


def _without_socket(arn: ExecuteApiArn) -> ExecuteApiArn:
    """Return the ARN of a front end that has no WebSocket routes: `$connect` is no method there."""
    if arn.method.startswith("$"):
        raise EventError("the event's ARN names a route that its front end does not have")
    return arn


def _route_key(arn: ExecuteApiArn, resource: str | None) -> str | None:
    """Return method and template of the route that the gateway chose, where the event says."""
    if not resource:
        return None
    return f"{arn.method} {resource}" if resource.startswith("/") else resource


def _same_method(
    arn: ExecuteApiArn, method: str | None, headers: Mapping[str, tuple[str, ...]], kind: Kind
) -> bool:
    """Say whether every sign of the method agrees with the ARN.

    A REST API lets a client override its method with a header. AWS does not say whether the ARN then holds the
    method before or after; a caller is refused where the two differ.
    """
    if method and method != arn.method:
        return False
    if kind != "request":
        return True
    return all(value.strip().upper() == arn.method for value in headers.get("x-http-method-override", ()))


def _same_path(arn: ExecuteApiArn, path: str | None) -> bool:
    """Say whether the event's own path is the ARN's, apart from a stage or a base path in front of it."""
    if not path or arn.path in ("", "/") or path.endswith(arn.path):
        return True
    both = (path + arn.path).lower()
    if "%" not in both or any(escape in both for escape in _STRUCTURE):
        return False
    from urllib.parse import unquote  # only an encoded path pays for it

    # An HTTP API shows the path decoded in one member and as sent in another.
    return unquote(path).endswith(unquote(arn.path))


def _merged(
    event: Mapping[str, Any], single: str, multiple: str | None = None, *, fold: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return all values of every name, from the multi-value map where there is one.

    The single-value map holds the last value of a repeated name, so it cannot show a duplicate; names that differ
    only in case are one name. A value that only the single-value map knows is kept as one more, so that a
    contradiction shows as a duplicate.
    """
    values: dict[str, tuple[str, ...]] = {}
    if multiple is not None:
        for name in (many := _map(event, multiple)):
            key = name.lower() if fold else name
            values[key] = values.get(key, ()) + _strings(many, name)
    for name in (one := _map(event, single)):
        value = _text(one, name)
        key = name.lower() if fold else name
        known = values.get(key, ())
        if value is not None and (multiple is None or value not in known):
            values[key] = (*known, value)
    return values


def _cookies(pairs: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return cookies by name (RFC 6265 section 4.2.1); a repeated name keeps all its values."""
    cookies: dict[str, tuple[str, ...]] = {}
    for pair in ";".join(pairs).split(";"):
        name, equals, value = pair.strip(" ").partition("=")
        if equals and name:
            cookies[name] = (*cookies.get(name, ()), value)
    return cookies


def _certificate(raw: Mapping[str, Any]) -> ClientCertificate | None:
    """Return the client certificate of a mutual-TLS connection."""
    if not raw:
        return None
    validity = _map(raw, "validity")
    return ClientCertificate(
        subject=_text(raw, "subjectDN") or "",
        issuer=_text(raw, "issuerDN") or "",
        serial_number=_text(raw, "serialNumber") or "",
        not_before=_text(validity, "notBefore") or "",
        not_after=_text(validity, "notAfter") or "",
        pem=_text(raw, "clientCertPem") or "",
    )


def _request_id(context: Mapping[str, Any]) -> str | None:
    """Return the gateway's id of the request, which goes into logs."""
    text = _text(context, "requestId")
    return text if text and len(text) <= _MAX_REQUEST_ID and text.isascii() and text.isprintable() else None


def _map(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a map, taking null and absence for an empty one."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EventError("a member of the event is not an object")
    return value


def _text(parent: Mapping[str, Any], name: str) -> str | None:
    """Return a string, taking null for absence."""
    value = parent.get(name)
    if value is not None and not isinstance(value, str):
        raise EventError("a member of the event is not a string")
    return value


def _strings(parent: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of strings, taking null for an empty one."""
    value = parent.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise EventError("a member of the event is not a list of strings")
    return tuple(value)


def fits_route_key(request: Request) -> bool:
    """Say whether method and path belong to the route that the event names, if it names one.

    The gateway ignores a trailing slash, and may collapse slashes or decode, before it chooses a route; a rule is
    held against the text. Both must agree, or the rules would speak about another route than the one called.
    """
    key = request.route_key
    if key is None or key == _DEFAULT or request.kind == "websocket":
        return True
    method, _, template = key.partition(" ")
    return method in (request.method, "ANY") and _matches(template, request.path)


def _matches(template: str, path: str) -> bool:
    """Say whether a path is one of the template's: `{name}` is a segment, `{name+}` at the end is all the rest."""
    wanted, given = template.split("/"), path.split("/")
    if wanted[-1].startswith("{") and wanted[-1].endswith("+}"):
        rest = "/".join(given[len(wanted) - 1 :])
        given = [*given[: len(wanted) - 1], rest]
    return len(wanted) == len(given) and all(
        bool(value) if name.startswith("{") and name.endswith("}") else name == value
        for name, value in zip(wanted, given, strict=True)
    )
