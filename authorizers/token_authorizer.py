"""REST API, authorizer of type TOKEN: the token is all that the function is sent."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment().handle
