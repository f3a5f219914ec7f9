"""The APIs of plain CloudFormation resources: API Gateway v1 and v2, AppSync GraphQL and Events.

Source: CloudFormation reference of AWS::ApiGateway, AWS::ApiGatewayV2 and AWS::AppSync.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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

_REST_TTL = 300
_DEPTH = 30
_AUTHORIZATION: Mapping[str, Guard] = {
    "CUSTOM": "lambda",
    "COGNITO_USER_POOLS": "cognito",
    "JWT": "jwt",
    "AWS_IAM": "iam",
    "NONE": "none",
}


def apis(resources: Resources, files: Files) -> Iterator[Api]:
    """Yield every API of the classic resources."""
    for name, resource in resources.items():
        properties = mapping(resource["Properties"])
        match resource["Type"]:
            case "AWS::ApiGateway::RestApi":
                yield _rest(name, properties, resources, files)
            case "AWS::ApiGatewayV2::Api":
                kind: ApiKind = "websocket" if properties.get("ProtocolType") == "WEBSOCKET" else "http"
                yield _v2(name, kind, properties, resources, files)
            case "AWS::AppSync::GraphQLApi":
                yield _graphql(name, properties, resources, files)
            case "AWS::AppSync::Api":
                yield _events(name, properties, resources)
    yield from _elsewhere(resources)


def _elsewhere(resources: Resources) -> Iterator[Api]:
    """Authorizers of APIs that stand in other stacks: no routes are known, but keys, TTLs and permissions are."""
    found: dict[tuple[str, ApiKind], dict[str, GatewayAuthorizer]] = {}
    for name, resource in resources.items():
        properties = mapping(resource["Properties"])
        classic = resource["Type"] == "AWS::ApiGateway::Authorizer"
        if not classic and resource["Type"] != "AWS::ApiGatewayV2::Authorizer":
            continue
        api = properties.get("RestApiId" if classic else "ApiId")
        if isinstance(api, Unresolved) and any(one in resources for one in api.logical_ids):
            continue
        label = api.text if isinstance(api, Unresolved) else str(api)
        sources = sequence(properties.get("IdentitySource"))
        of_websocket = any(isinstance(one, str) and one.startswith("route.request.") for one in sources)
        kind: ApiKind = "rest" if classic else "websocket" if of_websocket else "http"
        if classic:
            authorizer = _rest_authorizer(name, properties, resources)
        else:
            authorizer = _v2_authorizer(name, kind, properties, resources)
        found.setdefault((label, kind), {})[name] = authorizer
    for (label, kind), authorizers in found.items():
        yield Api(label, kind, (), authorizers)


def refers(value: Any, name: str) -> bool:
    """True for a reference to the resource of that logical id."""
    return isinstance(value, Unresolved) and name in value.logical_ids


def may_invoke(resources: Resources, function: str | None, *, principal: str = "apigateway.amazonaws.com") -> bool:
    """Whether the template itself lets the service call the function; of one outside it nothing is said."""
    if function is None:
        return True
    return any(
        resource["Type"] == "AWS::Lambda::Permission"
        and mapping(resource["Properties"]).get("Principal") == principal
        and refers(mapping(resource["Properties"]).get("FunctionName"), function)
        for resource in resources.values()
    )


def attached_plans(resources: Resources) -> frozenset[str]:
    """The APIs that a usage plan of this template is attached to."""
    found: set[str] = set()
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGateway::UsagePlan":
            for stage in sequence(mapping(resource["Properties"]).get("ApiStages")):
                api = mapping(stage).get("ApiId")
                found.update(api.logical_ids if isinstance(api, Unresolved) else ())
    return frozenset(found)


def schema_routes(
    properties: Mapping[str, Any], guard: Guard, name: str, files: Files
) -> tuple[tuple[Route, ...], bool]:
    """The root fields of a GraphQL API, from its inline schema, else from its resolvers (then perhaps not all)."""
    inline = properties.get("SchemaInline")
    text = inline if isinstance(inline, str) else files.schema(properties.get("SchemaUri"))
    fields, known = root_fields(text) if text is not None else ((), False)
    if not known:
        listed = []
        for kind, resolvers in mapping(properties.get("Resolvers")).items():
            for label, resolver in mapping(resolvers).items():
                listed.append(f"{kind}.{mapping(resolver).get('FieldName', label)}")
        fields = tuple(listed)
    authorizer = "AWS_LAMBDA" if guard == "lambda" else None
    return tuple(Route("", field, guard, authorizer, (), False, name) for field in fields), known


def root_fields(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the fields of a schema's root types, and whether the schema could be read."""
    from lambda_authorizer.response.graphql import SchemaError, parse_schema

    try:
        schema = parse_schema(text)
    except SchemaError:
        return (), False
    return tuple(field for field in schema.fields if field in schema.root_fields), True


def _owned(resources: Resources, kind: str, key: str, api: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The resources of a kind that belong to an API."""
    for name, resource in resources.items():
        properties = mapping(resource["Properties"])
        if resource["Type"] == kind and refers(properties.get(key), api):
            yield name, properties


def _function(uri: Any, resources: Resources) -> str | None:
    """The function that an invocation URI or ARN names."""
    names = uri.logical_ids if isinstance(uri, Unresolved) else ()
    return next(
        (name for name in names if name in resources and resources[name]["Type"].endswith("::Function")), None
    )


def _rest(name: str, properties: Mapping[str, Any], resources: Resources, files: Files) -> Api:
    notes: list[str] = []
    base = Api(name, "rest", (), {})
    body = properties.get("Body")
    if body is not None:
        read, note = files.definition(body)
        notes += [note] if note else []
        base = base if read is None else read_definition(read, name=name, kind="rest")
    authorizers = dict(base.authorizers)
    for key, spec in _owned(resources, "AWS::ApiGateway::Authorizer", "RestApiId", name):
        authorizers[key] = _rest_authorizer(key, spec, resources)
    routes = list(base.routes)
    for key, method in _owned(resources, "AWS::ApiGateway::Method", "RestApiId", name):
        path, known = _path(method.get("ResourceId"), name, resources)
        if not known:
            notes.append(f"the path of {key} is not in this file")
            continue
        routes.append(_method(key, path, method, authorizers))
    endpoint = mapping(properties.get("EndpointConfiguration"))
    source = properties.get("ApiKeySourceType")
    return Api(
        name,
        "rest",
        tuple(routes),
        authorizers,
        key_source=source if isinstance(source, str) else base.key_source,
        usage_plan=name in attached_plans(resources),
        resource_policy=bool(properties.get("Policy")) or base.resource_policy,
        private="PRIVATE" in sequence(endpoint.get("Types")) or base.private,
        notes=(*notes, *base.notes),
    )


def _rest_authorizer(name: str, spec: Mapping[str, Any], resources: Resources) -> GatewayAuthorizer:
    kind = str(spec.get("Type", "")).upper()
    if kind == "COGNITO_USER_POOLS":
        return GatewayAuthorizer(name, "cognito", "cognito", (), 0)
    if kind not in {"TOKEN", "REQUEST"}:
        return GatewayAuthorizer(name, "unknown", kind.lower(), (), None)
    listed = spec.get("IdentitySource")
    texts = listed.split(",") if isinstance(listed, str) else []
    function = _function(spec.get("AuthorizerUri"), resources)
    return GatewayAuthorizer(
        name,
        "lambda",
        kind.lower(),
        tuple(identity_source(text.strip()) for text in texts if text.strip()),
        whole_number(spec.get("AuthorizerResultTtlInSeconds", _REST_TTL)),
        function=function,
        invoke_permission="AuthorizerCredentials" in spec or may_invoke(resources, function),
    )


def _path(resource_id: Any, api: str, resources: Resources) -> tuple[str, bool]:
    """The path of a method, walked up from its resource to the API's root."""
    parts: list[str] = []
    for _ in range(_DEPTH):
        if not isinstance(resource_id, Unresolved) or not resource_id.logical_ids:
            return "", False
        name = resource_id.logical_ids[0]
        if name == api:  # `!GetAtt Api.RootResourceId`
            return "/" + "/".join(reversed(parts)), True
        properties = mapping(resources[name]["Properties"]) if name in resources else {}
        if not isinstance(properties.get("PathPart"), str):
            return "", False
        parts.append(properties["PathPart"])
        resource_id = properties.get("ParentId")
    return "", False


def _method(key: str, path: str, method: Mapping[str, Any], authorizers: Mapping[str, GatewayAuthorizer]) -> Route:
    verb = str(method.get("HttpMethod", "")).upper()
    guard, authorizer = _route_guard(method, authorizers)
    preflight = verb == "OPTIONS" and str(mapping(method.get("Integration")).get("Type", "")).upper() == "MOCK"
    scopes = tuple(scope for scope in sequence(method.get("AuthorizationScopes")) if isinstance(scope, str))
    return Route(verb, path, guard, authorizer, scopes, truth(method.get("ApiKeyRequired", False)), key, preflight)


def _route_guard(
    spec: Mapping[str, Any], authorizers: Mapping[str, GatewayAuthorizer]
) -> tuple[Guard, str | None]:
    """What AuthorizationType says, and the authorizer of this template that AuthorizerId names."""
    kind = spec.get("AuthorizationType", "NONE")
    guard: Guard = _AUTHORIZATION.get(kind, "unknown") if isinstance(kind, str) else "unknown"
    reference = spec.get("AuthorizerId")
    names = reference.logical_ids if isinstance(reference, Unresolved) else ()
    return guard, next((name for name in names if name in authorizers), None)


def _v2(name: str, kind: ApiKind, properties: Mapping[str, Any], resources: Resources, files: Files) -> Api:
    """Return an HTTP or WebSocket API; of a WebSocket API only `$connect` is authorized."""
    notes: list[str] = []
    base = Api(name, kind, (), {})
    body = properties.get("Body")
    if body is not None:
        read, note = files.definition(body)
        notes += [note] if note else []
        base = base if read is None else read_definition(read, name=name, kind=kind)
    authorizers = dict(base.authorizers)
    for key, spec in _owned(resources, "AWS::ApiGatewayV2::Authorizer", "ApiId", name):
        authorizers[key] = _v2_authorizer(key, kind, spec, resources)
    routes = list(base.routes)
    for key, spec in _owned(resources, "AWS::ApiGatewayV2::Route", "ApiId", name):
        route_key = spec.get("RouteKey")
        if not isinstance(route_key, str) or (kind == "websocket" and route_key != "$connect"):
            continue
        method, _, path = route_key.rpartition(" ")
        if kind == "http" and not method:
            method = "ANY"  # the route key `$default`
        guard, authorizer = _route_guard(spec, authorizers)
        scopes = tuple(scope for scope in sequence(spec.get("AuthorizationScopes")) if isinstance(scope, str))
        routes.append(
            Route(method, path, guard, authorizer, scopes, truth(spec.get("ApiKeyRequired", False)), key)
        )
    if kind == "http" and isinstance(properties.get("Target"), Unresolved | str):
        routes.append(Route("ANY", "$default", "none", None, (), False, f"{name}.Target"))
    return Api(
        name, kind, tuple(routes), authorizers, cors=bool(properties.get("CorsConfiguration")), notes=tuple(notes)
    )


def _v2_authorizer(name: str, kind: ApiKind, spec: Mapping[str, Any], resources: Resources) -> GatewayAuthorizer:
    if spec.get("AuthorizerType") == "JWT":
        return jwt_authorizer(name, mapping(spec.get("JwtConfiguration")))
    texts = sequence(spec.get("IdentitySource"))
    function = _function(spec.get("AuthorizerUri"), resources)
    payload = spec.get("AuthorizerPayloadFormatVersion")
    return GatewayAuthorizer(
        name,
        "lambda",
        "request",
        tuple(identity_source(text) for text in texts if isinstance(text, str)),
        whole_number(spec.get("AuthorizerResultTtlInSeconds", 0)) if kind == "http" else 0,
        payload=str(payload) if isinstance(payload, str | int | float) else None,
        simple=truth(spec.get("EnableSimpleResponses", False)) if kind == "http" else None,
        function=function,
        invoke_permission="AuthorizerCredentialsArn" in spec or may_invoke(resources, function),
    )


def _graphql(name: str, properties: Mapping[str, Any], resources: Resources, files: Files) -> Api:
    guard: Guard = "none"
    authorizers = {}
    for mode in (
        properties,
        *(mapping(one) for one in sequence(properties.get("AdditionalAuthenticationProviders"))),
    ):
        if mode.get("AuthenticationType") == "AWS_LAMBDA":
            guard = "lambda"
            authorizers["AWS_LAMBDA"] = appsync_authorizer(mapping(mode.get("LambdaAuthorizerConfig")), resources)
    schema: dict[str, Any] = {"Resolvers": {}}
    for _, spec in _owned(resources, "AWS::AppSync::GraphQLSchema", "ApiId", name):
        schema["SchemaInline"] = spec.get("Definition")
        schema["SchemaUri"] = spec.get("DefinitionS3Location")
    for _, spec in _owned(resources, "AWS::AppSync::Resolver", "ApiId", name):
        kind, field = spec.get("TypeName"), spec.get("FieldName")
        if isinstance(kind, str) and isinstance(field, str):
            schema["Resolvers"].setdefault(kind, {})[field] = {}
    routes, known = schema_routes(schema, guard, name, files)
    return Api(name, "graphql", routes, authorizers, fields_known=known)


def appsync_authorizer(config: Mapping[str, Any], resources: Resources) -> GatewayAuthorizer:
    """Return AppSync's one Lambda authorizer; its cache key is the authorization token."""
    function = _function(config.get("AuthorizerUri"), resources)
    return GatewayAuthorizer(
        "AWS_LAMBDA",
        "lambda",
        "appsync",
        ("header:Authorization",),
        whole_number(config.get("AuthorizerResultTtlInSeconds", 0)),
        function=function,
        invoke_permission=may_invoke(resources, function, principal="appsync.amazonaws.com"),
    )


def _events(name: str, properties: Mapping[str, Any], resources: Resources) -> Api:
    """Return an AppSync Events API: connecting, publishing and subscribing each name their auth modes."""
    config = mapping(properties.get("EventConfig"))
    authorizers = {}
    for provider in sequence(config.get("AuthProviders")):
        if mapping(provider).get("AuthType") == "AWS_LAMBDA":
            authorizers["AWS_LAMBDA"] = appsync_authorizer(
                mapping(mapping(provider).get("LambdaAuthorizerConfig")), resources
            )

    def route(method: str, path: str, modes: Any) -> Route:
        kinds = [mapping(mode).get("AuthType") for mode in sequence(modes)]
        guard: Guard = "lambda" if "AWS_LAMBDA" in kinds else ("none" if not kinds else "unknown")
        return Route(method, path, guard, "AWS_LAMBDA" if guard == "lambda" else None, (), False, name)

    routes = [route("CONNECT", "", config.get("ConnectionAuthModes"))]
    for _, spec in _owned(resources, "AWS::AppSync::ChannelNamespace", "ApiId", name):
        namespace = spec.get("Name")
        if isinstance(namespace, str):
            publish = spec.get("PublishAuthModes") or config.get("DefaultPublishAuthModes")
            subscribe = spec.get("SubscribeAuthModes") or config.get("DefaultSubscribeAuthModes")
            routes.append(route("PUBLISH", f"/{namespace}/{{channel+}}", publish))
            routes.append(route("SUBSCRIBE", f"/{namespace}/{{channel+}}", subscribe))
    return Api(name, "events", tuple(routes), authorizers)
