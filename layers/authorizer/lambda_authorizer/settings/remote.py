"""Rules from Parameter Store, AppConfig or S3.

Laws of this file: it is imported only for rules that are not in the package, and so are the clients of AWS; no
message holds what a service said.
"""

from typing import Any, Final

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.settings import LARGEST_RULES

_APPCONFIG_PARTS: Final = 3


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
    return bytes(body.read(LARGEST_RULES + 1))


def _limits() -> Any:
    """Return time limits that fit into a start, and into an invocation that looks again."""
    from botocore.config import Config  # type: ignore[import-untyped] # as boto3

    return Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})


def _nothing() -> bytes:
    raise LookupError
