"""`init`: a first rules file from what describes an API that exists."""

from pathlib import Path

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import pairs, read_text
from lambda_authorizer.errors import ConfigurationError


@click.command("init", short_help="Draft a rules file for an API that exists.")
@click.option("--openapi", metavar="FILE", help="OpenAPI document; security scopes become rules.")
@click.option("--template", metavar="FILE", help="SAM or CloudFormation template.")
@click.option("--arn", metavar="ARN", help="A deployed API, exported with your AWS credentials (needs boto3).")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="A template parameter.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Write here. [default: standard output]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(
    openapi: str | None,
    template: str | None,
    arn: str | None,
    parameter: tuple[str, ...],
    output: str,
    *,
    force: bool,
) -> None:
    """Draft a rules file: every route of the API once, its scopes kept, open routes named in comments.

    Exit codes: 0 drafted, 2 there was nothing to draft from.
    """
    from lambda_authorizer.cli.draft import draft
    from lambda_authorizer.cli.inputs import read_openapi, read_template

    if sum(one is not None for one in (openapi, template, arn)) != 1:
        raise ConfigurationError("command line", "init", "none or several", "one of --openapi, --template, --arn")
    if openapi is not None:
        document = read_openapi(read_text(openapi, "an OpenAPI document"), file=openapi)
    elif template is not None:
        base = Path(template).parent
        document = read_template(
            read_text(template, "a template"),
            file=template,
            parameters=pairs(parameter, "--parameter"),
            read=lambda name: (base / name).read_text(encoding="utf-8"),
        )
    else:
        from lambda_authorizer.cli.export import exported

        document = read_openapi(exported(arn or ""), file=arn or "")
    text = draft([document])
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        with Path(output).open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigurationError(
            output, "file", "a file that is there already", "--force, or another name"
        ) from None
    except OSError as error:
        raise ConfigurationError("command line", "--output", (error.strerror or "").lower(), "a file") from None
    console.note(f"{output} is a draft: `lambda-authorizer check {output}` next")
