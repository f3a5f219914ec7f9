"""The API key values that belong to tiers: read when the function starts, told to nobody.

Laws of this file: a value is in no message, no `repr` and no log; whoever cannot give a value stops the function
with a ConfigurationError that names the tier and the place; boto3 is imported only where nothing cheaper answers.

Sources, in this order: the local setting; the AWS Parameters and Secrets Lambda extension, an HTTP endpoint inside
the sandbox that costs no SDK; Powertools Parameters (boto3). The extension may answer only from the first
invocation on ("not ready" during INIT): then the value is read when it is first asked for.

Source: Secrets Manager user guide, "Use AWS Secrets Manager secrets in AWS Lambda functions"; Systems Manager user
guide, "Using Parameter Store parameters in AWS Lambda functions".
"""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal

from lambda_authorizer.errors import ConfigurationError

Service = Literal["secretsmanager", "ssm"]
Source = Callable[[Service, str], str]

_ALLOWED: Final = "secretsmanager:NAME or ssm:NAME"
_LONGEST: Final = 128  # of an API key's value, says API Gateway
_LARGEST_ANSWER: Final = 1 << 17  # a secret holds at most 64 KB, which JSON may double
_SECONDS: Final = 1.5  # for one answer of the extension
_OK: Final = b"200"
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class NotReadyError(Exception):
    """The extension is there but serves nobody yet."""


class UnavailableError(Exception):
    """The source cannot answer; the next one is asked."""


class UsageKeys(Mapping[str, str]):
    """Tier → API key value; what it holds is never printed."""

    __slots__ = ("_pending", "_read", "_values")

    def __init__(self, values: dict[str, str], pending: dict[str, str], read: Callable[[str, str], str]) -> None:
        self._values = values
        self._pending = pending
        self._read = read

    def __getitem__(self, tier: str) -> str:
        """Return the tier's value; one that INIT could not have is read now and kept."""
        if tier in self._pending:
            self._values[tier] = self._read(tier, self._pending[tier])
            del self._pending[tier]
        return self._values[tier]

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from self._pending

    def __len__(self) -> int:
        return len(self._values) + len(self._pending)

    def __repr__(self) -> str:
        return f"UsageKeys(<{len(self)} hidden>)"


def usage_key_values(
    references: Mapping[str, str],
    local: Mapping[str, str],
    *,
    environ: Mapping[str, str],
    file: str = "rules.toml",
    sdk: Source | None = None,
) -> UsageKeys:
    """Return the API key value of every tier that has a reference.

    Args:
        references: `[tiers] usage_keys` of the rules file.
        local: values of `AUTHORIZER_USAGE_KEYS`, which win.
        environ: where the extension's port and the session token are looked for.
        file: name of the rules file, for messages.
        sdk: what answers when the extension does not; by default Powertools Parameters.

    Raises:
        ConfigurationError: a reference is malformed, or no source has a usable value for it.
    """
    ask_sdk = sdk or from_sdk
    extension = _extension(environ)

    def read(tier: str, reference: str, *, starting: bool = False) -> str:
        service, name = _parse(tier, reference, file)
        if extension:
            try:
                return _usable(tier, extension(service, name), file)
            except NotReadyError:
                if starting:
                    raise
            except UnavailableError:
                pass  # the SDK is the dearer way to the same value
        try:
            value = ask_sdk(service, name)
        except UnavailableError as error:
            key = f"tiers.usage_keys.{tier}"
            raise ConfigurationError(file, key, str(error), "a value that can be read") from None
        return _usable(tier, value, file)

    values: dict[str, str] = {}
    pending: dict[str, str] = {}
    for tier, reference in references.items():
        if tier in local:
            values[tier] = _usable(tier, local[tier], "environment")
            continue
        try:
            values[tier] = read(tier, reference, starting=True)
        except NotReadyError:
            pending[tier] = reference
    return UsageKeys(values, pending, read)


def secret_text(reference: str, *, environ: Mapping[str, str], sdk: Source | None = None) -> str:
    """Return the text behind `secretsmanager:NAME` or `ssm:NAME`, whatever its form, such as a PEM.

    Raises:
        UnavailableError: the reference is none, or no source answers; the message holds nothing of the value.
    """
    service, name = _split(reference)
    extension = _extension(environ)
    if extension:
        try:
            return extension(service, name)
        except (NotReadyError, UnavailableError):
            pass  # as for the keys of tiers, the SDK is the dearer way to the same value
    return (sdk or from_sdk)(service, name)


def _split(reference: str) -> tuple[Service, str]:
    service, _, name = reference.partition(":")
    if name and service == "secretsmanager":
        return "secretsmanager", name
    if name and service == "ssm":
        return "ssm", name
    raise UnavailableError(f"a reference that is not {_ALLOWED}")


def _parse(tier: str, reference: str, file: str) -> tuple[Service, str]:
    try:
        return _split(reference)
    except UnavailableError:
        raise ConfigurationError(file, f"tiers.usage_keys.{tier}", repr(reference), _ALLOWED) from None


def _usable(tier: str, value: object, file: str) -> str:
    """Return the value without the newline that editors leave, or refuse it without showing it."""
    text = value.rstrip("\r\n") if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            file,
            f"tiers.usage_keys.{tier}",
            "a value that cannot be an API key (hidden)",
            f"1 to {_LONGEST} printable ASCII characters without a space",
        )
    return text


def _extension(environ: Mapping[str, str]) -> Source | None:
    """Return the extension as a source where its port is set and the sandbox has credentials for it."""
    port, token = environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"), environ.get("AWS_SESSION_TOKEN")
    if not port or not token or not port.isdecimal():
        return None
    number = int(port)

    def ask(service: Service, name: str) -> str:
        encoded = _percent(name)
        if service == "secretsmanager":
            document = _get(number, f"/secretsmanager/get?secretId={encoded}", token)
            value = document.get("SecretString")
        else:
            document = _get(number, f"/systemsmanager/parameters/get?name={encoded}&withDecryption=true", token)
            parameter = document.get("Parameter")
            value = parameter.get("Value") if isinstance(parameter, dict) else None
        if not isinstance(value, str):
            raise UnavailableError("the extension's answer holds no text")
        return value

    return ask


def _percent(name: str) -> str:
    """Return the name for a query string: RFC 3986 unreserved characters as they are, every other byte encoded."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in name.encode())


def _get(port: int, target: str, token: str) -> dict[str, object]:
    """Return the JSON object of the answer; HTTP/1.0, so that its end is the end of the stream."""
    request = f"GET {target} HTTP/1.0\r\nHost: localhost\r\nX-Aws-Parameters-Secrets-Token: {token}\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            connection.sendall(request.encode("ascii"))
            answer = bytearray()
            while chunk := connection.recv(65536):
                answer += chunk
                if len(answer) > _LARGEST_ANSWER:
                    raise UnavailableError("the extension's answer is too long")
    except (OSError, UnicodeEncodeError):
        raise UnavailableError("the extension cannot be reached") from None
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    status = head.partition(b" ")[2][:3]
    if status != _OK:
        if b"not ready" in body:
            raise NotReadyError
        raise UnavailableError("the extension refused")
    try:
        document = json.loads(body)
    except ValueError:
        raise UnavailableError("the extension's answer is no JSON") from None
    if not isinstance(document, dict):
        raise UnavailableError("the extension's answer is no JSON object")
    return document


def from_sdk(service: Service, name: str) -> str:
    """Return the value through Powertools Parameters, with limits that fit into a function's INIT."""
    try:
        from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
        from botocore.config import Config  # type: ignore[import-untyped]  # botocore ships no types

        limits = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3, "mode": "standard"})
        value = (
            SecretsProvider(boto_config=limits).get(name)
            if service == "secretsmanager"
            else SSMProvider(boto_config=limits).get(name, decrypt=True)
        )
    except Exception as error:  # noqa: BLE001 - whatever the SDK says, its text must not reach a log
        raise UnavailableError(f"no answer ({type(error).__name__})") from None
    if not isinstance(value, str):
        raise UnavailableError("a value that is no text")
    return value
