"""What a deployed API looks like, read from its template or its OpenAPI document.

Laws of this package: pure functions from text to data, no AWS call, no network; the only file that is opened
is one that the template itself includes, through the `read` function the caller hands in. What cannot be read is
said (`Api.notes`), never guessed.
"""

from lambda_authorizer.cli.inputs.cloudformation import read_template
from lambda_authorizer.cli.inputs.model import Api, Document, GatewayAuthorizer, Route
from lambda_authorizer.cli.inputs.openapi import read_openapi

__all__ = ["Api", "Document", "GatewayAuthorizer", "Route", "read_openapi", "read_template"]
