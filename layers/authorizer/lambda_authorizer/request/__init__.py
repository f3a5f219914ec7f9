"""Events of all front ends, read once into one `Request`; and the caller's credential taken out of it."""

from lambda_authorizer.request.credential import PLACES, CredentialSource, Place, credential, is_cache_key
from lambda_authorizer.request.event import fits_route_key, parse_event
from lambda_authorizer.request.model import KINDS, AppSyncCall, ClientCertificate, Kind, Request

__all__ = [
    "KINDS",
    "PLACES",
    "AppSyncCall",
    "ClientCertificate",
    "CredentialSource",
    "Kind",
    "Place",
    "Request",
    "credential",
    "fits_route_key",
    "is_cache_key",
    "parse_event",
]
