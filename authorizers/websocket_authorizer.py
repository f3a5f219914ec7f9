"""WebSocket API: asked once, when a client connects."""

from lambda_authorizer import Authorizer

lambda_handler = Authorizer.from_environment().handle
