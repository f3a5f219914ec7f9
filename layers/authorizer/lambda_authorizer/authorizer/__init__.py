"""The route of the data: event → answer. The only package that joins the edges to the stages."""

from lambda_authorizer.authorizer.route import Authorizer, Unauthorized

__all__ = ["Authorizer", "Unauthorized"]
