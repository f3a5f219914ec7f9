"""Events built here are read by programs that nobody here wrote: Powertools' data classes, SAM CLI's samples."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    APIGatewayAuthorizerEventV2,
    APIGatewayAuthorizerRequestEvent,
    APIGatewayAuthorizerTokenEvent,
)
from aws_lambda_powertools.utilities.data_classes.appsync_authorizer_event import AppSyncAuthorizerEvent

from lambda_authorizer.testing.events import (
    Call,
    appsync_event,
    bearer,
    http_1_event,
    http_2_event,
    request_event,
    token_event,
)

ROOT = Path(__file__).parents[2]
CALL = Call("GET", "/orders/1", {**bearer("t"), "Cookie": "a=b"}, "q=1&q=2")
PARAMETERS = {"id": "1"}


def readable(event: Any) -> dict[str, object]:
    """Return every public property of a data class; one that cannot be read raises."""
    names = [name for name in dir(type(event)) if isinstance(getattr(type(event), name), property)]
    return {name: getattr(event, name) for name in names if not name.startswith("raw_")}


def test_powertools_reads_a_token_event() -> None:
    """Token and the parts of the ARN."""
    event = APIGatewayAuthorizerTokenEvent(token_event("Bearer t", "GET", "/orders/1"))
    assert event.authorization_token == "Bearer t"
    assert (event.parsed_arn.stage, event.parsed_arn.http_method, event.parsed_arn.resource) == (
        "prod",
        "GET",
        "orders/1",
    )


@pytest.mark.parametrize(
    "event",
    [
        request_event(CALL, resource="/orders/{id}", path_parameters=PARAMETERS, stage_variables={"s": "v"}),
        http_1_event(CALL, route_key="GET /orders/{id}", path_parameters=PARAMETERS, stage_variables={"s": "v"}),
    ],
    ids=["REST", "payload 1.0"],
)
def test_powertools_reads_a_request_event(event: dict[str, Any]) -> None:
    """Everything that its data class knows about such an event is there."""
    if "version" not in event:
        # The data class was written from an HTTP API sample; REST never sends these three.
        event = {"version": "1.0", "authorizationToken": "", "identitySource": "", **event}
    found = APIGatewayAuthorizerRequestEvent(event)
    values = readable(found)
    assert values["http_method"] == "GET"
    assert values["path_parameters"] == PARAMETERS
    assert values["resource"] == "/orders/{id}"
    assert found.request_context.identity.source_ip == "203.0.113.10"
    assert found.headers["Authorization"] == "Bearer t"


def test_powertools_reads_a_payload_2_event() -> None:
    """Everything that its data class knows about such an event is there."""
    found = APIGatewayAuthorizerEventV2(
        http_2_event(CALL, route_key="GET /orders/{id}", path_parameters=PARAMETERS, stage_variables={"s": "v"})
    )
    values = readable(found)
    assert values["identity_source"] == ["Bearer t"]
    assert values["cookies"] == ["a=b"]
    assert values["query_string_parameters"] == {"q": "1,2"}
    assert found.request_context.http.method == "GET"


def test_powertools_reads_an_appsync_event() -> None:
    """Token and request context."""
    found = AppSyncAuthorizerEvent(appsync_event("t", "{ a }", operation_name="A", variables={"v": 1}))
    assert found.authorization_token == "t"
    assert readable(found.request_context) == {
        "account_id": "123456789012",
        "api_id": "giy7kumfmvcqvbedntjwjvagii",
        "operation_name": "A",
        "query_string": "{ a }",
        "request_id": "b80ed838-14c6-4500-b4c3-b694c7bef086",
        "variables": {"v": 1},
    }


def samples(name: str) -> list[Path]:
    """Return SAM CLI's sample events of this name, if the SAM CLI is installed here."""
    folder = "lib/python*/site-packages/samcli/lib/generated_sample_events/events/apigateway"
    return sorted((ROOT / ".tools/sam").glob(f"{folder}/{name}.json"))


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("ApiGatewayAuthorizer", token_event("Bearer t")),
        ("ApiGatewayRestRequestAuthorizer", request_event(CALL)),
    ],
)
def test_what_sam_clis_samples_have_our_events_have(name: str, event: dict[str, Any]) -> None:
    """Every key of `sam local generate-event`'s sample is in the event built here."""
    found = samples(name)
    if not found:
        pytest.skip("the SAM CLI is not installed here: make set-up installs it")
    assert json.loads(found[0].read_text(encoding="utf-8")).keys() <= event.keys()
