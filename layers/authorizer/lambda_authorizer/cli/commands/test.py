"""`test`: run `rules_test.toml` and show each difference as a person would want it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from lambda_authorizer.cli import console
from lambda_authorizer.cli.files import Loaded, environment_options, load_rules, read_text
from lambda_authorizer.errors import ConfigurationError, TokenError

if TYPE_CHECKING:
    from lambda_authorizer.cli.cases import Case
    from lambda_authorizer.cli.judge import Verdict
    from lambda_authorizer.jwk import KeySet

_HOMES = ("rules_test.toml", "authorizers/rules_test.toml")


class Outcome(NamedTuple):
    """One case, run."""

    case: "Case"
    verdict: "Verdict"
    differences: tuple[tuple[str, str, str], ...]  # what, expected, found
    seconds: float


@click.command("test", short_help="Run the cases of rules_test.toml.")
@click.argument("cases", metavar="[RULES_TEST]", required=False)
@click.option("--rules", "rules_file", metavar="FILE", help="The rules; default: rules.toml beside the cases.")
@click.option("--jwks", metavar="FILE", help="Key set that token cases are verified with.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML, for a CI.")
@click.option("-q", "--quiet", is_flag=True, help="Print failures only.")
@environment_options
def command(
    cases: str | None,
    rules_file: str | None,
    jwks: str | None,
    junit: str | None,
    *,
    quiet: bool,
    given: Mapping[str, str],
) -> None:
    """Run the cases of a rules_test.toml against the rules.

    Exit codes: 0 every case holds, 1 one does not, 2 the cases or the rules cannot be read.
    """
    from lambda_authorizer.cli.cases import parse_cases
    from lambda_authorizer.cli.judge import key_set_file

    file = cases or next((home for home in _HOMES if Path(home).is_file()), None)
    if file is None:
        raise ConfigurationError(
            "command line", "RULES_TEST", "nothing", f"a file of cases ({' or '.join(_HOMES)})"
        )
    listed = parse_cases(read_text(file, "a file of cases"), file=file)
    loaded = load_rules(rules_file or str(Path(file).with_name("rules.toml")), given)
    keys = key_set_file(jwks)
    outcomes = [_run(case, loaded, file, keys) for case in listed]
    for outcome in outcomes:
        if outcome.differences or not quiet:
            _show(outcome, file)
    if junit is not None:
        _write_junit(junit, file, outcomes)
    failed = sum(1 for outcome in outcomes if outcome.differences)
    _untested(loaded, outcomes)
    style = "bold red" if failed else "bold green"
    console.line((f"{len(outcomes) - failed} of {len(outcomes)} cases hold", style), f" ({loaded.file})")
    if failed:
        raise SystemExit(1)


def _run(case: "Case", loaded: Loaded, file: str, keys: "KeySet | None") -> Outcome:
    from lambda_authorizer.cli import judge

    line = case.line or None
    method, path = judge.split_request(case.request, file=file, key=f"case {case.name!r}.request", line=line)
    facts = judge.Facts(source_ip=case.source_ip)
    started = time.perf_counter()
    try:
        if case.token is not None:
            token = judge.token_text(case.token, Path(file).parent)
            principal = judge.caller_of_token(
                loaded.rules, token, keys, time.time() if case.at is None else case.at
            )
        elif case.claims is not None:
            key = f"case {case.name!r}.issuer"
            issuer = judge.issuer_named(loaded.rules, case.issuer, case.claims, file=file, key=key)
            principal = judge.caller_with(loaded.rules, case.claims, issuer)
        else:
            principal = judge.ANONYMOUS
        verdict = judge.judge(loaded.rules, principal, method, path, facts)
    except TokenError as error:
        verdict = judge.refusal(error)
    return Outcome(case, verdict, tuple(_differences(case, verdict)), time.perf_counter() - started)


def _differences(case: "Case", verdict: "Verdict") -> "list[tuple[str, str, str]]":
    """Everything expected that was not found; a context is held against the values that the case names."""
    from lambda_authorizer.cli.judge import json_text

    found = []
    for what, expected, got in (
        ("answer", case.expect, verdict.answer),
        ("reason", case.reason, verdict.reason),
        ("rule", case.rule, verdict.rule),
    ):
        if expected is not None and expected != got:
            found.append((what, str(expected), str(got) if got is not None else "none"))
    for name, value in (case.context or {}).items():
        typed = verdict.context.get(name)
        if value not in (typed, verdict.flat.get(name)):
            seen = json_text(typed) if typed is not None else "nothing"
            found.append((f"context.{name}", json_text(value), seen))
    return found


def _show(outcome: Outcome, file: str) -> None:
    case, verdict = outcome.case, outcome.verdict
    if not outcome.differences:
        console.line(("ok   ", "green"), case.name)
        return
    place = f"{file}:{case.line}" if case.line else file
    console.line(("FAIL ", "bold red"), (case.name, "bold"), f"  ({place})")
    for line in _lines(outcome):
        console.line(f"     {line}")
    if verdict.rule is not None and case.rule is None:
        console.line(f"     decided by the rule {verdict.rule!r}")


def _lines(outcome: Outcome) -> list[str]:
    caller = "a caller with the token"
    if outcome.case.claims is not None:
        from lambda_authorizer.cli.judge import json_text

        caller = f"a caller with {json_text(outcome.case.claims)}"
    elif outcome.case.anonymous:
        caller = "a caller without a credential"
    lines = [f"{caller} asks for {outcome.case.request}"]
    lines += [f"{what}: expected {expected}, found {found}" for what, expected, found in outcome.differences]
    if not any(what == "reason" for what, _, _ in outcome.differences):
        lines.append(f"reason: {outcome.verdict.reason}")
    return lines


def _write_junit(path: str, file: str, outcomes: list[Outcome]) -> None:
    from lambda_authorizer.cli.junit import Result, report

    results = [
        Result(one.case.name, one.seconds, "\n".join(_lines(one)) if one.differences else "") for one in outcomes
    ]
    try:
        Path(path).write_text(report(file, results), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError("command line", "--junit", (error.strerror or "").lower(), "a file") from None


def _untested(loaded: Loaded, outcomes: list[Outcome]) -> None:
    """Name the rules that decided no case: what no case touches may change unseen."""
    decided = {outcome.verdict.rule for outcome in outcomes}
    silent = [rule.name for rule in loaded.rules.rules if rule.name not in decided]
    if silent:
        console.note(f"no case is decided by the rule{'s' if len(silent) > 1 else ''} {', '.join(silent)}")
