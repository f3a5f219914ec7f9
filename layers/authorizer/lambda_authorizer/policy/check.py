"""Check time: can IAM say these rules exactly, for every caller? Corner by corner, with the ways out."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy.build import Narrowed, Policy, build_policy
from lambda_authorizer.policy.callers import Caller, callers
from lambda_authorizer.policy.proof import DEFAULT_BUDGET, Proof, Prover
from lambda_authorizer.rules import RuleSet

_ARN: Final = ExecuteApiArn("aws", "eu-central-1", "123456789012", "a1b2c3d4e5", "production", "GET", "/")
WAYS_OUT: Final = {
    "wildcard": (
        "a result TTL of 0 for this authorizer: each answer then covers the called route only",
        "an authorizer of its own for one of the routes",
        "another path for one of the routes, so that a literal tells them apart",
        "`narrow = true` on the rule, which accepts the loss",
    ),
    "resource_too_long": ("a shorter path or stage name", "a result TTL of 0 for this authorizer"),
    "policy_too_large": (
        "fewer or wider routes in the rules",
        "an authorizer of its own for a part of the API",
        "a result TTL of 0 for this authorizer",
    ),
    "over": ("report this as a defect of the toolkit: nothing was deployed",),
    "undecided": ("fewer overlapping routes in one authorizer", "a result TTL of 0 for this authorizer"),
}

KNOWN_ROUTES: Final = (
    "the list of all routes of the API beside the rules (routes.json, written from the template): what no route "
    "has is answered by the gateway and then need not be told apart"
)


class CornerFinding(NamedTuple):
    """One corner that IAM cannot say, or that was not proved."""

    kind: str  # "wildcard", "policy_too_large", "resource_too_long", "over" or "undecided"
    lost: tuple[str, ...]  # routes whose requests would be denied
    because: tuple[str, ...]  # routes that would have been opened; () for requests of no route
    methods: tuple[str, ...]
    rules: tuple[str, ...]  # that hold together when it happens
    whole: bool  # False: only requests that look like the others
    accepted: bool  # `narrow = true`
    text: str
    ways_out: tuple[str, ...]


class ExactReport(NamedTuple):
    """What the check found."""

    exact: bool  # no corner but accepted ones
    corners: tuple[CornerFinding, ...]
    callers: int  # looked at
    proved: int  # whose policy was proved equal to the rules, or narrower as reported, over all paths
    states: int


def check_exact(rules: RuleSet, *, budget: int = DEFAULT_BUDGET) -> ExactReport:
    """Look for corners in the policies of all callers that matter, and prove every policy.

    Args:
        rules: the rules.
        budget: states that the proof of one caller may visit; past it the rules are refused.
    """
    found: dict[tuple[object, ...], CornerFinding] = {}
    looked = proved = states = 0
    prover = Prover(rules, _ARN)
    for caller in callers(rules):
        looked += 1
        policy = build_policy(caller.grants, _ARN, whole=True)
        for narrowed in policy.narrowed:
            finding = _corner(rules, caller, narrowed)
            found.setdefault((finding.kind, finding.lost, finding.because), finding)
        proof = prover.prove(policy.document, caller.grants, budget=budget)
        proved += proof.decided
        states += proof.states
        for finding in _unproved(rules, caller, policy, proof):
            found.setdefault((finding.kind, finding.lost, finding.because), finding)
    corners = tuple(found.values())
    return ExactReport(all(corner.accepted for corner in corners), corners, looked, proved, states)


def _corner(rules: RuleSet, caller: Caller, narrowed: Narrowed) -> CornerFinding:
    givers = _rules_of(rules, caller, narrowed.routes)
    accepted = narrowed.why == "wildcard" and bool(givers) and all(rules.rules[number].narrow for number in givers)
    lost = _listed(narrowed.routes)
    if narrowed.why == "policy_too_large":
        text = f"the policy of a caller of all these rules is over 6 KB; what does not fit is denied: {lost}"
    elif narrowed.why == "resource_too_long":
        text = "a Resource would be longer than 512 characters; its routes are denied"
    else:
        loss = "denied" if narrowed.whole else "denied where it looks like the other"
        others = _listed(narrowed.because) or "longer paths that belong to no route"
        text = (
            f"IAM's `*` crosses slashes and cannot tell {lost} from {others}: a caller of these rules, "
            f"who may call the first and not the second, finds the first {loss}"
        )
    ways_out = WAYS_OUT[narrowed.why]
    if narrowed.why == "wildcard" and not narrowed.because and not rules.routes_known:
        ways_out = (KNOWN_ROUTES, *ways_out)
    return CornerFinding(
        narrowed.why,
        narrowed.routes,
        narrowed.because,
        narrowed.methods,
        tuple(rules.rules[number].name for number in givers),
        narrowed.whole,
        accepted,
        text,
        ways_out,
    )


def _unproved(rules: RuleSet, caller: Caller, policy: Policy, proof: Proof) -> Iterable[CornerFinding]:
    names = tuple(rules.rules[number].name for number in sorted(caller.rules))
    if not proof.decided:
        yield CornerFinding(
            "undecided", (), (), (), names, whole=False, accepted=False,
            text=f"whether the policy says what the rules say was not decided within {proof.states} states",
            ways_out=WAYS_OUT["undecided"],
        )  # fmt: skip
    known = {route for narrowed in policy.narrowed for route in narrowed.routes}
    unlimited = any(not narrowed.routes for narrowed in policy.narrowed)
    wrong = list(proof.over)
    wrong += [witness for witness in proof.under if known.isdisjoint(witness.routes) and not unlimited]
    for witness in wrong:
        yield CornerFinding(
            "over", witness.routes, (), (witness.method,), names, whole=False, accepted=False,
            text=f"the policy and the rules disagree about {witness.method} {witness.path}",
            ways_out=WAYS_OUT["over"],
        )  # fmt: skip


def _rules_of(rules: RuleSet, caller: Caller, routes: Iterable[str]) -> list[int]:
    wanted = set(routes)
    return [
        number
        for number in sorted(caller.rules)
        if rules.rules[number].effect == "allow"
        and any(rules.routes[target.route].text in wanted for target in rules.rules[number].targets)
    ]


def _listed(routes: Iterable[str]) -> str:
    return " and ".join(routes)
