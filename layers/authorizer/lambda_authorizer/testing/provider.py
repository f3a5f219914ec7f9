"""A `FakeIssuer` behind a socket of this machine: what a function needs to talk to a real OpenID provider.

It answers discovery (OpenID Connect Discovery 1.0, RFC 8414), the key set, `client_credentials` (RFC 6749,
section 4.4), introspection (RFC 7662) and revocation (RFC 7009); its keys can be rotated and it can be broken. It
listens on loopback only and is no identity provider for anything but tests.

    python -m lambda_authorizer.testing.provider      # settings: see `main`
"""

import base64
import binascii
import json
import os
import secrets
import ssl
import sys
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TextIO

from lambda_authorizer.testing.issuer import FakeIssuer, Json

_BODY_LIMIT = 65_536


class Client(NamedTuple):
    """One client of the token endpoint."""

    id: str
    secret: str
    scope: str = ""
    claims: Mapping[str, object] = {}
    """Laid over the access token's own claims."""


class Answer(NamedTuple):
    """Status and JSON body."""

    status: int
    body: object


def _error(status: int, code: str) -> Answer:
    return Answer(status, {"error": code})


class Provider:
    """The issuer's endpoints, without any socket; `serve` adds one.

    Args:
        issuer: signs; its `url` is the issuer's address.
        clients: who may ask for tokens.
        opaque: resource whose tokens are opaque, to be introspected.
        lifetime: of an access token, in seconds.
    """

    def __init__(
        self,
        issuer: FakeIssuer,
        clients: tuple[Client, ...] = (),
        *,
        opaque: str = "https://opaque.example",
        lifetime: int = 300,
    ) -> None:
        self.issuer = issuer
        self.clients = {client.id: client for client in clients}
        self.opaque = opaque
        self.lifetime = lifetime
        self.status = 0
        """Any other value answers everything with that status: an outage."""
        self.requests: Counter[str] = Counter()
        """How often each path was asked for."""
        self._active: dict[str, Json] = {}
        self._lock = threading.Lock()
        self._endpoints = {"/token": self._token, "/introspect": self._introspect, "/revoke": self._revoke}

    @property
    def _base(self) -> str:
        return self.issuer.url.rstrip("/")

    def metadata(self) -> Json:
        """Return the discovery document."""
        return {
            "issuer": self.issuer.url,
            "jwks_uri": f"{self._base}/jwks",
            "token_endpoint": f"{self._base}/token",
            "introspection_endpoint": f"{self._base}/introspect",
            "revocation_endpoint": f"{self._base}/revoke",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.issuer.algorithm],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def answer(self, method: str, target: str, form: Mapping[str, str], authorization: str) -> Answer:
        """Return what one request gets.

        Args:
            method: GET or POST.
            target: the request target; its query is ignored.
            form: the decoded form of a POST, or the decoded JSON object of a control request.
            authorization: the Authorization header, or the empty string.
        """
        path = urllib.parse.urlsplit(target).path
        with self._lock:
            if path.startswith("/control/"):
                return self._control(method, path.removeprefix("/control/"), form)
            self.requests[path] += 1
            if self.status:
                return Answer(self.status, {})
            root = urllib.parse.urlsplit(self._base).path
            if method == "GET":
                return self._document(path, root)
            if path.removeprefix(root) not in self._endpoints:
                return _error(404, "not_found")
            client = self._client(form, authorization)
            if client is None:
                return _error(401, "invalid_client")
            return self._endpoints[path.removeprefix(root)](client, form)

    def _document(self, path: str, root: str) -> Answer:
        if path in {
            f"{root}/.well-known/openid-configuration",
            f"{root}/.well-known/oauth-authorization-server",
            f"/.well-known/oauth-authorization-server{root}",
        }:
            return Answer(200, self.metadata())
        return Answer(200, self.issuer.jwks) if path == f"{root}/jwks" else _error(404, "not_found")

    def _client(self, form: Mapping[str, str], authorization: str) -> Client | None:
        """Return the client that these credentials prove (RFC 6749, section 2.3.1)."""
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            name, secret = urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)
        client = self.clients.get(name)
        known = client.secret if client else ""
        return client if secrets.compare_digest(known.encode(), secret.encode()) else None

    def _token(self, client: Client, form: Mapping[str, str]) -> Answer:
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type")
        scope = form.get("scope", client.scope)
        if not set(scope.split()) <= set(client.scope.split()):
            return _error(400, "invalid_scope")
        own = {"sub": client.id, "client_id": client.id, "scope": scope or None, "jti": secrets.token_hex(8)}
        claims = own | dict(client.claims)
        if form.get("resource") == self.opaque:
            token = secrets.token_urlsafe(32)
            self._active[token] = self.issuer.claims(
                claims | {"aud": self.opaque, "token_type": "Bearer"}, lifetime=self.lifetime
            )
        else:
            token = self.issuer.mint(claims, lifetime=self.lifetime)
        return Answer(
            200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime, "scope": scope}
        )

    def _introspect(self, _client: Client, form: Mapping[str, str]) -> Answer:
        found = self._active.get(form.get("token", ""))
        if found is None or found["exp"] <= self.issuer.clock():
            return Answer(200, {"active": False})
        return Answer(200, {"active": True, **found})

    def _revoke(self, _client: Client, form: Mapping[str, str]) -> Answer:
        self._active.pop(form.get("token", ""), None)
        return Answer(200, {})

    def _control(self, method: str, action: str, given: Mapping[str, Any]) -> Answer:
        """Rotate, break or describe the provider, as the Node provider of the tests does."""
        kids = [key.kid for key in self.issuer.keys]
        if (method, action) == ("GET", "state"):
            return Answer(200, {"kids": kids, "requests": dict(self.requests)})
        if (method, action) == ("POST", "rotate"):
            key = self.issuer.rotate(keep=bool(given.get("keep", True)))
            return Answer(200, {"kid": key.kid, "kids": [one.kid for one in self.issuer.keys]})
        if (method, action) == ("POST", "clients"):
            client = client_from(given)
            self.clients[client.id] = client
            return Answer(200, {"id": client.id})
        if (method, action) == ("POST", "break"):
            self.status = int(given.get("status", 503))
            return Answer(200, {"status": self.status})
        return _error(404, "not_found")


def client_from(table: Mapping[str, Any]) -> Client:
    """Return a client from its JSON object: id, secret, scope, claims, and sub as a claim."""
    claims = dict(table.get("claims", {}))
    if "sub" in table:
        claims["sub"] = table["sub"]
    return Client(str(table["id"]), str(table["secret"]), str(table.get("scope", "")), claims)


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    """Return the request handler class of one provider."""

    class Handler(BaseHTTPRequestHandler):
        """Reads one request, asks the provider, writes JSON."""

        server_version = "FakeIssuer"
        sys_version = ""

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(min(length, _BODY_LIMIT)).decode()
            given: Mapping[str, str] = (
                json.loads(body or "{}")
                if self.path.startswith("/control/")
                else dict(urllib.parse.parse_qsl(body))
            )
            found = provider.answer(self.command, self.path, given, self.headers.get("authorization", ""))
            data = json.dumps(found.body).encode()
            self.send_response(found.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.send_header("cache-control", "no-store" if self.command == "POST" else "max-age=300")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's signature
            """Print nothing: a request may hold a credential."""

    return Handler


@contextmanager
def serve(
    provider: Provider, *, port: int = 0, tls: tuple[str, str] | None = None, follow_address: bool = True
) -> Iterator[str]:
    """Serve a provider on 127.0.0.1 and give its address; it is gone when the block ends.

    Args:
        provider: answers.
        port: to listen on; 0 takes a free one.
        tls: paths of certificate and key, for https.
        follow_address: the issuer's `url` becomes the address, as discovery wants it.
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(provider))
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    if follow_address:
        provider.issuer.url = address
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(environment: Mapping[str, str], wait: TextIO) -> None:
    """Serve until `wait` ends, with the settings and first line of output of the Node provider in tests/idp.

    Settings: IDP_PORT, IDP_ISSUER, IDP_ALG, IDP_AUDIENCE, IDP_OPAQUE, IDP_TTL, IDP_CLIENTS, IDP_TLS_CERT,
    IDP_TLS_KEY, all with defaults.
    """
    issuer = FakeIssuer(
        environment.get("IDP_ISSUER", ""),
        audience=environment.get("IDP_AUDIENCE", "https://api.airline.example"),
        algorithm=environment.get("IDP_ALG", "RS256"),
    )
    provider = Provider(
        issuer,
        tuple(map(client_from, json.loads(environment.get("IDP_CLIENTS", "[]")))),
        opaque=environment.get("IDP_OPAQUE", "https://opaque.airline.example"),
        lifetime=int(environment.get("IDP_TTL", "300")),
    )
    certificate = environment.get("IDP_TLS_CERT")
    tls = (certificate, environment["IDP_TLS_KEY"]) if certificate else None
    port = int(environment.get("IDP_PORT", "0"))
    with serve(provider, port=port, tls=tls, follow_address=not issuer.url) as address:
        port = int(address.rpartition(":")[2])
        line = {"issuer": issuer.url, "url": address, "port": port, "kid": issuer.key.kid}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        # Whoever started this holds the other end of the pipe; when they are gone, so is the provider.
        wait.read()


if __name__ == "__main__":  # pragma: no cover - runs in a process of its own, in a test
    main(os.environ, sys.stdin)
