"""Which rules speak about a refused call, and which of their conditions the caller does not meet.

For messages of failing tests alone. The token was verified by the function that refused; here its claims are read.
"""

from collections.abc import Iterator

import jwt

from lambda_authorizer.policy import route_of
from lambda_authorizer.principal import Principal, map_principal
from lambda_authorizer.rules import Facts, Grants, RuleSet, grants_for
from lambda_authorizer.rules.grants import condition_met
from lambda_authorizer.rules.model import Rule
from lambda_authorizer.tokens.verify import Claims

_FAR = 4_102_444_800  # 2100


def caller(rules: RuleSet, token: str) -> Principal | None:
    """Return whom a token's claims describe; None where they describe nobody the rules know."""
    try:
        values = jwt.decode(token, options={"verify_signature": False})
        issuer = next(one for one in rules.issuers if values.get("iss") in one.iss_values)
        claims = Claims(issuer=issuer.name, key_id=None, expires_at=_FAR, values=values)
        return map_principal(claims, issuer, rules.tiers)
    except (jwt.InvalidTokenError, StopIteration, ValueError):
        return None


def why(rules: RuleSet, principal: Principal, method: str, path: str) -> list[str]:
    """Return one line a rule that allows the called route, with what the caller lacks.

    Args:
        rules: of the function.
        principal: the caller.
        method: "GET"; "$connect"; "PUBLISH".
        path: the path or channel.
    """
    names = {f"{verb} {template}".strip() for verb, template in route_of(rules, method, path)}
    if not names:
        return ["no rule names a route that this request is of"]
    grants = grants_for(rules, principal, Facts())
    numbers = {number for number, route in enumerate(rules.routes) if route.text in names}
    found = []
    for rule in rules.rules:
        for target in rule.targets:
            if rule.effect == "allow" and target.route in numbers:
                line = f" (line {rule.line})" if rule.line else ""
                lacks = ", ".join(_lacking(rules, rule, principal)) or _bound(grants, target.route)
                found.append(
                    f"rule {rule.name!r}{line} allows {rules.routes[target.route].text}; not met: {lacks}"
                )
    return found or ["the API has this route, and no rule allows it"]


def _lacking(rules: RuleSet, rule: Rule, principal: Principal) -> Iterator[str]:
    """Return each condition that does not hold, or cannot be known."""
    for kind, wanted in rule.conditions:
        if condition_met(rules, kind, wanted, principal, Facts()) is not True:
            plain = isinstance(wanted, (list, tuple)) and all(isinstance(one, str) for one in wanted)
            yield f"{kind} {' '.join(wanted) if plain else wanted}"


def _bound(grants: Grants, route: int) -> str:
    """Return what is left to lack where every condition holds."""
    if any(not alternative.bindings for alternative in grants.routes.get(route, ())):
        return "nothing"
    return "where"


__all__ = ["caller", "why"]
