"""Events of all front ends, read once into one `Request`; and the caller's credential taken out of it."""

from lambda_authorizer.request.credential import PLACES, CredentialSource, credential, is_cache_key
from lambda_authorizer.request.event import parse_event
from lambda_authorizer.request.model import KINDS, AppSyncCall, ClientCertificate, Kind, Request

__all__ = [
    "KINDS",
    "PLACES",
    "AppSyncCall",
    "ClientCertificate",
    "CredentialSource",
    "Kind",
    "Request",
    "credential",
    "is_cache_key",
    "parse_event",
]
