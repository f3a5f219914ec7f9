"""REST API, authorizer of type REQUEST whose answer names the API key of the caller's tier."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment(usage_keys=True).handle
