"""Rules that are not in the package come through AWS's own clients; a service on loopback plays AWS."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.authorizer_parts import RULES

from lambda_authorizer import Authorizer
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.settings import in_directory
from lambda_authorizer.settings.remote import fetch_remote
from lambda_authorizer.testing import events, iam
from lambda_authorizer.testing.issuer import FakeIssuer

TEXT = b'schema = 1\n[[rule]]\nname = "r"\n'


class Service(BaseHTTPRequestHandler):
    """Answers one call of each of the three services, in their own protocols."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Parameter Store's GetParameter and AppConfig's StartConfigurationSession."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/configurationsessions":
            self.answer(
                201, json.dumps({"InitialConfigurationToken": asked["ConfigurationProfileIdentifier"]}).encode()
            )
        elif asked["Name"] == "/shop/rules" and asked["WithDecryption"] is True:
            self.answer(200, json.dumps({"Parameter": {"Name": asked["Name"], "Value": TEXT.decode()}}).encode())
        elif asked["Name"] == "/full":
            self.answer(200, json.dumps({"Parameter": {"Name": asked["Name"], "Value": RULES}}).encode())
        elif asked["Name"] == "/empty":
            self.answer(200, json.dumps({"Parameter": {"Name": asked["Name"], "Value": ""}}).encode())
        else:
            self.answer(400, json.dumps({"__type": "ParameterNotFound"}).encode())

    def do_GET(self) -> None:
        """AppConfig's GetLatestConfiguration and S3's GetObject."""
        if self.path.startswith("/configuration?"):
            body = TEXT if self.path.endswith("profile") else b""
            self.answer(200, body, "application/toml", Next_Poll_Configuration_Token="next")
        elif "rules.toml" in self.path and "shop" in self.path + self.headers["Host"]:
            self.answer(200, TEXT, "application/toml")
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    """Run the service, with an environment that leads every AWS client to it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = dict(os.environ)
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="eu-west-1",
        AWS_MAX_ATTEMPTS="1",
        AWS_EC2_METADATA_DISABLED="true",
    )
    yield
    os.environ.clear()
    os.environ.update(before)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("place", ["ssm:/shop/rules", "appconfig:app/env/profile", "s3://shop/rules.toml"])
def test_rules_are_fetched(place):
    """Byte for byte."""
    assert fetch_remote(place) == TEXT


@pytest.mark.parametrize("place", ["ssm:/none", "ssm:/empty", "appconfig:app/env/none", "s3://shop/none.toml"])
def test_rules_that_cannot_be_had_stop_the_function(place):
    """The message names the place and the class of the error, and nothing that a service said."""
    with pytest.raises(ConfigurationError) as caught:
        fetch_remote(place)
    assert caught.value.key == "AUTHORIZER_RULES"
    assert place in caught.value.found
    assert "which gave nothing" in caught.value.found
    assert caught.value.__cause__ is None


def test_a_function_starts_on_rules_from_parameter_store():
    """And answers by them."""
    issuer = FakeIssuer()
    environ = issuer.settings | {
        "AUTHORIZER_RULES": "ssm:/full",
        "AUTHORIZER_RESULT_TTL": "300",
        "AUTHORIZER_TELEMETRY": "plain",
    }
    authorizer = Authorizer.from_environment(environ=environ)
    event = events.token_event(f"Bearer {issuer.mint({'scope': 'orders:read'})}", "GET", "/orders")
    assert iam.evaluate(authorizer.handle(event)["policyDocument"], event["methodArn"]).allowed


def test_relative_names_start_at_the_functions_folder():
    """Absolute ones do not."""
    assert in_directory("/var/task", "rules.toml") == "/var/task/rules.toml"
    assert in_directory("/var/task", "/etc/rules.toml") == "/etc/rules.toml"
