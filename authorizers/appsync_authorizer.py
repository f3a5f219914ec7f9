"""AppSync, GraphQL and Event APIs."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment().handle
