"""Events of all front ends, read once into one `Request`."""

from lambda_authorizer.request.model import AppSyncCall, ClientCertificate, Kind, Request

__all__ = ["AppSyncCall", "ClientCertificate", "Kind", "Request"]
