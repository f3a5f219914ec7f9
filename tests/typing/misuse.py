"""Lines that a type checker must refuse: each carries the code of its error, and no other may appear."""

from lambda_authorizer import Authorizer, Principal, Request


def one_argument(principal: Principal) -> bool:
    """Take too little."""
    return bool(principal)


def swapped(request: Request, principal: Principal) -> bool:
    """Take them the wrong way round."""
    return bool(request and principal)


Authorizer.from_environment(check=one_argument)  # expect: arg-type
Authorizer.from_environment(check=swapped)  # expect: arg-type
Authorizer.from_environment("check")  # expect: arg-type
Authorizer.from_environment(None, None, True)  # expect: call-arg
Authorizer.from_environment(chek=None)  # expect: call-arg
Authorizer()  # expect: call-arg


def writes(principal: Principal, request: Request) -> None:
    """Change what is given."""
    principal.id = "other"  # expect: misc
    request.headers["authorization"] = ()  # expect: index
