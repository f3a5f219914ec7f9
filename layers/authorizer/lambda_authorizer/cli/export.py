"""The OpenAPI export of an API that is deployed, through the AWS SDK where it is installed.

Source: API Gateway API reference, GetExport (REST) and ExportApi (HTTP).
"""

import re
from collections.abc import Callable
from typing import Any

from lambda_authorizer.errors import ConfigurationError

Client = Callable[[str, str], Any]  # service and region → an SDK client

_ARN = re.compile(
    r"arn:aws[a-z-]*:apigateway:([a-z0-9-]+)::/(restapis|apis)/([a-z0-9]+)(?:/stages/([A-Za-z0-9_$-]+))?"
)


def sdk_client(service: str, region: str) -> Any:
    """Return a client of the AWS SDK.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import boto3  # type: ignore[import-untyped,import-not-found,unused-ignore]  # ships no types
    except ModuleNotFoundError:
        raise ConfigurationError(
            "command line", "--arn", "no boto3", "pip install boto3, or --openapi with an export"
        ) from None
    return boto3.client(service, region_name=region)


def exported(arn: str, client: Client = sdk_client) -> str:
    """Return the OpenAPI document of the API with this ARN.

    Raises:
        ConfigurationError: it is no ARN of a REST or HTTP API, or the export failed.
    """
    allowed = "arn:aws:apigateway:REGION::/restapis/ID/stages/STAGE or …::/apis/ID"
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ConfigurationError("command line", "--arn", repr(arn), allowed)
    region, kind, api, stage = found.groups()
    if kind == "restapis" and stage is None:
        raise ConfigurationError("command line", "--arn", "a REST API without a stage", allowed)
    try:
        if kind == "restapis":
            answer = client("apigateway", region).get_export(
                restApiId=api,
                stageName=stage,
                exportType="oas30",
                parameters={"extensions": "apigateway"},
                accepts="application/yaml",
            )
        else:
            wanted = {"ApiId": api, "OutputType": "YAML", "Specification": "OAS30", "IncludeExtensions": True}
            answer = client("apigatewayv2", region).export_api(**wanted, **({"StageName": stage} if stage else {}))
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; their class name says enough
        name = type(error).__name__
        raise ConfigurationError(
            "command line", "--arn", f"AWS answered {name}", "an API you may export (apigateway:GET)"
        ) from None
    body = answer["body"]
    data = body.read() if hasattr(body, "read") else body
    return str(data.decode("utf-8") if isinstance(data, bytes) else data)
