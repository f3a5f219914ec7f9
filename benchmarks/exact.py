"""`make exact N=…`: are policies and rules equal, how often can IAM say them whole, what does it cost?

Every generated rule set gets one caller. Its policy for the whole API is proved against the rules over all paths
(`policy.proof`), and judged on sampled requests by an IAM evaluator that shares no code with the builder
(`testing.iam`), until N requests were judged. Over-grants are never accounted for; an under-grant is, but only
where the policy itself named the route it lost.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from benchmarks.published import areas, drawing
from benchmarks.route_tables import ISSUER, route_table, rules_over, wild_table
from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy import decide, route_numbers
from lambda_authorizer.policy.build import Policy, build_policy
from lambda_authorizer.policy.proof import prove
from lambda_authorizer.principal import Principal
from lambda_authorizer.rules import Grants, RuleSet, grants_for, load_compiled
from lambda_authorizer.rules.compile import written
from lambda_authorizer.rules.model import GREEDY, METHODS, VARIABLE
from lambda_authorizer.rules.parse import compile_document
from lambda_authorizer.testing.iam import Policy as IamPolicy

ARN = ExecuteApiArn("aws", "eu-west-1", "123456789012", "abcdef1234", "prod", "GET", "/")
_VALUES = ("c-1", "a@b", "a", "GET", "x/y", "", "caller", "me")


class Family(NamedTuple):
    """One kind of generated rule set."""

    name: str
    make: Callable[[random.Random, int], list[str]]
    least: int
    most: int
    known: bool
    bound: float
    denials: float
    scattered: (
        float | None
    )  # share of the routes that any rule may name; None: rules by area, reads and writes apart
    weight: int  # of every hundred rule sets


_SOME, _MANY = drawing(5, 60), drawing(80, 130)
FAMILIES = (
    Family("published, 5-60 routes, rules by area", _SOME, 5, 60, True, 0.0, 0.0, None, 8),
    Family("published, 5-60 routes, rules by resource", _SOME, 5, 60, True, 0.0, 0.0, 0.2, 8),
    Family("published, 5-60 routes, rules at random", _SOME, 5, 60, True, 0.0, 0.0, 1.0, 8),
    Family("published, 80-130 routes, rules by area", _MANY, 80, 130, True, 0.0, 0.0, None, 3),
    Family("published, 80-130 routes, rules by resource", _MANY, 80, 130, True, 0.0, 0.0, 0.2, 3),
    Family("published, 80-130 routes, rules at random", _MANY, 80, 130, True, 0.0, 0.0, 1.0, 3),
    Family("made up, 5-60 routes, rules by resource", route_table, 5, 60, True, 0.0, 0.0, 0.2, 8),
    Family("made up, 5-60 routes, rules at random", route_table, 5, 60, True, 0.0, 0.0, 1.0, 8),
    Family("made up, 100 routes, rules by resource", route_table, 100, 100, True, 0.0, 0.0, 0.2, 3),
    Family("made up, 100 routes, rules at random", route_table, 100, 100, True, 0.0, 0.0, 1.0, 3),
    Family("made up, 5-60 routes, bound, denials", route_table, 5, 60, True, 0.2, 0.2, 0.5, 10),
    Family("made up, 5-60 routes, unknown", route_table, 5, 60, False, 0.2, 0.2, 0.5, 10),
    Family("3-8 routes of a tiny alphabet, known", wild_table, 3, 8, True, 0.15, 0.2, 1.0, 13),
    Family("3-8 routes of a tiny alphabet, unknown", wild_table, 3, 8, False, 0.15, 0.2, 1.0, 12),
)


class Outcome(NamedTuple):
    """What came out for one rule set and one caller."""

    whole: bool  # nothing narrowed
    granted: int  # routes the caller is granted
    lost: int  # of those, denied wholly
    narrowed: int  # of those, denied wholly or where they look like another route
    requests: int
    over: tuple[str, ...]
    under: tuple[str, ...]  # not accounted for by what the policy says it lost
    undecided: bool
    size: int  # bytes of the document
    compile_ms: float
    build_ms: float
    proof_ms: float


def _rules(rnd: random.Random, family: Family, routes: list[str]) -> tuple[dict[str, Any], int]:
    """Return the rules document, and how many scopes it names."""
    if family.scattered is None:
        parts = areas(routes)
        tables = [
            {"name": f"area {number}", "allow": part, "scopes": [f"s{number}"]}
            for number, part in enumerate(parts)
        ]
        return {"schema": 1, "issuer": [ISSUER], "rule": tables}, len(parts)
    count = max(2, len(routes) // 8)
    document = rules_over(
        rnd, routes, rules=count, bound=family.bound, denials=family.denials, scattered=family.scattered
    )
    return document, count


def run_one(family: Family, seed: int, *, samples: int) -> Outcome:
    """Return the outcome for one seed."""
    rnd = random.Random(f"{family.name} {seed}")
    size = rnd.randint(family.least, family.most)
    routes = family.make(rnd, size)
    document, count = _rules(rnd, family, routes)
    begun = time.perf_counter()
    known = routes if family.known else None
    compiled = compile_document(json.dumps(document), file="rules.json", api_routes=known)
    compiled_in = time.perf_counter() - begun
    rules = load_compiled(written(compiled), file="rules.json", environment={})
    grants = grants_for(rules, _caller(rnd, count), None)
    build_policy(grants, ARN)  # the tables are made ready once a start
    rules.cache.clear()
    begun = time.perf_counter()
    policy = build_policy(grants, ARN)
    built_in = time.perf_counter() - begun
    begun = time.perf_counter()
    proof = prove(policy.document, grants, ARN)
    proved_in = time.perf_counter() - begun
    lost = {route for narrowed in policy.narrowed for route in narrowed.routes}
    over = [f"{family.name} {seed}: proof: {witness}" for witness in proof.over]
    under = [f"{family.name} {seed}: proof: {item}" for item in proof.under if lost.isdisjoint(item.routes)]
    judge = IamPolicy(policy.document)
    for method, path in _requests(rnd, rules, grants, samples):
        wanted = decide(grants, method, path).allowed
        said = judge.ask(f"{ARN.prefix}{method}{path}").allowed
        if said == wanted:
            continue
        belongs = route_numbers(rules, method, path)[0]
        if said and (belongs or not family.known):
            over.append(f"{family.name} {seed}: {method} {path}")
        elif wanted and lost.isdisjoint(rules.routes[number].text for number in belongs):
            under.append(f"{family.name} {seed}: {method} {path}")
    return Outcome(
        not policy.narrowed,
        len(grants.routes),
        _narrowed_routes(rules, policy, whole=True),
        _narrowed_routes(rules, policy, whole=False),
        samples,
        tuple(over),
        tuple(under),
        not proof.decided,
        len(json.dumps(policy.document, separators=(",", ":"))),
        compiled_in * 1e3,
        built_in * 1e3,
        proved_in * 1e3,
    )


def _narrowed_routes(rules: RuleSet, policy: Policy, *, whole: bool) -> int:
    """Return how many routes were denied wholly; or, without `whole`, at all."""
    routes = {route.text for route in rules.routes}
    return len(
        {
            route
            for narrowed in policy.narrowed
            for route in narrowed.routes
            if route in routes and (narrowed.whole or not whole)
        }
    )


def _caller(rnd: random.Random, count: int) -> Principal:
    scopes = frozenset(f"s{number}" for number in range(count) if rnd.random() < 0.6)
    groups = frozenset(f"g{number}" for number in range(count) if rnd.random() < 0.3)
    claims = {"sub": rnd.choice(_VALUES), "tenant": rnd.choice(_VALUES)}
    return Principal("caller", "main", scopes, groups, frozenset(), None, None, claims, None, frozenset())


def _requests(rnd: random.Random, rules: RuleSet, grants: Grants, count: int) -> Iterator[tuple[str, str]]:
    """Yield requests near the routes: each template filled with values that look like other routes, and bent."""
    words = sorted({part for route in rules.routes for part in route.segments if isinstance(part, str) and part})
    ways = [way for found in grants.routes.values() for way in found]
    bound = [text for way in ways for _, texts in way.bindings for text in texts]
    values = [*words, *bound, "1", "x-y", "%41", "a.b", "*", "?", "${x}"]
    for _ in range(count):
        route = rnd.choice(rules.routes)
        parts: list[str] = []
        for segment in route.segments:
            if segment == VARIABLE:
                parts.append(rnd.choice(values))
            elif segment == GREEDY:
                parts += [rnd.choice(values) for _ in range(rnd.randint(1, 3))]
            else:
                parts.append(str(segment))
        bend = rnd.random()
        if bend < 0.15:
            parts.insert(rnd.randint(0, len(parts)), rnd.choice(values))
        elif bend < 0.25 and len(parts) > 1:
            parts.pop(rnd.randrange(len(parts)))
        elif bend < 0.3:
            parts.append("")
        elif bend < 0.35:
            parts[rnd.randrange(len(parts))] = rnd.choice(
                ("", ".", "..", "a%2Fb", "a%5cb", "%2e", "a%00", "a%7F", "a\\b")
            )
        method = route.method if route.method in METHODS and rnd.random() < 0.8 else rnd.choice(METHODS)
        yield method, "/" + "/".join(parts)


class Sums:
    """Outcomes of one family, added up."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def line(self, name: str) -> str:
        """Return the family's line of the table."""
        outcomes = self.outcomes
        sizes = sorted(outcome.size for outcome in outcomes)
        return (
            f"{name:44} {len(outcomes):6} {self.whole:7.1%} {self.lost:7.2%} {self.narrowed:9.2%}"
            f" {_middle([outcome.compile_ms for outcome in outcomes]):8.1f}"
            f" {_middle([outcome.build_ms for outcome in outcomes]):7.2f}"
            f" {_middle([outcome.proof_ms for outcome in outcomes]):8.1f} {sizes[len(sizes) // 2]:6} {sizes[-1]:6}"
        )

    @property
    def whole(self) -> float:
        """Return the share of the rule sets of which nothing is narrowed."""
        return sum(outcome.whole for outcome in self.outcomes) / len(self.outcomes)

    @property
    def lost(self) -> float:
        """Return the share of the granted routes of the others that are denied wholly."""
        return self._share([outcome.lost for outcome in self.outcomes])

    @property
    def narrowed(self) -> float:
        """Return the share of the granted routes of the others of which some requests are denied."""
        return self._share([outcome.narrowed for outcome in self.outcomes])

    def _share(self, counts: list[int]) -> float:
        granted = sum(outcome.granted for outcome in self.outcomes if not outcome.whole)
        return sum(counts) / max(1, granted)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _goals(sums: Mapping[Family, Sums]) -> Iterator[str]:
    """Yield the goals for tables that people have published, with rules by area or by resource."""
    for size, least in ((" 5-60 ", 0.9), (" 80-130 ", 2 / 3)):
        both = Sums()
        for family, found in sums.items():
            if family.name.startswith("published") and size in family.name and family.scattered != 1.0:
                both.outcomes += found.outcomes
        if both.outcomes:
            count = len(both.outcomes)
            yield _goal(
                f"published,{size}routes: {both.whole:.1%} of {count} whole", f"≥ {least:.0%}", both.whole >= least
            )
            if least < 0.9:
                yield _goal(f"published,{size}routes: {both.lost:.1%} lost in the rest", "≤ 2%", both.lost <= 0.02)


def _goal(measured: str, limit: str, met: bool) -> str:  # noqa: FBT001 - a verdict
    return f"{measured}; goal {limit}: {'met' if met else 'missed'}"


def main(arguments: list[str]) -> int:
    """Print the table; the exit code is 1 where policy and rules disagree anywhere."""
    parser = argparse.ArgumentParser(prog="make exact", description=__doc__)
    number = int(os.environ.get("N", "20000"))
    parser.add_argument("--requests", type=int, default=number, help="requests to judge")
    parser.add_argument("--samples", type=int, default=200, help="requests for each rule set")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    sums = {family: Sums() for family in FAMILIES}
    rnd = random.Random(chosen.seed)
    judged = 0
    undecided: list[str] = []
    over: list[str] = []
    under: list[str] = []
    shown = time.monotonic()
    while judged < chosen.requests:
        family = rnd.choices(FAMILIES, [family.weight for family in FAMILIES])[0]
        seed = rnd.getrandbits(60)
        outcome = run_one(family, seed, samples=chosen.samples)
        sums[family].outcomes.append(outcome)
        judged += outcome.requests
        undecided += [f"{family.name} {seed}: undecided"] * outcome.undecided
        over += outcome.over
        under += outcome.under
        if sys.stderr.isatty() and time.monotonic() - shown > 1:
            shown = time.monotonic()
            sys.stderr.write(f"\r{judged:,} of {chosen.requests:,} requests, {len(over)} over, {len(under)} under")
    print(
        f"{'rule sets':44} {'number':>6} {'whole':>7} {'lost':>7} {'narrowed':>9} {'compile':>8} {'build':>7}"
        f" {'proof':>8} {'bytes':>6} {'most':>6}"
    )
    for family, found in sums.items():
        if found.outcomes:
            print(found.line(family.name))
    print(
        "whole: nothing narrowed; of the routes granted in the rest, lost: denied wholly; narrowed: those, and "
        "routes denied where they look like another; times in ms, medians"
    )
    for line in _goals(sums):
        print(line)
    policies = sum(len(found.outcomes) for found in sums.values())
    print(
        f"{judged:,} requests judged by IAM rules, {policies:,} policies proved over all paths: "
        f"{len(over)} over-grants, {len(under)} under-grants, {len(undecided)} undecided"
    )
    for line in (over + under + undecided)[:20]:
        print(line)
    return 1 if over or under else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
