"""The events that API Gateway and AppSync send to an authorizer, key for key as captured on AWS.

Each builder takes the client's call and the API it goes to. What AWS leaves out is left out here, what it sends as
an empty object is an empty object; identifiers and times are fixed, so that two equal calls give equal events.

Source: captures published with AWS Lambda Powertools (tests/events, 2024 and 2025) and the API Gateway and AppSync
developer guides.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lambda_authorizer.testing.call import (
    APPSYNC_API,
    HTTP_API,
    NOON,
    PLAIN_CALL,
    REST_API,
    Api,
    Call,
    Pairs,
    bearer,
)

__all__ = [
    "APPSYNC_API",
    "HTTP_API",
    "NOON",
    "REST_API",
    "Api",
    "Call",
    "Event",
    "Pairs",
    "appsync_event",
    "appsync_events_event",
    "bearer",
    "http_1_event",
    "http_2_event",
    "request_event",
    "token_event",
    "websocket_event",
]

Event = dict[str, Any]

_REST_REQUEST_ID: Final = "141d6671-99b4-40ca-9997-7a22f01eac74"
_HTTP_REQUEST_ID: Final = "ZhNHJhhLjoEEPiw="
_APPSYNC_REQUEST_ID: Final = "b80ed838-14c6-4500-b4c3-b694c7bef086"
_CONNECTION_ID: Final = "FDmBIeapIAMCIQg="
_USER_AGENT: Final = "curl/8.5.0"
_IDENTITY: Final = (
    *("cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId"),
    *("accessKey", "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user"),
)


def _time(milliseconds: int) -> str:
    """Return a time in the format of an access log."""
    return dt.datetime.fromtimestamp(milliseconds / 1000, tz=dt.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _last(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the last value of each name, as the single-value maps of REST hold it."""
    return dict(pairs)


def _all(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return every value of each name."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _joined(pairs: Iterable[tuple[str, str]], by: str = ",") -> dict[str, str]:
    """Return the values of each name in one string, as payload 2.0 does."""
    return {name: by.join(values) for name, values in _all(pairs).items()}


def token_event(authorization: str, method: str = "GET", path: str = "/", *, api: Api = REST_API) -> Event:
    """Return what a REST API sends to a TOKEN authorizer.

    Args:
        authorization: the whole value of the configured header, scheme included.
        method: of the call.
        path: the actual path, without the stage.
        api: where the call goes.
    """
    return {"type": "TOKEN", "authorizationToken": authorization, "methodArn": api.arn(method, path)}


def request_event(
    call: Call,
    *,
    resource: str | None = None,
    path_parameters: Mapping[str, str] | None = None,
    stage_variables: Mapping[str, str] | None = None,
    api: Api = REST_API,
) -> Event:
    """Return what a REST API sends to a REQUEST authorizer.

    Args:
        call: the client's.
        resource: template of the matched resource ("/orders/{id}"); the path itself where not given.
        path_parameters: values of the template's variables, as sent.
        stage_variables: of the stage.
        api: where the call goes.
    """
    identity: Event = dict.fromkeys(_IDENTITY)
    identity |= {"sourceIp": call.source_ip, "userAgent": _USER_AGENT}
    if call.certificate is not None:
        identity["clientCert"] = dict(call.certificate)
    template = resource or call.path
    headers = (*call.header_pairs, *_added_headers(call, api))
    return {
        "type": "REQUEST",
        "methodArn": api.arn(call.method, call.path),
        "resource": template,
        "path": call.path,
        "httpMethod": call.method,
        "headers": _last(headers),
        "multiValueHeaders": _all(headers),
        "queryStringParameters": _last(call.query_pairs),
        "multiValueQueryStringParameters": _all(call.query_pairs),
        "pathParameters": dict(path_parameters or {}),
        "stageVariables": dict(stage_variables or {}),
        "requestContext": {
            "resourceId": "w567jh",
            "resourcePath": template,
            "httpMethod": call.method,
            "extendedRequestId": "ZhFsxGQDDoEEMig=",
            "requestTime": _time(call.time_ms),
            "path": f"/{api.stage}{call.path}",
            "accountId": api.account,
            "protocol": "HTTP/1.1",
            "stage": api.stage,
            "domainPrefix": api.api_id,
            "requestTimeEpoch": call.time_ms,
            "requestId": _REST_REQUEST_ID,
            "identity": identity,
            "domainName": api.domain,
            "deploymentId": "v99qix",
            "apiId": api.api_id,
        },
    }


def _added_headers(call: Call, api: Api) -> tuple[tuple[str, str], ...]:
    """Return what the gateway itself adds, unless the client sent it."""
    sent = {name.lower() for name, _ in call.header_pairs}
    own = (
        ("Host", api.domain),
        ("User-Agent", _USER_AGENT),
        ("X-Forwarded-For", call.source_ip),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    )
    return tuple((name, value) for name, value in own if name.lower() not in sent)


def http_1_event(  # noqa: PLR0913 - one name for each part of the event
    call: Call,
    *,
    route_key: str | None = None,
    identity_source: Iterable[str] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    stage_variables: Mapping[str, str] | None = None,
    api: Api = HTTP_API,
) -> Event:
    """Return what an HTTP API sends to an authorizer with payload format 1.0.

    Args:
        call: the client's.
        route_key: of the matched route ("ANY /orders/{id}"); method and path where not given.
        identity_source: values of the identity sources; the Authorization header's where not given.
        path_parameters: values of the route's variables.
        stage_variables: of the stage.
        api: where the call goes.
    """
    key = route_key or f"{call.method} {call.path}"
    event = request_event(
        call,
        resource=key.partition(" ")[2] or key,
        path_parameters=path_parameters,
        stage_variables=stage_variables,
        api=api,
    )
    values = _authorization(call) if identity_source is None else list(identity_source)
    event["requestContext"]["resourceId"] = key
    event["requestContext"]["identity"]["cognitoAmr"] = None
    event["requestContext"]["path"] = call.path if api.stage == "$default" else f"/{api.stage}{call.path}"
    del event["requestContext"]["deploymentId"]
    return {
        "version": "1.0",
        **event,
        "identitySource": ",".join(values),
        "authorizationToken": ",".join(values),
    }


def _authorization(call: Call) -> list[str]:
    return [value for name, value in call.header_pairs if name.lower() == "authorization"]


def http_2_event(  # noqa: PLR0913 - one name for each part of the event
    call: Call,
    *,
    route_key: str | None = None,
    identity_source: Iterable[str] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    stage_variables: Mapping[str, str] | None = None,
    api: Api = HTTP_API,
) -> Event:
    """Return what an HTTP API sends to an authorizer with payload format 2.0; arguments as for `http_1_event`."""
    key = route_key or f"{call.method} {call.path}"
    raw_path = call.path if api.stage == "$default" else f"/{api.stage}{call.path}"
    lowered = [(name.lower(), value) for name, value in (*call.header_pairs, *_added_headers(call, api))]
    cookies = [part.strip() for name, value in lowered if name == "cookie" for part in value.split(";")]
    sources = _authorization(call) if identity_source is None else list(identity_source)
    optional: Event = {
        "identitySource": sources,
        "cookies": cookies,
        "queryStringParameters": _joined(call.query_pairs),
        "pathParameters": dict(path_parameters or {}),
        "stageVariables": dict(stage_variables or {}),
    }
    certificate = (
        {"authentication": {"clientCert": dict(call.certificate)}} if call.certificate is not None else {}
    )
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": api.arn(call.method, call.path),
        "routeKey": key,
        "rawPath": raw_path,
        "rawQueryString": call.query,
        "headers": _joined((name, value) for name, value in lowered if name != "cookie"),
        **{name: value for name, value in optional.items() if value},
        "requestContext": {
            "accountId": api.account,
            "apiId": api.api_id,
            **certificate,
            "domainName": api.domain,
            "domainPrefix": api.api_id,
            "http": {
                "method": call.method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": call.source_ip,
                "userAgent": _USER_AGENT,
            },
            "requestId": _HTTP_REQUEST_ID,
            "routeKey": key,
            "stage": api.stage,
            "time": _time(call.time_ms),
            "timeEpoch": call.time_ms,
        },
    }


def websocket_event(
    call: Call = PLAIN_CALL,
    *,
    stage_variables: Mapping[str, str] | None = None,
    api: Api = REST_API,
) -> Event:
    """Return what a WebSocket API sends when a client opens a connection.

    Args:
        call: the handshake; its method and path say nothing, a WebSocket API has one address.
        stage_variables: of the stage.
        api: where the call goes.
    """
    handshake = (
        ("Connection", "upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Upgrade", "websocket"),
    )
    headers = (*call.header_pairs, *handshake, *_added_headers(call, api))
    return {
        "type": "REQUEST",
        "methodArn": api.arn("$connect"),
        "headers": _last(headers),
        "multiValueHeaders": _all(headers),
        "queryStringParameters": _last(call.query_pairs),
        "multiValueQueryStringParameters": _all(call.query_pairs),
        "stageVariables": dict(stage_variables or {}),
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "extendedRequestId": "FDmBIG3EoAMEqYA=",
            "requestTime": _time(call.time_ms),
            "messageDirection": "IN",
            "stage": api.stage,
            "connectedAt": call.time_ms,
            "requestTimeEpoch": call.time_ms,
            "identity": {"sourceIp": call.source_ip},
            "requestId": "FDmBIG3EoAMEqYA=",
            "domainName": api.domain,
            "connectionId": _CONNECTION_ID,
            "apiId": api.api_id,
        },
    }


def appsync_event(  # noqa: PLR0913 - one name for each part of the event
    token: str,
    query: str,
    *,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
    headers: Pairs = (),
    api: Api = APPSYNC_API,
) -> Event:
    """Return what an AppSync GraphQL API sends.

    Args:
        token: the Authorization header as sent; AppSync strips no prefix.
        query: the GraphQL document.
        operation_name: which of its operations; left out where not given.
        variables: of the operation.
        headers: others that the client sent.
        api: where the call goes.
    """
    return {
        "authorizationToken": token,
        "requestContext": {
            "apiId": api.api_id,
            "accountId": api.account,
            "requestId": _APPSYNC_REQUEST_ID,
            "queryString": query,
            **({} if operation_name is None else {"operationName": operation_name}),
            "variables": dict(variables or {}),
        },
        "requestHeaders": {name.lower(): value for name, value in Call(headers=headers).header_pairs},
    }


def appsync_events_event(
    token: str,
    operation: str = "EVENT_CONNECT",
    channel: str | None = None,
    *,
    headers: Pairs = (),
    api: Api = APPSYNC_API,
) -> Event:
    """Return what an AppSync Events API sends.

    Args:
        token: the Authorization header as sent.
        operation: EVENT_CONNECT, EVENT_PUBLISH or EVENT_SUBSCRIBE.
        channel: "/namespace/channel"; none when connecting, and its keys are left out then.
        headers: others that the client sent.
        api: where the call goes.
    """
    where = {} if channel is None else {"channelNamespaceName": channel.split("/")[1], "channel": channel}
    return {
        "authorizationToken": token,
        "requestContext": {
            "apiId": api.api_id,
            "accountId": api.account,
            "requestId": _APPSYNC_REQUEST_ID,
            "operation": operation,
            **where,
        },
        "requestHeaders": {name.lower(): value for name, value in Call(headers=headers).header_pairs},
    }
