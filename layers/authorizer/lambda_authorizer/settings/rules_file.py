"""Fetch the rules from where the settings say, compiled if they are.

Laws of this file: compiled rules are used only where they were made from exactly the rules text beside them; rules
that cannot be had stop the function at start; boto3 is imported only for rules that are not in the package.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.hashes import SHA256, Hash

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import RuleSet, load_compiled, parse_rules

if TYPE_CHECKING:
    from lambda_authorizer.settings import Settings

_LARGEST = 1 << 20  # a rules file of a thousand routes has a tenth of it
_APPCONFIG_PARTS = 3


def is_remote(place: str) -> bool:
    """Say whether rules are outside the package."""
    return place.startswith(("ssm:", "appconfig:", "s3:"))


def load_rules(settings: Settings) -> RuleSet:
    """Return the rules of the package.

    Raises:
        ConfigurationError: they cannot be read, or hold a mistake.
    """
    place = settings.rules
    path = in_directory(settings.directory, place)
    source = _checked(place, read_file(path, place, "AUTHORIZER_RULES"))
    compiled = _compiled(path)
    if compiled is not None:
        return load_compiled(
            compiled,
            file=place,
            environment=settings.environment,
            source_digest=_sha256(source),
            http_loopback=settings.http_loopback,
        )
    return rules_of(source, place, settings)


def rules_of(text: bytes, place: str, settings: Settings) -> RuleSet:
    """Return the rules that a text holds: TOML, or JSON of the same shape.

    Raises:
        ConfigurationError: it holds a mistake.
    """
    # TOML never begins with a brace, JSON of this shape always does.
    file = f"{place}#rules.json" if not place.endswith(".json") and text.lstrip()[:1] == b"{" else place
    _checked(place, text)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(place, "(file)", "bytes that are not UTF-8", "UTF-8 text") from None
    return parse_rules(decoded, file=file, environment=settings.environment, http_loopback=settings.http_loopback)


def _sha256(source: bytes) -> str:
    """Return the hexadecimal SHA-256; cryptography is loaded anyway, hashlib would load a second OpenSSL."""
    hashed = Hash(SHA256())
    hashed.update(source)
    return hashed.finalize().hex()


def in_directory(directory: str, name: str) -> str:
    """Return the path of a file that a setting names."""
    return name if name.startswith("/") else f"{directory}/{name}"


def read_file(path: str, name: str, setting: str) -> bytes:
    """Return a file's bytes, or say which setting names a file that cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs the start more than the rules do
            return file.read(_LARGEST + 1)
    except OSError as error:
        found = f"{name!r}, which cannot be read ({type(error).__name__})"
        raise ConfigurationError("environment", setting, found, "a file beside the function's code") from None


def _compiled(path: str) -> bytes | None:
    """Return the compiled form that lies beside the rules, if any."""
    try:
        with open(path.rpartition(".")[0] + ".compiled.jsonl", "rb") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:
        return None


def _checked(place: str, text: bytes) -> bytes:
    """Return the text unless it is too large to be rules."""
    if len(text) > _LARGEST:
        raise ConfigurationError(place, "(file)", "more than 1 MB", "at most 1 MB of rules")
    return text


def fetch_remote(place: str) -> bytes:
    """Return rules out of Parameter Store, AppConfig or S3.

    Raises:
        ConfigurationError: the place is malformed, or nothing can be had from it.
    """
    scheme, _, rest = place.partition(":")
    try:
        if scheme == "ssm" and rest:
            return _from_ssm(rest)
        if scheme == "appconfig" and len(parts := rest.split("/")) == _APPCONFIG_PARTS and all(parts):
            return _from_appconfig(*parts)
        if scheme == "s3" and rest.startswith("//") and all(rest[2:].partition("/")):
            bucket, _, key = rest[2:].partition("/")
            return _from_s3(bucket, key)
    except Exception as error:  # noqa: BLE001 - whatever the SDK says, its text must not reach a log
        found = f"{place!r}, which gave nothing ({type(error).__name__})"
        raise ConfigurationError(
            "environment", "AUTHORIZER_RULES", found, "rules that this function may read"
        ) from None
    raise ConfigurationError(
        "environment",
        "AUTHORIZER_RULES",
        repr(place),
        "a file, ssm:/name, appconfig:application/environment/profile or s3://bucket/key",
    )


def _from_ssm(name: str) -> bytes:
    from aws_lambda_powertools.utilities.parameters import SSMProvider

    value = SSMProvider(boto_config=_limits()).get(name, decrypt=True)
    return str(value).encode() if value else _nothing()


def _from_appconfig(application: str, environment: str, profile: str) -> bytes:
    from aws_lambda_powertools.utilities.parameters import AppConfigProvider

    value = AppConfigProvider(environment=environment, application=application, boto_config=_limits()).get(profile)
    return bytes(value) if isinstance(value, bytes | bytearray) and value else _nothing()


def _from_s3(bucket: str, key: str) -> bytes:
    from boto3 import client  # type: ignore[import-untyped] # boto3 has no types of its own

    body = client("s3", config=_limits()).get_object(Bucket=bucket, Key=key)["Body"]
    return bytes(body.read(_LARGEST + 1))


def _limits() -> Any:
    """Return time limits that fit into a start, and into an invocation that looks again."""
    from botocore.config import Config  # type: ignore[import-untyped] # as boto3

    return Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})


def _nothing() -> bytes:
    raise LookupError
