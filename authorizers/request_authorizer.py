"""REST API, authorizer of type REQUEST: headers, query and client certificate are at hand as well."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment().handle
