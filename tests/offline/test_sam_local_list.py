"""The requests of `make sam-local` through the simulator: the same list, with what AWS gives."""

import pytest
from tests.e2e.sam_local import EMULATED, REQUESTS, Request, authorization
from tests.offline.simulated import handler

from lambda_authorizer.testing.gateway import HttpApi, RestApi

POINTS, HISTORY, ADD = (
    "GET /loyalty/{customerId}",
    "GET /loyalty/{customerId}/history",
    "POST /loyalty/{customerId}/points",
)


@pytest.fixture(scope="module")
def quickstart() -> dict[str, RestApi | HttpApi]:
    """The APIs of examples/quickstart, by the words with which the list names them."""
    return {
        "REST TOKEN": RestApi(handler("TokenAuthorizer"), [POINTS], ttl=0),
        "REST REQUEST": RestApi(handler("RequestAuthorizer"), [HISTORY], kind="request", ttl=0),
        "HTTP API": HttpApi(handler("HttpApiAuthorizer"), [ADD]),
    }


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request_: request_.why)
def test_the_simulator_gives_what_aws_gives(quickstart: dict[str, RestApi | HttpApi], request_: Request) -> None:
    """Where `sam local` departs from AWS the list says so, and the simulator is with AWS."""
    front = quickstart[request_.why.partition(":")[0]]
    headers = {"Authorization": authorization(request_.event)} if request_.event else {}
    answer = front.call(f"{request_.method} {request_.path}", headers=headers)
    assert answer.status == (401 if EMULATED in request_.why else request_.expect), answer.explanation
