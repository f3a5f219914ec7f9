"""`check`: are the rules sound, exact, and true of the API they guard?"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import (
    ROUTES,
    Loaded,
    environment_options,
    load_rules,
    pairs,
    read_text,
    rules_path,
)
from lambda_authorizer.cli.words import conditions, duration, plural
from lambda_authorizer.errors import ConfigurationError

if TYPE_CHECKING:
    from lambda_authorizer.cli.findings import Finding
    from lambda_authorizer.cli.inputs import Document
    from lambda_authorizer.cli.inputs.files import Reader
    from lambda_authorizer.rules import RuleSet

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_MOST_ROWS = 60


@click.command("check", short_help="Validate the rules, prove them exact, hold them against the API.")
@click.argument("rules_file", metavar="[RULES]", required=False)
@click.option(
    "--template", "templates", multiple=True, metavar="FILE", help="SAM or CloudFormation template of the API."
)
@click.option("--openapi", "documents", multiple=True, metavar="FILE", help="OpenAPI document of the API.")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="A template parameter.")
@click.option(
    "--public", multiple=True, metavar="ROUTE", help='A route that is open on purpose, as "GET /health".'
)
@click.option("--ttl", type=int, metavar="SECONDS", help="The result TTL, where no template says it.")
@click.option("--write-routes", is_flag=True, help="Write the API's routes to routes.json beside the rules.")
@click.option(
    "--budget", type=click.IntRange(1), metavar="STATES", help="What the proof may cost. [default: 1000000]"
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
@environment_options
def command(
    rules_file: str | None,
    templates: tuple[str, ...],
    documents: tuple[str, ...],
    parameter: tuple[str, ...],
    public: tuple[str, ...],
    ttl: int | None,
    budget: int | None,
    *,
    write_routes: bool,
    strict: bool,
    as_json: bool,
    given: Mapping[str, str],
) -> None:
    """Validate a rules file, prove its policies exact, and hold it against the API it guards.

    With --template or --openapi: routes without a rule, rules without a route, methods without an authorizer,
    preflight requests that need a credential, cache keys, usage keys, resource policies.

    Exit codes: 0 nothing to object to, 1 a mistake or an error found, 2 a file cannot be read.
    """
    path = rules_path(rules_file)
    read_text(path, "a rules file")
    read = [*_templates(templates, pairs(parameter, "--parameter")), *_documents(documents)]
    try:
        alone = load_rules(path, given, known=False)
        found, routes = _held_against(alone, read, frozenset(public), given)
        loaded = load_rules(path, given, api_routes=routes)
    except ConfigurationError as error:
        console.error(error)
        raise SystemExit(1 if error.file == path else 2) from None
    found += _exactness(loaded, budget, kept=_kept(read, ttl))
    if write_routes:
        _write_routes(path, routes)
    if as_json:
        staleness = [line for document in read for line in _staleness(document, loaded.rules)]
        report = {"file": path, "findings": [one._asdict() for one in found], "staleness": staleness}
        click.echo(json.dumps(report, indent=2))
    else:
        _print(loaded, read, found)
    levels = {one.level for one in found}
    if "error" in levels or (strict and "warning" in levels):
        raise SystemExit(1)


def _templates(files: Sequence[str], parameters: Mapping[str, str]) -> "list[Document]":
    from lambda_authorizer.cli.inputs import read_template

    def reader(base: Path) -> "Reader":
        return lambda name: (base / name).read_text(encoding="utf-8")

    return [
        read_template(
            read_text(file, "a template"), file=file, parameters=parameters, read=reader(Path(file).parent)
        )
        for file in files
    ]


def _documents(files: Sequence[str]) -> "list[Document]":
    from lambda_authorizer.cli.inputs import read_openapi

    return [read_openapi(read_text(file, "an OpenAPI document"), file=file) for file in files]


def _held_against(
    alone: Loaded, documents: "list[Document]", public: frozenset[str], given: Mapping[str, str]
) -> "tuple[list[Finding], list[str] | None]":
    """Return the findings, and every route of the API where a document names them."""
    from lambda_authorizer.cli.lint import api_routes, findings, own_findings

    found = list(own_findings(alone.rules, alone.file))
    found += [one for document in documents for one in findings(alone.rules, document, public, given)]
    if not any(api.routes for document in documents for api in document.apis):
        return found, None  # authorizers for APIs of other stacks tell nothing about routes
    routes = [route for document in documents for route in api_routes(document, alone.rules)]
    return found, list(dict.fromkeys(routes))


def _kept(documents: "list[Document]", ttl: int | None) -> bool:
    """Whether some answer may be kept; what nobody says counts as kept."""
    ttls = [
        authorizer.ttl
        for document in documents
        for api in document.apis
        for authorizer in api.authorizers.values()
        if authorizer.guard == "lambda" and api.kind in {"rest", "http"}
    ]
    return any(one != 0 for one in ttls) if ttls else ttl != 0


def _exactness(loaded: Loaded, budget: int | None, *, kept: bool) -> "list[Finding]":
    """Where IAM cannot say the rules: an error, unless a rule accepts it or each answer covers one route only."""
    from lambda_authorizer.cli.findings import Finding
    from lambda_authorizer.policy.check import check_exact
    from lambda_authorizer.policy.proof import DEFAULT_BUDGET

    found = []
    with console.working("proving that the policies say what the rules say"):
        report = check_exact(loaded.rules, budget=budget or DEFAULT_BUDGET)
    for corner in report.corners:
        rules = f" (rules: {', '.join(corner.rules)})" if corner.rules else ""
        if corner.accepted:
            text = f"{corner.text}{rules}; `narrow = true` accepts it"
            found.append(Finding("note", f"corner-{corner.kind}", loaded.file, text))
        elif not kept and corner.kind not in {"over", "undecided"}:
            text = f"{corner.text}{rules}; nothing is kept here, so no answer covers both"
            found.append(Finding("note", f"corner-{corner.kind}", loaded.file, text))
        else:
            ways = "; or ".join(corner.ways_out)
            found.append(Finding("error", f"corner-{corner.kind}", loaded.file, f"{corner.text}{rules}", ways))
    return found


def _write_routes(path: str, routes: list[str] | None) -> None:
    if routes is None:
        raise ConfigurationError("command line", "--write-routes", "no API", "--template or --openapi beside it")
    beside = Path(path).with_name(ROUTES)
    try:
        beside.write_text(json.dumps(routes, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(str(beside), "file", (error.strerror or "").lower(), "a file") from None
    console.note(f"{beside} holds the API's {plural('route', len(routes))}; the build reads it")


def _print(loaded: Loaded, documents: "list[Document]", found: "list[Finding]") -> None:
    rules = loaded.rules
    if loaded.stood_in:
        console.note(f"not set, stand-ins taken: {', '.join(loaded.stood_in)} (--env NAME=VALUE sets one)")
    for level in ("error", "warning", "note"):
        for one in found:
            if one.level == level:
                text = Text.assemble((f"{level}: ", _STYLES[level]), (one.where, "bold"), f": {one.text}")
                if one.way_out:
                    text.append(f"\n  way out: {one.way_out}")
                console.out().print(text, soft_wrap=True)
    rows = _rows(rules)
    console.table(("route", "rule", "asks for"), rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        console.line(f"… and {len(rows) - _MOST_ROWS} more (`lambda-authorizer matrix` shows all)")
    for document in documents:
        for line in _staleness(document, rules):
            console.line(line)
    counts = {level: sum(1 for one in found if one.level == level) for level in ("error", "warning")}
    said = f"{plural('rule', len(rules.rules))}, {plural('route', len(rules.routes))}"
    said += f", {plural('issuer', len(rules.issuers))}"
    if counts["error"]:
        console.line((f"{plural('error', counts['error'])}", "bold red"), f" in {loaded.file} ({said})")
    else:
        remark = f", {plural('warning', counts['warning'])}" if counts["warning"] else ""
        console.line(("sound and exact", "bold green"), f": {loaded.file} ({said}{remark})")


def _rows(rules: "RuleSet") -> list[tuple[str | Text, ...]]:
    """One row for each route of each rule; deny rules last, routes of the API without a rule after them."""
    rows: list[tuple[str | Text, ...]] = []
    granted: set[int] = set()
    for effect, listed in (("allow", rules.routes), ("deny", rules.denials)):
        for rule in rules.rules:
            if rule.effect == effect:
                for target in rule.targets:
                    granted.add(target.route if effect == "allow" else -1)
                    sign = "" if effect == "allow" else "deny "
                    route = Text(sign + listed[target.route].text, style="red" if sign else "")
                    rows.append((route, rule.name, conditions(rules, rule, target)))
    rows += [
        (Text(route.text, style="dim"), Text("no rule: always denied", style="dim"), "")
        for number, route in enumerate(rules.routes)
        if number not in granted
    ]
    return rows


def _staleness(document: "Document", rules: "RuleSet") -> list[str]:
    """How long the past may go on counting: result cache, leeway of a token's times, hard age of keys."""
    from lambda_authorizer.keys import Limits

    leeway = max((issuer.leeway for issuer in rules.issuers), default=0)
    hard = Limits().hard // 1000
    lines = []
    for api in document.apis:
        for authorizer in api.authorizers.values():
            if authorizer.guard != "lambda":
                continue
            ttl = authorizer.ttl
            if ttl is None:
                lines.append(
                    f"{api.name}/{authorizer.name} keeps answers for a time that only the deployment knows"
                )
                continue
            kept = f"keeps answers {duration(ttl)}" if ttl else "keeps no answer"
            lines.append(
                f"{api.name}/{authorizer.name} {kept}: an expired token counts at most"
                f" {duration(ttl + leeway)} longer, a changed rule {duration(ttl)}, a withdrawn key"
                f" {duration(ttl + hard)}"
            )
    return lines
