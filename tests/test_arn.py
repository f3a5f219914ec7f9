"""Execute-api ARNs are cut where AWS puts the seams, whatever a client puts in the path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.arn import ExecuteApiArn, parse_execute_api_arn
from lambda_authorizer.errors import AuthorizerError, EventError

REST = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/GET/orders/42"


def test_a_method_arn_is_cut_into_its_parts() -> None:
    """Each part of a REST method ARN is found, and the path keeps its leading slash."""
    assert parse_execute_api_arn(REST) == ExecuteApiArn(
        "aws", "eu-west-1", "123456789012", "abcdef1234", "prod", "GET", "/orders/42"
    )


def test_the_prefix_ends_behind_the_stage() -> None:
    """A policy's Resource starts with what the event said, not with parts that were put together elsewhere."""
    assert parse_execute_api_arn(REST).prefix == "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
def test_every_partition_is_kept(partition: str) -> None:
    """A policy for China or GovCloud names that partition, or it would match nothing."""
    arn = parse_execute_api_arn(REST.replace("arn:aws:", f"arn:{partition}:"))
    assert arn.prefix.startswith(f"arn:{partition}:execute-api:")


@pytest.mark.parametrize(
    ("tail", "method", "path"),
    [
        ("prod/GET/", "GET", "/"),
        ("prod/GET/a:b/c:d", "GET", "/a:b/c:d"),
        ("prod/GET/a//b/", "GET", "/a//b/"),
        ("$default/POST/lambda", "POST", "/lambda"),
        ("prod/$connect", "$connect", ""),
        ("test-invoke-stage/GET/x", "GET", "/x"),
    ],
)
def test_paths_with_colons_slashes_and_special_stages_are_whole(tail: str, method: str, path: str) -> None:
    """A colon or a slash in the client's path never moves the seam (chalice once did)."""
    arn = parse_execute_api_arn("arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/" + tail)
    assert (arn.method, arn.path) == (method, path)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "arn:aws:execute-api",
        "arn:aws:s3:eu-west-1:123456789012:abcdef1234/prod/GET/x",
        "urn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/GET/x",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234//GET/x",
        "arn:aws:execute-api:eu-west-1:123456789012:*/prod/GET/x",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/*/GET/x",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/G?T/x",
        "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/${stage}/GET/x",
        "arn:aws:execute-api:eu-west-1:12345678901²:abcdef1234/prod/GET/x",
    ],
)
def test_anything_else_is_an_event_error(text: object) -> None:
    """An ARN of another service, a cut one, or one with a wildcard where a policy copies it, is refused."""
    with pytest.raises(EventError):
        parse_execute_api_arn(text)


@given(st.text() | st.text(alphabet="arn:ws/*?$execut-ipGET019"))
def test_parsing_never_raises_outside_the_error_tree(text: str) -> None:
    """Whatever the text, the answer is an ARN whose copied parts hold no wildcard, or an error of ours."""
    try:
        arn = parse_execute_api_arn(text)
    except AuthorizerError:
        return
    assert not set("*?{} ") & set(arn.prefix)
