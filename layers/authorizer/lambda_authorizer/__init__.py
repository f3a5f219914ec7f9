"""Answer one question for API Gateway and AppSync: may this caller make this call?

    from lambda_authorizer import Authorizer

    lambda_handler = Authorizer.from_environment().handle

The public names are loaded when they are first asked for, so that importing one module of the package (the rules
compiler, the testing kit) does not pay for the others.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambda_authorizer.authorizer import Authorizer, Unauthorized
    from lambda_authorizer.errors import AuthorizerError, ConfigurationError
    from lambda_authorizer.principal import Principal
    from lambda_authorizer.request import Request
    from lambda_authorizer.version import __version__

__all__ = [
    "Authorizer",
    "AuthorizerError",
    "ConfigurationError",
    "Principal",
    "Request",
    "Unauthorized",
    "__version__",
]

_HOMES = {
    "Authorizer": "authorizer",
    "AuthorizerError": "errors",
    "ConfigurationError": "errors",
    "Principal": "principal",
    "Request": "request",
    "Unauthorized": "authorizer",
    "__version__": "version",
}


def __getattr__(name: str) -> Any:
    """Return a public name, importing the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # already loaded by the interpreter; named here for its one reader

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)
