"""An authorizer of one's own: the toolkit's layer, rules beside the code, and a check that can only narrow."""

from lambda_authorizer import Authorizer


def not_banned(principal, request):  # noqa: ANN001, ANN201, ARG001, D103 - the five lines of the documentation
    return principal.claims.get("banned") is not True


lambda_handler = Authorizer.from_environment(check=not_banned).handle
