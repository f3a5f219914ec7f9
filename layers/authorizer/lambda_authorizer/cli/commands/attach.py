"""`attach`: print the exact snippet that puts an authorizer in front of an API."""

import re

import click

from lambda_authorizer.cli import console
from lambda_authorizer.errors import ConfigurationError

_FORMATS = ("sam", "cloudformation", "openapi", "cdk", "terraform", "serverless")
_FRONT_ENDS = (
    "rest-token",
    "rest-request",
    "rest-tier",
    "http",
    "http-policy",
    "websocket",
    "appsync",
    "appsync-events",
)
_LONGEST_TTL = 3600


@click.command("attach", short_help="Print the snippet that attaches an authorizer to an API.")
@click.argument("front_end", metavar="FRONT_END", type=click.Choice(_FRONT_ENDS))
@click.option("--as", "style", type=click.Choice(_FORMATS), default="sam", show_default=True, help="Tool.")
@click.option("--api", default="Api", show_default=True, metavar="NAME", help="The API's name in your file.")
@click.option("--function-arn", metavar="ARN", help="The function. [default: the SSM parameter of --stack]")
@click.option(
    "--stack", default="lambda-authorizer", show_default=True, metavar="NAME", help="The authorizers' stack."
)
@click.option(
    "--ttl", type=int, metavar="SECONDS", help="Seconds an answer is kept. [default: 300 for REST, else 0]"
)
def command(front_end: str, style: str, api: str, function_arn: str | None, stack: str, ttl: int | None) -> None:
    """Print the snippet that attaches an authorizer of this toolkit to an API.

    FRONT_END is rest-token, rest-request, rest-tier, http (simple answers), http-policy, websocket, appsync or
    appsync-events. The snippet goes to standard output; what is left to do, to standard error.
    """
    from lambda_authorizer.cli.snippets import FRONT_ENDS, Wish
    from lambda_authorizer.cli.snippets_other import ALL

    if ttl is not None and not 0 <= ttl <= _LONGEST_TTL:
        raise ConfigurationError("command line", "--ttl", str(ttl), f"0 to {_LONGEST_TTL}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,127}", api):
        raise ConfigurationError("command line", "--api", repr(api), "a name of letters, digits and _")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", stack):
        raise ConfigurationError("command line", "--stack", repr(stack), "a stack name")
    known = r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?"
    if function_arn is not None and not re.fullmatch(known, function_arn):
        raise ConfigurationError(
            "command line", "--function-arn", repr(function_arn), "the ARN of a Lambda function"
        )
    chosen = FRONT_ENDS[front_end]
    if chosen.family == "websocket" and ttl:
        raise ConfigurationError("command line", "--ttl", str(ttl), "0: a WebSocket API keeps no answer")
    text = ALL[style](Wish(chosen, function_arn, stack, api, chosen.ttl if ttl is None else ttl))
    if text is None:
        raise ConfigurationError("command line", "--as", style, "another tool: it has no place for this front end")
    click.echo(text, nl=False)
    for left in chosen.owner:
        console.note(left)
