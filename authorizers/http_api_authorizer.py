"""HTTP API, payload format 2.0 with simple responses or, by AUTHORIZER_RESPONSE, with policies."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment().handle
