"""HTTP API, payload format 2.0 with simple responses (AUTHORIZER_RESPONSE=simple), or 1.0 and 2.0 with policies."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment().handle
