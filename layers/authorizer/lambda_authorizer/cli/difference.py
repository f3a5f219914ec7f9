"""What a change of rules opens and what it closes, route by route, and what else it changes about trust.

A way in of the new rules is *opened* unless some way in of the old rules certainly let the same callers in; where
that is not certain it counts as opened, because this is what a review must see.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from lambda_authorizer.cli.implies import Condition, choices, frozen, implies
from lambda_authorizer.cli.shapes import covers, denied, overlap
from lambda_authorizer.cli.words import condition, dotted, joined, variable
from lambda_authorizer.policy import most_specific
from lambda_authorizer.rules.automaton import meet
from lambda_authorizer.rules.model import Route, Rule, RuleSet, Target
from lambda_authorizer.tokens import Issuer

_MOST_PATTERNS = 2_000


class Change(NamedTuple):
    """One thing that a change of rules does."""

    effect: Literal["opens", "closes"]
    what: str  # "GET /orders/{id}", "issuer main", "tiers"
    text: str


class _Way(NamedTuple):
    """One way in (or one refusal): the conditions, with bound variables as conditions of their own."""

    conditions: tuple[Condition, ...]
    bound: tuple[tuple[str, str], ...]  # mark of a bound variable -> its words
    words: str
    rule: str


def changes(old: RuleSet, new: RuleSet) -> list[Change]:
    """Return everything that the new rules open and close, openings first."""
    found = [*_trust(old, new), *_routes(old, new)]
    return sorted(dict.fromkeys(found), key=lambda one: one.effect == "closes")


def _routes(old: RuleSet, new: RuleSet) -> Iterator[Change]:
    hierarchical = old.hierarchical_scopes and new.hierarchical_scopes
    for route in _patterns((*old.routes, *new.routes)):
        before, after = _ways(old, route), _ways(new, route)
        yield from _opened("opens", route, after, before, hierarchical=hierarchical)
        yield from _opened("closes", route, before, after, hierarchical=hierarchical)
        refused_before, refused_after = _refusals(old, route), _refusals(new, route)
        if after:
            for way in _missing(refused_before, refused_after, hierarchical=hierarchical):
                yield Change("opens", route.text, f"to callers whom the rule {way.rule!r} refused ({way.words})")
        if before:
            for way in _missing(refused_after, refused_before, hierarchical=hierarchical):
                yield Change("closes", route.text, f"to callers whom the rule {way.rule!r} refuses ({way.words})")


def _opened(
    effect: Literal["opens", "closes"],
    route: Route,
    here: Sequence[_Way],
    there: Sequence[_Way],
    *,
    hierarchical: bool,
) -> Iterator[Change]:
    for way in _missing(here, there, hierarchical=hierarchical):
        yield Change(effect, route.text, f"to callers with {way.words} (rule {way.rule!r})")


def _missing(here: Sequence[_Way], there: Sequence[_Way], *, hierarchical: bool) -> Iterator[_Way]:
    """The ways of one side, taken apart, that no way of the other side certainly includes."""
    for way in here:
        apart = choices(way.conditions)
        missing = [
            one
            for one in apart
            if not any(implies(one, other.conditions, hierarchical=hierarchical) for other in there)
        ]
        if len(missing) == len(apart):
            yield way
            continue
        for one in missing:
            names = dict(way.bound)
            asked = [
                names[kind] if kind in names else condition(kind, wanted)
                for kind, wanted in one
                if kind != "authenticated" or len(one) == 1
            ]
            yield way._replace(words=joined(asked, "and"))


def _patterns(routes: Sequence[Route]) -> list[Route]:
    """The routes of both sides, and where two of them meet: there a request may need both."""
    found = {(route.kind, route.method, route.segments): route for route in routes}
    waiting = list(found.values())
    while waiting and len(found) < _MOST_PATTERNS:
        one = waiting.pop()
        for other in list(found.values()):
            if not overlap(one, other) or covers(one, other) or covers(other, one):
                continue
            method = other.method if one.method == "ANY" else one.method
            segments = tuple(meet([one.segments, other.segments]))
            key = (one.kind, method, segments)
            if key not in found:
                text = f"{one.text} where {other.text} matches too"
                found[key] = Route(one.kind, method, segments, text)
                waiting.append(found[key])
    return list(found.values())


def _owners(rules: RuleSet, route: Route) -> list[int]:
    """The routes that requests of the pattern belong to, as `policy.deciding` says it of one request."""
    wider = [number for number, one in enumerate(rules.routes) if covers(one, route)]
    owners = most_specific(rules.routes, wider)
    slash = len(route.segments) > 1 and route.segments[-1] == ""
    if slash and owners and not any(rules.routes[number].segments[-1] == "" for number in wider):
        owners = sorted({*owners, *_owners(rules, route._replace(segments=route.segments[:-1]))})
    return owners


def _ways(rules: RuleSet, route: Route) -> list[_Way]:
    """Who may call requests of the pattern: those who may call every route that they belong to."""
    ways: list[_Way] = []
    for place, owner in enumerate(_owners(rules, route)):
        mine = [
            _way(rule, target, rules.routes[owner])
            for rule in rules.rules
            if rule.effect == "allow"
            for target in rule.targets
            if target.route == owner
        ]
        ways = mine if place == 0 else [_both(one, other) for one in ways for other in mine]
    return ways


def _both(one: _Way, other: _Way) -> _Way:
    conditions = tuple({repr(condition_): condition_ for condition_ in one.conditions + other.conditions}.values())
    return _Way(conditions, one.bound + other.bound, f"{one.words} and {other.words}", one.rule)


def _refusals(rules: RuleSet, route: Route) -> list[_Way]:
    ways = []
    for rule in rules.rules:
        for target in rule.targets if rule.effect == "deny" else ():
            pattern = rules.denials[target.route]
            reached, whole = denied(pattern, route)
            if reached:
                ways.append(_way(rule, target, pattern, inside=whole))
    return ways


def _way(rule: Rule, target: Target, route: Route, *, inside: bool = True) -> _Way:
    bound: list[Condition] = [
        (f"where {position} {dotted(path)}", f"{variable(route, position)} = {dotted(path)}")
        for position, path in target.where
    ]
    if not inside:
        bound.append((f"where {route.text}", f"a request of {route.text}"))
    words = [condition(kind, wanted) for kind, wanted in rule.conditions] + [text for _, text in bound]
    # The place of a variable and the claim make the condition; its name in the file does not.
    marks: list[Condition] = [(kind, kind) for kind, _ in bound]
    conditions = (*((kind, frozen(wanted)) for kind, wanted in rule.conditions), *marks)
    if not any(kind in {"anonymous", "authenticated"} for kind, _ in conditions):
        conditions = (*conditions, ("authenticated", True))
    return _Way(conditions, tuple((kind, str(text)) for kind, text in bound), joined(words, "and"), rule.name)


def _trust(old: RuleSet, new: RuleSet) -> Iterator[Change]:
    before = {issuer.name: issuer for issuer in old.issuers}
    after = {issuer.name: issuer for issuer in new.issuers}
    for name, issuer in after.items():
        if name not in before:
            yield Change("opens", f"issuer {name}", f"is trusted ({issuer.url})")
        else:
            yield from _issuer(name, before[name], issuer)
    for name in before:
        if name not in after:
            yield Change("closes", f"issuer {name}", "is trusted no more")
    if old.tiers != new.tiers and new.tiers is not None:
        ranks = {tier: at for at, tier in enumerate(new.tiers.order)}
        was, now = (old.tiers.default if old.tiers else None), new.tiers.default
        if was != now:
            lower = now is None or (was is not None and ranks.get(now, 0) < ranks.get(was, -1))
            text = f"a caller without the claim has {now or 'no tier'}, before {was or 'none'}"
            yield Change("closes" if lower else "opens", "tiers", text)
        if old.tiers is not None and (old.tiers.values != new.tiers.values or old.tiers.order != new.tiers.order):
            yield Change("opens", "tiers", "values of the claim stand for other tiers, or their order changed")
    if old.hierarchical_scopes != new.hierarchical_scopes:
        effect: Literal["opens", "closes"] = "opens" if new.hierarchical_scopes else "closes"
        yield Change(
            effect, "scopes", "a scope covers those below it" if new.hierarchical_scopes else "are exact now"
        )
    if old.resource_policy != new.resource_policy:
        effect = "closes" if new.resource_policy else "opens"
        yield Change(
            effect, "resource policy", f"refusals are spelled out: {'yes' if new.resource_policy else 'no'}"
        )


# Field of an issuer -> what its change means, and when it opens; a field that is not here always does.
_WIDER: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "iss_values": ("other values of iss are accepted", lambda was, now: not set(now) <= set(was)),
    "audiences": (
        "other audiences are accepted",
        lambda was, now: was is not None and (now is None or not set(now) <= set(was)),
    ),
    "algorithms": ("other algorithms are accepted", lambda was, now: not set(now) <= set(was)),
    "leeway": ("times may be off by more", lambda was, now: now > was),
    "token_use": ("tokens of another use are accepted", lambda was, now: was != now),
    "preset": ("another preset reads the claims", lambda was, now: was != now),
    "key_source": ("keys come from another place", lambda was, now: was != now),
    "introspection": ("opaque tokens are asked about elsewhere", lambda was, now: was != now),
    "claim_paths": ("other claims give scopes, groups, roles, tier or id", lambda was, now: was != now),
    "any_tenant": ("any tenant may sign in", lambda was, now: now is not None and was != now),
}


def _issuer(name: str, was: Issuer, now: Issuer) -> Iterator[Change]:
    for field in Issuer.__slots__:
        before, after = getattr(was, field), getattr(now, field)
        if before == after or field in {"name", "url"}:
            continue  # of the url, `iss_values` tells what counts
        text, wider = _WIDER.get(field, (f"{field} differs", lambda was, now: was != now))
        if wider(before, after):
            yield Change("opens", f"issuer {name}", text)
        else:
            yield Change("closes", f"issuer {name}", f"{field} is narrower")
