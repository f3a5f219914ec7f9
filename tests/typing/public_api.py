"""Lines that a user's type checker must accept."""

from collections.abc import Mapping  # noqa: TC003 - written as users write it

from lambda_authorizer import (
    Authorizer,
    AuthorizerError,
    ConfigurationError,
    Principal,
    Request,
    Unauthorized,
    __version__,
)


def not_banned(principal: Principal, request: Request) -> bool:
    """Return whether a caller is not banned."""
    headers: Mapping[str, tuple[str, ...]] = request.headers
    return principal.claims.get("banned") is not True and "x-banned" not in headers


def start() -> Authorizer:
    """Return an authorizer with everything that can be said."""
    return Authorizer.from_environment(check=not_banned, environ={"ISSUER": "x"}, usage_keys=True)


def answer(event: dict[str, object], context: object) -> dict[str, object]:
    """Return an answer, or raise what Lambda reports."""
    try:
        return start().handle(event, context)
    except Unauthorized:
        raise
    except ConfigurationError as error:
        places: tuple[str, str, int | None] = (error.file, error.key, error.line)
        raise RuntimeError(places) from None
    except AuthorizerError as error:
        reason: str = error.reason
        raise RuntimeError(reason) from None


lambda_handler = Authorizer.from_environment(
    check=lambda principal, request: bool(principal.id and request.kind)
).handle
version: str = __version__
