"""The APIs of `AWS::Serverless::*` resources, as SAM's transform will make them.

Source: SAM specification; the defaults were read in aws-sam-translator 1.115.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lambda_authorizer.cli.inputs.classic import appsync_authorizer, attached_plans, may_invoke, schema_routes
from lambda_authorizer.cli.inputs.files import Files
from lambda_authorizer.cli.inputs.intrinsics import Unresolved
from lambda_authorizer.cli.inputs.model import Api, ApiKind, GatewayAuthorizer, Guard, Route, identity_source
from lambda_authorizer.cli.inputs.openapi import (
    jwt_authorizer,
    mapping,
    read_definition,
    sequence,
    truth,
    whole_number,
)

Resources = Mapping[str, Mapping[str, Any]]

# Resource type → its section of Globals.
GLOBALS: Mapping[str, str] = {
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::WebSocketApi": "WebSocketApi",
}
_IMPLICIT = {
    "Api": ("ServerlessRestApi", "AWS::Serverless::Api"),
    "HttpApi": ("ServerlessHttpApi", "AWS::Serverless::HttpApi"),
}
_API_OF = {"Api": "RestApiId", "HttpApi": "ApiId"}
_SOURCE_PREFIX = {"Headers": "header", "QueryStrings": "query", "StageVariables": "stage", "Context": "context"}
_REST_TTL = 300
_PLANS = ("PER_API", "SHARED")  # a tuple: what stands in a template need not be hashable


class _Event(NamedTuple):
    """One Api or HttpApi event of a function or state machine."""

    kind: str
    api: str | None  # logical id; None: an API outside this template
    properties: Mapping[str, Any]
    where: str


class _Around(NamedTuple):
    """What an API's properties do not hold themselves."""

    resources: Resources
    events: tuple[_Event, ...]
    files: Files


def implicit_apis(resources: Resources, globals_: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the APIs that SAM makes for events which name none."""
    wanted = {event.api for event in _events(resources)}
    return {
        name: {"Type": kind, "Properties": dict(mapping(globals_.get(section))), "Metadata": None}
        for section, (name, kind) in _IMPLICIT.items()
        if name in wanted and name not in resources
    }


def apis(resources: Resources, files: Files) -> Iterator[Api]:
    """Yield every API of the serverless resources."""
    around = _Around(resources, tuple(_events(resources)), files)
    for name, resource in resources.items():
        properties = mapping(resource["Properties"])
        match resource["Type"]:
            case "AWS::Serverless::Api":
                yield _gateway(name, "rest", properties, around)
            case "AWS::Serverless::HttpApi":
                yield _gateway(name, "http", properties, around)
            case "AWS::Serverless::WebSocketApi":
                yield _websocket(name, properties)
            case "AWS::Serverless::GraphQLApi":
                yield _graphql(name, properties, resources, files)


def _events(resources: Resources) -> Iterator[_Event]:
    for name, resource in resources.items():
        if resource["Type"] not in {"AWS::Serverless::Function", "AWS::Serverless::StateMachine"}:
            continue
        for label, event in mapping(mapping(resource["Properties"]).get("Events")).items():
            kind = mapping(event).get("Type")
            if not isinstance(kind, str) or kind not in _API_OF:
                continue
            properties = mapping(mapping(event).get("Properties"))
            reference = properties.get(_API_OF[kind])
            api: str | None = _IMPLICIT[kind][0]
            if isinstance(reference, Unresolved):
                api = reference.logical_ids[0] if reference.logical_ids else None
            elif reference is not None:
                api = str(reference) if str(reference) in resources else None
            yield _Event(kind, api, properties, f"{name}.Events.{label}")


def _gateway(name: str, kind: ApiKind, properties: Mapping[str, Any], around: _Around) -> Api:
    """Return a REST or HTTP API: its definition, then its events, then what SAM adds."""
    auth = mapping(properties.get("Auth"))
    authorizers = {
        key: (_rest_authorizer if kind == "rest" else _http_authorizer)(key, mapping(spec), around.resources)
        for key, spec in mapping(auth.get("Authorizers")).items()
    }
    default = auth.get("DefaultAuthorizer")
    default = default if isinstance(default, str) else None
    needs_key = truth(auth.get("ApiKeyRequired")) or False
    notes: list[str] = []
    base = Api(name, kind, (), {})
    source = properties.get("DefinitionBody", properties.get("DefinitionUri"))
    if source is not None:
        body, note = around.files.definition(source)
        notes += [note] if note else []
        base = base if body is None else read_definition(body, name=name, kind=kind)
        authorizers = {**base.authorizers, **authorizers}
    routes = [_inherit(route, default, authorizers, needs_key=needs_key) for route in base.routes]
    mine = (event for event in around.events if event.api == name)
    routes += [_event_route(event, default, authorizers, needs_key=needs_key) for event in mine]
    if kind == "rest" and properties.get("Cors"):
        guarded = default if truth(auth.get("AddDefaultAuthorizerToCorsPreflight", True)) is not False else None
        keyed = needs_key and truth(auth.get("AddApiKeyRequiredToCorsPreflight", True)) is not False
        routes += _preflight(routes, name, _guard(guarded, authorizers), guarded, api_key=keyed)
    plan = mapping(auth.get("UsagePlan")).get("CreateUsagePlan")
    endpoint = properties.get("EndpointConfiguration")
    endpoint_type = mapping(endpoint).get("Type", endpoint)
    key_source = properties.get("ApiKeySourceType")
    return Api(
        name,
        kind,
        _once(routes),
        authorizers,
        default_authorizer=default,
        key_source=key_source if isinstance(key_source, str) else base.key_source,
        usage_plan=plan in _PLANS or name in attached_plans(around.resources),
        resource_policy=bool(auth.get("ResourcePolicy")) or base.resource_policy,
        private=endpoint_type == "PRIVATE" or base.private,
        cors=bool(properties.get("CorsConfiguration")),
        # SAM writes the default authorizer on every method, so a root-level `security` hurts only without one.
        notes=(*notes, *(() if default else base.notes)),
    )


def _once(routes: Iterable[Route]) -> tuple[Route, ...]:
    """An event repeats what a definition says: the event, which carries the integration, comes last and wins."""
    return tuple({(route.method, route.path): route for route in routes}.values())


def _guard(name: str | None, authorizers: Mapping[str, GatewayAuthorizer]) -> Guard:
    if name is None or name == "NONE":
        return "none"
    if name == "AWS_IAM":
        return "iam"
    return authorizers[name].guard if name in authorizers else "unknown"


def _inherit(
    route: Route, default: str | None, authorizers: Mapping[str, GatewayAuthorizer], *, needs_key: bool
) -> Route:
    """A method of the definition that names no security gets the API's default."""
    if route.guard != "none" or default is None:
        return route
    return route._replace(
        guard=_guard(default, authorizers), authorizer=default, api_key=route.api_key or needs_key
    )


def _event_route(
    event: _Event, default: str | None, authorizers: Mapping[str, GatewayAuthorizer], *, needs_key: bool
) -> Route:
    auth = mapping(event.properties.get("Auth"))
    named = auth.get("Authorizer", default)
    authorizer = named if isinstance(named, str) and named != "NONE" else None
    path = event.properties.get("Path", "$default")
    method = str(event.properties.get("Method", "ANY")).upper()
    keyed = truth(auth.get("ApiKeyRequired", needs_key))
    guard: Guard = "unknown" if isinstance(named, Unresolved) else _guard(authorizer, authorizers)
    return Route(
        "ANY" if method in {"*", "X-AMAZON-APIGATEWAY-ANY-METHOD"} else method,
        str(path),
        guard,
        authorizer,
        tuple(scope for scope in sequence(auth.get("AuthorizationScopes")) if isinstance(scope, str)),
        keyed,
        event.where,
    )


def _preflight(
    routes: Iterable[Route], name: str, guard: Guard, authorizer: str | None, *, api_key: bool
) -> Iterator[Route]:
    """The OPTIONS methods that SAM adds to every path of an API with Cors."""
    listed = list(routes)
    own = {route.path for route in listed if route.method in {"OPTIONS", "ANY"}}
    for path in dict.fromkeys(route.path for route in listed):
        if path not in own:
            yield Route("OPTIONS", path, guard, authorizer, (), api_key, f"{name}.Cors", preflight=True)


def _sources(identity: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{kind}:{one}"
        for section, kind in _SOURCE_PREFIX.items()
        for one in sequence(identity.get(section))
        if isinstance(one, str)
    )


def _function(spec: Mapping[str, Any]) -> str | None:
    arn = spec.get("FunctionArn")
    return arn.logical_ids[0] if isinstance(arn, Unresolved) and arn.logical_ids else None


def _rest_authorizer(name: str, spec: Mapping[str, Any], resources: Resources) -> GatewayAuthorizer:
    if "UserPoolArn" in spec:
        return GatewayAuthorizer(name, "cognito", "cognito", (), 0)
    kind = str(spec.get("FunctionPayloadType", "TOKEN")).lower()
    identity = mapping(spec.get("Identity"))
    sources = (f"header:{identity.get('Header', 'Authorization')}",) if kind == "token" else _sources(identity)
    function = _function(spec)
    allowed = (
        truth(spec.get("DisableFunctionDefaultPermissions", False)) is not True
        or "FunctionInvokeRole" in spec
        or may_invoke(resources, function)
    )
    ttl = whole_number(identity.get("ReauthorizeEvery", _REST_TTL))
    return GatewayAuthorizer(name, "lambda", kind, sources, ttl, function=function, invoke_permission=allowed)


def _http_authorizer(name: str, spec: Mapping[str, Any], resources: Resources) -> GatewayAuthorizer:
    if "JwtConfiguration" in spec:
        return jwt_authorizer(name, mapping(spec["JwtConfiguration"]))
    identity = mapping(spec.get("Identity"))
    function = _function(spec)
    payload = spec.get("AuthorizerPayloadFormatVersion")
    allowed = (
        truth(spec.get("EnableFunctionDefaultPermissions", False)) is True
        or "FunctionInvokeRole" in spec
        or may_invoke(resources, function)
    )
    return GatewayAuthorizer(
        name,
        "lambda",
        "request",
        _sources(identity),
        whole_number(identity.get("ReauthorizeEvery", 0)),
        payload=str(payload) if isinstance(payload, str | int | float) else None,
        simple=truth(spec.get("EnableSimpleResponses", False)),
        function=function,
        invoke_permission=allowed,
    )


def _websocket(name: str, properties: Mapping[str, Any]) -> Api:
    """Only `$connect` is authorized; the other route keys live on the connection it opened."""
    auth = mapping(properties.get("Auth"))
    kind = auth.get("AuthType", "NONE")
    guard: Guard = {"CUSTOM": "lambda", "AWS_IAM": "iam", "NONE": "none"}.get(str(kind), "unknown")  # type: ignore[assignment]
    label = str(auth.get("Name", "Authorizer"))
    authorizers = {}
    if guard == "lambda":
        arn = auth.get("AuthArn")
        function = arn.logical_ids[0] if isinstance(arn, Unresolved) and arn.logical_ids else None
        listed = sequence(auth.get("IdentitySource"))
        sources = tuple(identity_source(one) for one in listed if isinstance(one, str))
        authorizers[label] = GatewayAuthorizer(label, "lambda", "request", sources, 0, function=function)
    route = Route("", "$connect", guard, label if authorizers else None, (), False, f"{name}.Auth")
    return Api(name, "websocket", (route,), authorizers)


def _graphql(name: str, properties: Mapping[str, Any], resources: Resources, files: Files) -> Api:
    auth = mapping(properties.get("Auth"))
    modes = [auth, *(mapping(extra) for extra in sequence(auth.get("Additional")))]
    guard: Guard = "none"
    authorizers = {}
    for mode in modes:
        if mode.get("Type") == "AWS_LAMBDA":
            authorizer = appsync_authorizer(mapping(mode.get("LambdaAuthorizer")), resources)
            authorizers["AWS_LAMBDA"] = authorizer._replace(invoke_permission=True)  # SAM makes a connector
            guard = "lambda"
    routes, known = schema_routes(properties, guard, name, files)
    return Api(name, "graphql", routes, authorizers, fields_known=known)
