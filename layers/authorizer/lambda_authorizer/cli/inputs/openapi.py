"""OpenAPI 3 (and Swagger 2 exports) with API Gateway's extensions, read as an `Api`.

A document without extensions still tells routes and scopes; its schemes are then only declared, not enforced.
Root-level `security` is no guard: API Gateway's import ignores it, so a method that relies on it is open.
Source: API Gateway developer guide, "OpenAPI extensions" and "known issues".
"""

from collections.abc import Mapping
from typing import Any

from lambda_authorizer.cli.inputs.intrinsics import Unresolved
from lambda_authorizer.cli.inputs.loader import load_document
from lambda_authorizer.cli.inputs.model import (
    HTTP_METHODS,
    Api,
    ApiKind,
    Document,
    GatewayAuthorizer,
    Guard,
    Route,
    identity_source,
)
from lambda_authorizer.errors import ConfigurationError

_ANY = "x-amazon-apigateway-any-method"
_REST_TTL = 300  # what API Gateway takes when a REST authorizer says nothing


def read_openapi(text: str, *, file: str) -> Document:
    """Return what an OpenAPI document says.

    Raises:
        ConfigurationError: it is no OpenAPI 3 or Swagger 2 document.
    """
    definition = load_document(text, file=file)
    version = str(definition.get("openapi", definition.get("swagger", "")))
    if not version.startswith(("3.", "2.")):
        raise ConfigurationError(file, "openapi", repr(version) if version else "nothing", "3.0, 3.1 or 2.0")
    title = mapping(definition.get("info")).get("title")
    return Document(file, (read_definition(definition, name=str(title or file)),), {})


def read_definition(definition: Mapping[str, Any], *, name: str, kind: ApiKind | None = None) -> Api:
    """Return the API of one definition, whether it stands alone or inside a template."""
    schemes = mapping(mapping(definition.get("components")).get("securitySchemes"))
    schemes = schemes or mapping(definition.get("securityDefinitions"))
    paths = mapping(definition.get("paths"))
    if kind is None:
        kind = "http" if _is_http_api(definition, schemes, paths) else "rest"
    authorizers = {key: _authorizer(key, mapping(scheme), kind) for key, scheme in schemes.items()}
    routes: list[Route] = []
    notes: list[str] = []
    root = definition.get("security")
    for path, item in paths.items():
        for key, operation in mapping(item).items():
            method = "ANY" if key == _ANY else str(key).upper()
            if method not in HTTP_METHODS and method != "ANY":
                continue
            routes.append(_route(method, str(path), mapping(operation), schemes, authorizers))
            if root and "security" not in mapping(operation):
                notes.append(f"{routes[-1].text} relies on the root-level `security`, which API Gateway ignores")
    policy = definition.get("x-amazon-apigateway-policy")
    source = definition.get("x-amazon-apigateway-api-key-source")
    return Api(
        name,
        kind,
        tuple(routes),
        {key: value for key, value in authorizers.items() if value.kind or value.issuer},
        key_source=source.upper() if isinstance(source, str) else None,
        resource_policy=policy is not None and policy != {},
        private=bool(mapping(definition.get("x-amazon-apigateway-endpoint-configuration")).get("vpcEndpointIds")),
        notes=tuple(notes),
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """Return the value if it is a list, a text as a list of one, else an empty list."""
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, list | tuple) else []


def whole_number(value: Any) -> int | None:
    """Return an integer written as a number or as text, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def truth(value: Any) -> bool | None:
    """Return a boolean written as one or as text, else None."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def jwt_authorizer(name: str, configuration: Mapping[str, Any]) -> GatewayAuthorizer:
    """Return an HTTP API's own JWT authorizer, with the issuer and audience it trusts."""
    lower = {str(key).lower(): value for key, value in configuration.items()}
    issuer, listed = lower.get("issuer"), sequence(lower.get("audience"))
    return GatewayAuthorizer(
        name,
        "jwt",
        "jwt",
        (),
        0,
        issuer=issuer if isinstance(issuer, str) else None,
        audience=tuple(one for one in listed if isinstance(one, str)),
    )


def _openid(scheme: Mapping[str, Any]) -> str | None:
    """Return the issuer of an `openIdConnect` scheme."""
    url = scheme.get("openIdConnectUrl")
    suffix = "/.well-known/openid-configuration"
    return url.removesuffix(suffix) if isinstance(url, str) and url.endswith(suffix) else None


def _is_http_api(definition: Mapping[str, Any], schemes: Mapping[str, Any], paths: Mapping[str, Any]) -> bool:
    """Tell an HTTP API's document from a REST API's by what only the former may hold."""
    if "$default" in paths or "x-amazon-apigateway-cors" in definition:
        return True
    for scheme in schemes.values():
        extension = mapping(mapping(scheme).get("x-amazon-apigateway-authorizer"))
        source = extension.get("identitySource")
        texts = sequence(source)
        if "authorizerPayloadFormatVersion" in extension or extension.get("type") == "jwt":
            return True
        if any(isinstance(text, str) and text.startswith("$") for text in texts):
            return True
    return False


def _authorizer(name: str, scheme: Mapping[str, Any], kind: ApiKind) -> GatewayAuthorizer:
    """Return a security scheme as the gateway takes it; `kind` is empty where the gateway does nothing with it."""
    extension = mapping(scheme.get("x-amazon-apigateway-authorizer"))
    authtype = scheme.get("x-amazon-apigateway-authtype")
    said = str(extension.get("type", "")).lower()
    if authtype == "awsSigv4":
        return GatewayAuthorizer(name, "iam", "iam", (), 0)
    if scheme.get("type") == "apiKey" and not extension and scheme.get("name") == "x-api-key":
        return GatewayAuthorizer(name, "api-key", "", (), 0)
    if not extension:
        return GatewayAuthorizer(name, "declared", "", (), None, issuer=_openid(scheme))
    if said == "cognito_user_pools":
        return GatewayAuthorizer(name, "cognito", "cognito", (), 0)
    if said == "jwt":
        return jwt_authorizer(name, mapping(extension.get("jwtConfiguration")))
    if said not in {"token", "request"}:
        return GatewayAuthorizer(name, "unknown", said, (), None)
    ttl = extension.get("authorizerResultTtlInSeconds", _REST_TTL if kind == "rest" else 0)
    uri = extension.get("authorizerUri")
    function = uri.logical_ids[0] if isinstance(uri, Unresolved) and uri.logical_ids else None
    payload = extension.get("authorizerPayloadFormatVersion")
    simple = extension.get("enableSimpleResponses", False)
    return GatewayAuthorizer(
        name,
        "lambda",
        said,
        _sources(said, scheme, extension),
        whole_number(ttl),
        payload=str(payload) if payload is not None else None,
        simple=truth(simple) if kind == "http" else None,
        function=function,
    )


def _sources(said: str, scheme: Mapping[str, Any], extension: Mapping[str, Any]) -> tuple[str, ...]:
    """A TOKEN authorizer reads the one header its scheme names; a REQUEST one what `identitySource` lists."""
    if said == "token":
        return (f"header:{scheme.get('name', 'Authorization')}",)
    listed = extension.get("identitySource", ())
    texts = listed.split(",") if isinstance(listed, str) else sequence(listed)
    return tuple(identity_source(text.strip()) for text in texts if isinstance(text, str) and text.strip())


def _route(
    method: str,
    path: str,
    operation: Mapping[str, Any],
    schemes: Mapping[str, Any],
    authorizers: Mapping[str, GatewayAuthorizer],
) -> Route:
    """Return one operation; the alternatives of its `security` count as one list, as API Gateway takes them."""
    scopes: list[str] = []
    named: list[str] = []
    for alternative in sequence(operation.get("security")):
        for scheme, wanted in mapping(alternative).items():
            named.append(str(scheme))
            scopes += [str(scope) for scope in sequence(wanted) if str(scope) not in scopes]
    guard, authorizer = _guard(named, schemes, authorizers)
    if operation.get("x-amazon-apigateway-auth") and guard in {"none", "declared"}:
        said = str(mapping(operation["x-amazon-apigateway-auth"]).get("type", "")).lower()
        guard = "iam" if said == "aws_iam" else guard
    integration = mapping(operation.get("x-amazon-apigateway-integration"))
    preflight = method == "OPTIONS" and str(integration.get("type", "")).lower() == "mock"
    api_key = any(authorizers[one].guard == "api-key" for one in named if one in authorizers)
    return Route(method, path, guard, authorizer, tuple(scopes), api_key, f"paths.{path}", preflight)


def _guard(
    named: list[str], schemes: Mapping[str, Any], authorizers: Mapping[str, GatewayAuthorizer]
) -> tuple[Guard, str | None]:
    """The strongest thing the gateway enforces among the schemes named; an API key alone is no guard."""
    order: tuple[Guard, ...] = ("lambda", "cognito", "jwt", "iam", "unknown", "declared")
    guards: dict[Guard, str] = {}
    for name in named:
        guard: Guard = authorizers[name].guard if name in schemes else "unknown"
        guards.setdefault(guard, name)
    return next(((guard, guards[guard]) for guard in order if guard in guards), ("none", None))
