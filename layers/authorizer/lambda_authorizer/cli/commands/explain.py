"""`explain`: one decision, step by step, down to the line of the policy that decides it."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import environment_options, load_rules, read_text, rules_path
from lambda_authorizer.cli.words import condition, dotted, variable
from lambda_authorizer.errors import ConfigurationError, TokenError

if TYPE_CHECKING:
    from lambda_authorizer.jwk import KeySet
    from lambda_authorizer.principal import Principal
    from lambda_authorizer.request import Request
    from lambda_authorizer.rules import Facts, Route, RuleSet
    from lambda_authorizer.rules.model import Target

_MARKS = {True: ("yes", "green"), False: ("no", "red"), None: ("not known", "yellow")}
_ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/live/{}{}"


class _Asked(NamedTuple):
    """What is to be explained."""

    method: str
    path: str
    arn: str | None  # of the event; None: an invented one
    facts: "Facts"


@click.command("explain", short_help="Show step by step why a call is allowed or refused.")
@click.argument("subject", metavar="[EVENT|TOKEN]", required=False)
@click.option("--route", metavar="REQUEST", help='The call, as "GET /orders/1"; an event brings its own.')
@click.option("--claims", metavar="JSON|@FILE", help="A caller with these claims, in place of a token.")
@click.option("--anonymous", is_flag=True, help="A caller without a credential.")
@click.option("--rules", "rules_file", metavar="FILE", help="The rules file.")
@click.option("--jwks", metavar="FILE", help="Key set to verify the token with.")
@click.option("--unverified", is_flag=True, help="Take the token's claims unverified. Explains, proves nothing.")
@click.option("--at", metavar="SECONDS", type=float, help="The moment to judge the token at. [default: now]")
@click.option("--source-ip", metavar="ADDRESS", help="The caller's address.")
@click.option(
    "--credential",
    default="header:Authorization",
    show_default=True,
    metavar="PLACE:NAME",
    help="Where an event carries the credential.",
)
@environment_options
def command(
    subject: str | None,
    route: str | None,
    claims: str | None,
    rules_file: str | None,
    jwks: str | None,
    at: float | None,
    source_ip: str | None,
    credential: str,
    *,
    anonymous: bool,
    unverified: bool,
    given: Mapping[str, str],
) -> None:
    """Explain one decision: the caller, each rule with its conditions, the policy line that decides.

    EVENT is a JSON file as the gateway sends it; TOKEN a token, or file:PATH. Exit codes: 0 allowed, 1 refused,
    2 nothing could be explained.
    """
    from lambda_authorizer.cli import judge

    if sum((subject is not None, claims is not None, anonymous)) != 1:
        allowed = "one of EVENT, TOKEN, --claims, --anonymous"
        raise ConfigurationError("command line", "EVENT|TOKEN", "none or several", allowed)
    loaded = load_rules(rules_path(rules_file), given)
    event = None if subject is None or not subject.endswith(".json") else _event(subject)
    if event is None and route is None:
        raise ConfigurationError("command line", "--route", "nothing", 'a request such as "GET /orders/1"')
    asked = _asked(event, route, source_ip)
    try:
        if claims is not None:
            principal = _from_claims(loaded.rules, claims)
        elif anonymous:
            principal = judge.ANONYMOUS
        else:
            token = judge.token_text(subject or "", Path()) if event is None else _token(event, credential)
            now = time.time() if at is None else at
            keys = judge.key_set_file(jwks)
            principal = _from_token(loaded.rules, token, keys, now, unverified=unverified)
    except TokenError as error:
        console.line(("caller    ", "bold"), "nobody: ", (error.reason, "red"), f" ({error})")
        console.line(("decision  ", "bold"), ("unauthorized", "bold red"), f", reason {error.reason}")
        raise SystemExit(1) from None
    if not _explain(loaded.rules, principal, asked):
        raise SystemExit(1)


def _event(path: str) -> "Request":
    from lambda_authorizer.errors import EventError
    from lambda_authorizer.request.event import parse_event

    try:
        return parse_event(json.loads(read_text(path, "an event")))
    except ValueError:
        raise ConfigurationError(path, "file", "broken JSON", "an event as the gateway sends it") from None
    except EventError as error:
        raise ConfigurationError(path, "event", str(error), "an event of API Gateway or AppSync") from None


def _asked(event: "Request | None", route: str | None, source_ip: str | None) -> _Asked:
    from lambda_authorizer.cli.judge import split_request
    from lambda_authorizer.rules import Facts

    facts = Facts(source_ip or (event.source_ip if event else None), event.client_certificate if event else None)
    if route is not None:
        method, path = split_request(route, file="command line", key="--route")
        return _Asked(method, path, None, facts)
    if event is None or event.kind == "appsync":
        raise ConfigurationError("command line", "--route", "nothing", 'a GraphQL field such as "Query.orders"')
    arn = None
    if event.arn is not None:
        arn = event.arn.prefix + event.arn.method + event.arn.path
    return _Asked(event.method, event.path, arn, facts)


def _token(event: "Request", place: str) -> str:
    from lambda_authorizer.request import credential
    from lambda_authorizer.settings import Settings

    return credential(event, Settings.from_environment({"AUTHORIZER_CREDENTIAL": place}).credential)


def _from_claims(rules: "RuleSet", text: str) -> "Principal":
    from lambda_authorizer.cli import judge
    from lambda_authorizer.cli.commands.token import claims_of

    values = claims_of(text)
    issuer = judge.issuer_named(rules, None, values, file="command line", key="--claims")
    console.note("claims are taken as given; nothing is verified")
    return judge.caller_with(rules, values, issuer)


def _from_token(
    rules: "RuleSet", token: str, keys: "KeySet | None", now: float, *, unverified: bool
) -> "Principal":
    from lambda_authorizer.cli import judge

    if not unverified:
        return judge.caller_of_token(rules, token, keys, now)
    from lambda_authorizer.tokens.compact import parse_token
    from lambda_authorizer.tokens.verify import issuer_for

    parsed = parse_token(token)
    console.note("the token is NOT verified: this explains, it proves nothing")
    values: dict[str, Any] = parsed._payload  # noqa: SLF001 - asked for by --unverified, and said above
    return judge.caller_with(rules, values, issuer_for(parsed, rules.issuers))


def _explain(rules: "RuleSet", principal: "Principal", asked: _Asked) -> bool:
    from lambda_authorizer.cli import judge
    from lambda_authorizer.policy import decide, route_of
    from lambda_authorizer.rules import grants_for

    grants = grants_for(rules, principal, asked.facts)
    decision = decide(grants, asked.method, asked.path)
    console.line(("caller    ", "bold"), _caller(principal))
    console.line(("request   ", "bold"), f"{asked.method} {asked.path}".strip())
    routes = [f"{method} {path}".strip() for method, path in route_of(rules, asked.method, asked.path)]
    console.line(("route     ", "bold"), " and ".join(routes) or "none: such a request is always denied")
    for line in _rules(rules, principal, asked):
        console.line(*line)
    word = ("allowed", "bold green") if decision.allowed else ("denied", "bold red")
    by = f", by the rule {decision.rule!r}" if decision.rule else ""
    console.line(("decision  ", "bold"), word, f", reason {decision.reason}{by}")
    for line in _policy(rules, principal, asked):
        console.line(*line)
    if decision.allowed and not principal.anonymous:
        console.line(("backend   ", "bold"), f"gets {judge.json_text(judge.contexts(rules, principal)[1])}")
    return decision.allowed


def _caller(principal: "Principal") -> str:
    if principal.anonymous:
        return "nobody in particular (no credential)"
    parts = [f"{principal.id} of issuer {principal.issuer}"]
    for name, values in (("scopes", principal.scopes), ("groups", principal.groups), ("roles", principal.roles)):
        if name in principal.unknown:
            parts.append(f"{name} unknown")
        elif values:
            parts.append(f"{name} {' '.join(sorted(values))}")
    parts += [f"tier {principal.tier}"] if principal.tier else []
    return "; ".join(parts)


def _rules(rules: "RuleSet", principal: "Principal", asked: _Asked) -> Iterator[tuple[str | tuple[str, str], ...]]:
    """Each rule that could speak about the request, with each of its conditions."""
    from lambda_authorizer.rules.grants import condition_met

    for rule in rules.rules:
        listed = rules.routes if rule.effect == "allow" else rules.denials
        deny = rule.effect == "deny"
        targets = [target for target in rule.targets if _reaches(listed[target.route], asked, deny=deny)]
        if not targets:
            continue
        place = f" (line {rule.line})" if rule.line else ""
        style = "red" if deny else "bold"
        yield (f"{rule.effect:<10}", style), (rule.name, "bold"), place
        for kind, wanted in rule.conditions:
            met = True if kind == "anonymous" else condition_met(rules, kind, wanted, principal, asked.facts)
            if principal.anonymous and rule.effect == "allow" and met is None:
                met = False
            yield "            ", _MARKS[met], f": {condition(kind, wanted)}{_has(kind, principal, met=met)}"
        for target in targets:
            yield from _bindings(listed[target.route], target, principal, asked)


def _has(kind: str, principal: "Principal", *, met: bool | None) -> str:
    """What the caller has instead, where that helps."""
    if met is not False or principal.anonymous:
        return ""
    plain = kind.removeprefix("all_").removeprefix("any_").removeprefix("min_")
    if plain in {"scopes", "groups", "roles"}:
        values: frozenset[str] = getattr(principal, plain)
        return f" (the caller has {' '.join(sorted(values)) or 'none'})"
    if plain == "tier":
        return f" (the caller has {principal.tier or 'none'})"
    if plain == "issuer":
        return f" (the caller's is {principal.issuer})"
    return ""


def _reaches(route: "Route", asked: _Asked, *, deny: bool) -> bool:
    from lambda_authorizer.policy import Trie, split
    from lambda_authorizer.rules.tables import trie_of

    segments = (asked.path,) if asked.method == "" or asked.method.startswith("$") else split(asked.path)
    if asked.method == "CONNECT":
        segments = ("",)
    if segments is None:
        return False
    trie = Trie(trie_of([route]))
    return bool((trie.reaching if deny else trie.matching)(asked.method, segments))


def _bindings(
    route: "Route", target: "Target", principal: "Principal", asked: _Asked
) -> Iterator[tuple[str | tuple[str, str], ...]]:
    from lambda_authorizer.principal import claim_at
    from lambda_authorizer.rules.grants import spellings

    segments = asked.path[1:].split("/")
    for position, path in target.where:
        value = claim_at(principal.claims, path)
        values = value if isinstance(value, list) else [value]
        met = any(segments[position] in spellings(one) for one in values)
        name = variable(route, position)
        found = "there is no such claim" if value is None else f"{segments[position]!r} against {value!r}"
        yield "            ", _MARKS[met], f": {name} = {dotted(path)} ({found})"


def _policy(
    rules: "RuleSet", principal: "Principal", asked: _Asked
) -> Iterator[tuple[str | tuple[str, str], ...]]:
    """The line of the whole API's policy that decides this request, found by the evaluator of the testing kit."""
    from lambda_authorizer.arn import parse_execute_api_arn
    from lambda_authorizer.errors import EventError
    from lambda_authorizer.policy.build import build_policy
    from lambda_authorizer.rules import grants_for
    from lambda_authorizer.testing.iam import Policy

    if asked.method in {"", "CONNECT", "PUBLISH", "SUBSCRIBE"}:
        return  # AppSync gets a yes or no, and a list of denied fields
    text = asked.arn or _ARN.format(asked.method, asked.path)
    try:
        arn = parse_execute_api_arn(text)
    except EventError:
        return
    whole = not rules.reads_request  # rules that read the request need TTL 0, where the called route is covered
    policy = build_policy(grants_for(rules, principal, None if whole else asked.facts), arn, whole=whole)
    verdict = Policy(policy.document).ask(text)
    if verdict.statement is None:
        yield ("policy    ", "bold"), "no line covers it, so it is denied"
    else:
        statement = policy.document["Statement"][verdict.statement]
        yield ("policy    ", "bold"), f"{statement['Effect']} {_line(statement, text)}"
    if not whole:
        yield ("          ", "bold"), "rules read the single request: the policy is made for it alone, at TTL 0"
    for corner in policy.narrowed:
        routes = ", ".join(corner.routes)
        yield ("narrowed  ", "yellow"), f"{routes or 'a part of the policy'} ({corner.why})"


def _line(statement: Mapping[str, Any], arn: str) -> str:
    from lambda_authorizer.testing.iam import Policy

    if "NotResource" in statement:
        return "everything that no Allow line names (NotResource)"
    for resource in statement["Resource"]:
        one = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": resource}]}
        if Policy(one).ask(arn).statement is not None:
            return str(resource)
    return "no line"
