"""Where the values of usage keys come from, and that nobody sees them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch.secrets import Service, UnavailableError, secret_text, usage_key_values

SOURCE = Path(__file__).parents[2] / "layers" / "authorizer"
GOLD = "gold-key-value-000000001"
SILVER = "silver-key-value-00000001"
REFERENCES = {"gold": "secretsmanager:airline/gold-key", "silver": "ssm:/airline/silver key"}
TOKEN = "session-token-of-the-sandbox"


class Extension(BaseHTTPRequestHandler):
    """Stands in for the extension's endpoint, request by request."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        """Answer with the next prepared answer, the last one for ever."""
        self.seen.append((self.path, self.headers["X-Aws-Parameters-Secrets-Token"]))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def extension() -> Iterator[dict[str, str]]:
    """Return the environment of a sandbox whose extension listens."""
    Extension.answers, Extension.seen = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Extension)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    yield {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(port), "AWS_SESSION_TOKEN": TOKEN}
    server.shutdown()
    server.server_close()


def sdk(service: Service, name: str) -> str:
    """Answer as AWS would."""
    return {("secretsmanager", "airline/gold-key"): GOLD, ("ssm", "/airline/silver key"): SILVER}[service, name]


def forbidden(_service: Service, _name: str) -> str:
    """Fail the test: the SDK must not be asked here."""
    pytest.fail("the SDK was asked")


def secret(value: str) -> bytes:
    """Return an answer of Secrets Manager."""
    return json.dumps({"Name": "airline/gold-key", "SecretString": value}).encode()


def parameter(value: str) -> bytes:
    """Return an answer of Parameter Store."""
    return json.dumps({"Parameter": {"Name": "/airline/silver-key", "Value": value}}).encode()


def test_local_values_win() -> None:
    """A value given for a local run is used and no source is asked."""
    keys = usage_key_values(REFERENCES, {"gold": GOLD, "silver": SILVER}, environ={}, sdk=forbidden)
    assert dict(keys) == {"gold": GOLD, "silver": SILVER}


def test_only_tiers_with_a_reference_have_a_value() -> None:
    """A local value for a tier that the rules do not name is not used."""
    assert dict(usage_key_values({}, {"gold": GOLD}, environ={}, sdk=forbidden)) == {}


def test_without_an_extension_the_sdk_is_asked() -> None:
    """Both services are read through the SDK, each by its own name."""
    keys = usage_key_values(REFERENCES, {}, environ={}, sdk=sdk)
    assert (keys["gold"], keys["silver"], len(keys)) == (GOLD, SILVER, 2)
    assert keys.get("standard") is None


def test_the_extension_answers_without_an_sdk(extension: dict[str, str]) -> None:
    """Where the extension listens, one local GET a key is all, with the sandbox's own session token."""
    Extension.answers = [(200, secret(GOLD)), (200, parameter(SILVER + "\n"))]
    keys = usage_key_values(REFERENCES, {}, environ=extension, sdk=forbidden)
    assert dict(keys) == {"gold": GOLD, "silver": SILVER}
    assert Extension.seen == [
        ("/secretsmanager/get?secretId=airline%2Fgold-key", TOKEN),
        ("/systemsmanager/parameters/get?name=%2Fairline%2Fsilver%20key&withDecryption=true", TOKEN),
    ]


def test_an_extension_that_is_not_ready_is_asked_again_when_the_key_is_needed(extension: dict[str, str]) -> None:
    """During INIT the extension may refuse; the value is then read once, at the first call that needs it."""
    Extension.answers = [(400, b"not ready to serve traffic, please wait"), (200, secret(GOLD))]
    keys = usage_key_values({"gold": REFERENCES["gold"]}, {}, environ=extension, sdk=forbidden)
    assert list(keys) == ["gold"]
    assert [keys["gold"], keys["gold"]] == [GOLD, GOLD]
    assert len(Extension.seen) == 2


def test_an_extension_that_never_gets_ready_costs_the_sdk(extension: dict[str, str]) -> None:
    """Inside an invocation a refusal is final: the SDK answers."""
    Extension.answers = [(400, b"not ready to serve traffic, please wait")]
    keys = usage_key_values({"gold": REFERENCES["gold"]}, {}, environ=extension, sdk=sdk)
    assert keys["gold"] == GOLD


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"AccessDenied"),
        (200, b"no json"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"SecretString": 7}'),
        (200, b'{"SecretBinary": "AA=="}'),
        (200, b" " * (1 << 18)),
    ],
)
def test_an_extension_that_answers_nonsense_costs_the_sdk(
    extension: dict[str, str], status: int, body: bytes
) -> None:
    """An error, no JSON, another shape or an endless answer leads to the SDK, never to a guess."""
    Extension.answers = [(status, body)]
    assert usage_key_values({"gold": REFERENCES["gold"]}, {}, environ=extension, sdk=sdk)["gold"] == GOLD


def test_a_parameter_of_another_shape_costs_the_sdk(extension: dict[str, str]) -> None:
    """Parameter Store's answer must have its one documented shape."""
    Extension.answers = [(200, b'{"Parameter": "text"}')]
    assert usage_key_values({"silver": REFERENCES["silver"]}, {}, environ=extension, sdk=sdk)["silver"] == SILVER


def test_an_extension_that_is_gone_costs_the_sdk(extension: dict[str, str]) -> None:
    """A port nobody listens on is no reason to fail."""
    dead = {**extension, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "1"}
    assert usage_key_values({"gold": REFERENCES["gold"]}, {}, environ=dead, sdk=sdk)["gold"] == GOLD


@pytest.mark.parametrize("port", ["", "http", "-1"])
def test_a_port_that_is_none_is_not_asked(extension: dict[str, str], port: str) -> None:
    """A malformed port of the extension is the same as none."""
    odd = {**extension, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port}
    assert usage_key_values({"gold": REFERENCES["gold"]}, {}, environ=odd, sdk=sdk)["gold"] == GOLD
    assert Extension.seen == []


@pytest.mark.parametrize("reference", ["", "gold", "secretsmanager:", "s3:bucket/key", ":name"])
def test_a_malformed_reference_stops_the_start(reference: str) -> None:
    """The message names the tier, what was found and what is allowed."""
    with pytest.raises(ConfigurationError, match=r"rules\.toml: tiers\.usage_keys\.gold: .*secretsmanager:NAME"):
        usage_key_values({"gold": reference}, {}, environ={}, sdk=forbidden)


def test_no_answer_stops_the_start() -> None:
    """A key that cannot be read is an error at start, naming the tier and the kind of failure."""

    def refuse(_service: Service, _name: str) -> str:
        raise UnavailableError("no answer (GetParameterError)")

    with pytest.raises(
        ConfigurationError, match=r"tiers\.usage_keys\.gold: found no answer \(GetParameterError\)"
    ):
        usage_key_values({"gold": REFERENCES["gold"]}, {}, environ={}, sdk=refuse)


@pytest.mark.parametrize("value", ["", "\n", "with space", "with\ttab", "x" * 129, "schlüssel", "a\nb"])
def test_a_value_that_is_no_api_key_is_refused_unseen(value: str) -> None:
    """An unusable value stops the start, and the message does not hold it."""
    with pytest.raises(ConfigurationError) as caught:
        usage_key_values({"gold": REFERENCES["gold"]}, {}, environ={}, sdk=lambda _service, _name: value)
    assert "hidden" in str(caught.value)
    assert not value.strip() or value.strip() not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_local_value_that_is_no_api_key_is_refused_too() -> None:
    """The message then names the environment."""
    with pytest.raises(ConfigurationError, match=r"^environment: "):
        usage_key_values(REFERENCES, {"gold": "with space"}, environ={}, sdk=forbidden)


def test_printing_shows_no_value(extension: dict[str, str]) -> None:
    """Neither `repr` nor `str` nor a format shows a value or what is still to be read."""
    Extension.answers = [(400, b"not ready")]
    keys = usage_key_values(REFERENCES, {"gold": GOLD}, environ=extension, sdk=sdk)
    assert {repr(keys), str(keys), f"{keys}"} == {"UsageKeys(<2 hidden>)"}
    assert keys["silver"] == SILVER


PEM = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def test_a_secret_text_is_given_as_it_is(extension: dict[str, str]) -> None:
    """A secret of any form, line breaks included, comes from the extension unchanged."""
    Extension.answers = [(200, secret(PEM))]
    assert secret_text(REFERENCES["gold"], environ=extension, sdk=forbidden) == PEM


@pytest.mark.parametrize("answer", [(400, b"not ready"), (500, b"")])
def test_a_secret_text_comes_from_the_sdk_where_the_extension_has_none(
    extension: dict[str, str], answer: tuple[int, bytes]
) -> None:
    """An extension that is not ready, or refuses, costs the SDK."""
    Extension.answers = [answer]
    assert secret_text(REFERENCES["silver"], environ=extension, sdk=sdk) == SILVER
    assert secret_text(REFERENCES["silver"], environ={}, sdk=sdk) == SILVER


def test_a_secret_text_of_a_malformed_reference_is_unavailable() -> None:
    """What is no reference is refused without asking anybody."""
    with pytest.raises(UnavailableError, match="secretsmanager:NAME"):
        secret_text("vault:name", environ={}, sdk=forbidden)


class Aws(BaseHTTPRequestHandler):
    """Answers like Secrets Manager and Parameter Store."""

    def do_POST(self) -> None:
        """Answer by the service's target header."""
        length = int(self.headers["Content-Length"])
        asked = json.loads(self.rfile.read(length))
        if self.headers["X-Amz-Target"].startswith("secretsmanager"):
            status, body = 200, {"Name": asked["SecretId"], "SecretString": GOLD}
            if asked["SecretId"] == "absent":
                status, body = 400, {"__type": "ResourceNotFoundException", "message": f"no {GOLD}"}
            if asked["SecretId"] == "binary":
                body = {"Name": "binary", "SecretBinary": "AAAA"}
        else:
            assert asked["WithDecryption"] is True
            status, body = 200, {"Parameter": {"Name": asked["Name"], "Type": "SecureString", "Value": SILVER}}
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


PROGRAM = """
import sys
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch.secrets import usage_key_values
try:
    keys = usage_key_values(eval(sys.argv[1]), {}, environ={})
    print(sorted((tier, len(value)) for tier, value in keys.items()), keys)
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("references", "said"),
    [
        (REFERENCES, f"[('gold', {len(GOLD)}), ('silver', {len(SILVER)})] UsageKeys(<2 hidden>)"),
        (
            {"gold": "secretsmanager:absent"},
            (
                "rules.toml: tiers.usage_keys.gold: found no answer (GetParameterError); "
                "allowed: a value that can be read"
            ),
        ),
        (
            {"gold": "secretsmanager:binary"},
            "rules.toml: tiers.usage_keys.gold: found a value that is no text; allowed: a value that can be read",
        ),
    ],
)
def test_the_real_sdk_reads_both_services(references: dict[str, str], said: str) -> None:
    """Powertools Parameters and boto3, against a loopback endpoint, give the values or a message without one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, repr(references)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": address,
            "POWERTOOLS_DEBUG": "true",
            "POWERTOOLS_DEV": "true",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    server.shutdown()
    server.server_close()
    assert done.stdout.splitlines()[-1] == said
    assert GOLD not in done.stdout + done.stderr
    assert SILVER not in done.stdout + done.stderr
