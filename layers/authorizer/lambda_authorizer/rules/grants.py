"""Principal → grants: which rules hold for one caller, and for which values of path variables.

Laws of this file: every condition gives True, False or None ("cannot be known": the principal marks it unknown,
the request's facts are not at hand, the caller is anonymous). An allow rule needs True, a deny rule all but
False: what cannot be known never opens and always closes. No condition raises for any claim value.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from lambda_authorizer.principal import Principal, claim_at
from lambda_authorizer.rules.model import (
    UNBOUND,
    Alternative,
    Bindings,
    ClaimPath,
    Facts,
    Grants,
    Holder,
    Rule,
    RuleSet,
    Target,
)

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_LONGEST_VALUE: Final = 256  # a bound value stands in a Resource of at most 512 characters
_MOST_VALUES: Final = 32  # of a claim that is a list
_MOST_KEPT: Final = 256
_LARGEST_NUMBER: Final = 10**18
_SPACE, _DELETE, _NO_BREAK_SPACE, _SURROGATES, _PRIVATE = 0x20, 0x7F, 0xA0, 0xD800, 0xE000


def grants_for(rules: RuleSet, principal: Principal, facts: Facts | None) -> Grants:
    """Return what each route says for this caller.

    Args:
        rules: the rule set.
        principal: the caller; `ANONYMOUS` for a call without a credential.
        facts: the request's source address and client certificate where nothing is cached, else None.
    """
    if not rules.reads_names_only:
        return _evaluated(rules, principal, facts)
    # Whatever such rules read of a caller is in the key, so equal keys have equal grants, which nobody changes.
    names = _names(principal)
    found = rules.grants.get(names)
    if found is None:
        if len(rules.grants) >= _MOST_KEPT:
            rules.grants.clear()
        found = rules.grants[names] = _evaluated(rules, principal, facts)
    return found


def _names(principal: Principal) -> tuple[Hashable, ...]:
    """Return everything of a caller that rules can read, but claims."""
    return (
        principal.anonymous,
        principal.issuer,
        principal.scopes,
        principal.groups,
        principal.roles,
        principal.tier,
        principal.unknown,
    )


def _evaluated(rules: RuleSet, principal: Principal, facts: Facts | None) -> Grants:
    """Return what each route says for this caller, by asking for each set of conditions once."""
    unbound = shut = 0
    bound: dict[int, list[Alternative]] = {}
    closed: dict[int, list[Alternative]] = {}
    held: list[int] = []
    key: list[Any] = []
    for number, holder in enumerate(rules.holders):
        met = holds(rules, holder, principal, facts)
        if holder.effect == "allow":
            if met is not True:
                continue
            unbound |= holder.unbound
            for rule, target in holder.bound:
                bindings = _bind(target, principal)
                if bindings is not None:
                    bound.setdefault(target.route, []).append(Alternative(bindings, rule))
                    key.append((rule, target.route, bindings))
        else:
            if met is False:
                continue
            shut |= holder.unbound
            for rule, target in holder.bound:
                bindings = _bind(target, principal, whole=True)
                if bindings is None:
                    # A deny that cannot be bound denies the whole pattern.
                    shut |= 1 << target.route
                    bindings = UNBOUND
                else:
                    key.append((rule, target.route, bindings))
                closed.setdefault(target.route, []).append(Alternative(bindings, rule))
        held.append(number)
    return Grants.of_holders(
        rules,
        frozenset(held),
        (unbound, shut),
        {route: _in_order(found) for route, found in bound.items()},
        {route: _in_order(found) for route, found in closed.items()},
        (*key, *held),
    )


def _in_order(found: list[Alternative]) -> tuple[Alternative, ...]:
    return tuple(sorted(found, key=lambda one: (len(one.bindings), one.rule)))


def holds(rules: RuleSet, rule: Rule | Holder, principal: Principal, facts: Facts | None) -> bool | None:
    """Return whether all conditions of a rule hold; None where one cannot be known and none is False."""
    answer: bool | None = True
    anonymous_rule = False
    for kind, wanted in rule.conditions:
        if kind == "anonymous":
            anonymous_rule = True
            continue
        met = condition_met(rules, kind, wanted, principal, facts)
        if met is False:
            return False
        if met is None:
            answer = None
    if principal.anonymous and rule.effect == "allow" and not anonymous_rule:
        return False
    return answer


def condition_met(
    rules: RuleSet, kind: str, wanted: Any, principal: Principal, facts: Facts | None
) -> bool | None:
    """Return whether one condition holds; None where it cannot be known."""
    if kind in _REQUEST_CONDITIONS:
        return None if facts is None else _REQUEST_CONDITIONS[kind](wanted, facts)
    if principal.anonymous:
        return None  # whoever leaves the credential out must not thereby escape a deny rule
    if kind in {"scopes", "any_scopes"}:
        if "scopes" in principal.unknown:
            return None
        if not rules.hierarchical_scopes:
            # The common case, asked for every rule of every call.
            held = principal.scopes
            return held.issuperset(wanted) if kind == "scopes" else not held.isdisjoint(wanted)
        some = (_covers(principal.scopes, scope) for scope in wanted)
        return all(some) if kind == "scopes" else any(some)
    return _CONDITIONS[kind](wanted, principal)


def _covers(held: frozenset[str], scope: str) -> bool:
    """True if the scope is held, or one above it: `orders` covers `orders:read`."""
    if scope in held:
        return True
    cut = scope.rfind(":")
    while cut > 0:
        if scope[:cut] in held:
            return True
        cut = scope.rfind(":", 0, cut)
    return False


def _groups(wanted: tuple[str, ...], principal: Principal) -> bool | None:
    return None if "groups" in principal.unknown else not principal.groups.isdisjoint(wanted)


def _all_groups(wanted: tuple[str, ...], principal: Principal) -> bool | None:
    return None if "groups" in principal.unknown else principal.groups.issuperset(wanted)


def _roles(wanted: tuple[str, ...], principal: Principal) -> bool | None:
    return None if "roles" in principal.unknown else not principal.roles.isdisjoint(wanted)


def _all_roles(wanted: tuple[str, ...], principal: Principal) -> bool | None:
    return None if "roles" in principal.unknown else principal.roles.issuperset(wanted)


def _tier(wanted: tuple[str, ...], principal: Principal) -> bool | None:
    return None if "tier" in principal.unknown else principal.tier in wanted


def _issuer(wanted: tuple[str, ...], principal: Principal) -> bool:
    return principal.issuer in wanted


def _authenticated(_wanted: Any, _principal: Principal) -> bool:
    return True  # anonymous callers never come here


def _present(wanted: tuple[ClaimPath, ...], principal: Principal) -> bool | None:
    if any(path[0] in principal.unknown for path in wanted):
        return None
    return all(claim_at(principal.claims, path) is not None for path in wanted)


def _absent(wanted: tuple[ClaimPath, ...], principal: Principal) -> bool | None:
    if any(path[0] in principal.unknown for path in wanted):
        return None
    return all(claim_at(principal.claims, path) is None for path in wanted)


def _claims(wanted: tuple[tuple[ClaimPath, str, Any], ...], principal: Principal) -> bool | None:
    """Each entry is a path, "one_of" with values or "range" with (least, greatest), and must hold."""
    answer: bool | None = True
    for path, operator, operand in wanted:
        fits = None
        if path[0] not in principal.unknown:
            fits = _claim_fits(claim_at(principal.claims, path), operator, operand)
        if fits is False:
            return False
        if fits is None:
            answer = None
    return answer


def _claim_fits(value: object, operator: str, operand: Any) -> bool | None:
    """Return whether one of a claim's values fits; None where none does and some cannot be compared at all."""
    values = value if isinstance(value, list | tuple) else [value]
    if operator == "range":
        least, greatest = operand
        numbers = [item for item in values if isinstance(item, int | float) and not isinstance(item, bool)]
        fits = any((least is None or item >= least) and (greatest is None or item <= greatest) for item in numbers)
        readable = len(numbers) == sum(item is not None for item in values)
    else:
        fits = any(_same(item, wanted) for item in values for wanted in operand)
        readable = not any(isinstance(item, list | tuple | Mapping) for item in values)
    return True if fits else False if readable else None


def _same(left: object, right: object) -> bool:
    """Compare as JSON does: `true` is not 1, and "1" is not 1; but 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    return isinstance(left, int | float) and isinstance(right, int | float) and left == right


_CONDITIONS: Final[Mapping[str, Callable[[Any, Principal], bool | None]]] = {
    "groups": _groups,
    "all_groups": _all_groups,
    "roles": _roles,
    "all_roles": _all_roles,
    "tier": _tier,
    "min_tier": _tier,  # compiled to the tiers that are high enough
    "claims": _claims,
    "present": _present,
    "absent": _absent,
    "issuer": _issuer,
    "authenticated": _authenticated,
}


def _source_ip(wanted: tuple[str, ...], facts: Facts) -> bool | None:
    import ipaddress  # only rules that name an address pay for it

    try:
        address = ipaddress.ip_address(facts.source_ip or "")
    except ValueError:
        return None
    return any(address in ipaddress.ip_network(network, strict=False) for network in wanted)


def _client_certificate(wanted: Mapping[str, tuple[str, ...]], facts: Facts) -> bool:
    certificate = facts.client_certificate
    return certificate is not None and all(
        getattr(certificate, field, None) in values for field, values in wanted.items()
    )


_REQUEST_CONDITIONS: Final[Mapping[str, Callable[[Any, Facts], bool | None]]] = {
    "source_ip": _source_ip,
    "client_certificate": _client_certificate,
}


def _bind(target: Target, principal: Principal, *, whole: bool = False) -> Bindings | None:
    """Return the spellings each bound variable may have; None if one can have no value at all.

    With `whole`, None also where some value of a list cannot be spelled: a deny rule must not lose a part of it.
    """
    if not target.where:
        return ()
    bound = []
    for position, path in target.where:
        if principal.anonymous or path[0] in principal.unknown:
            return None
        value = claim_at(principal.claims, path)
        values = value if isinstance(value, list | tuple) else (value,)
        spelled = [spellings(item) for item in values[:_MOST_VALUES]]
        if whole and (len(values) > _MOST_VALUES or not all(spelled)):
            return None
        texts = sorted({text for item in spelled for text in item})
        if not texts:
            return None
        bound.append((position, tuple(texts)))
    return tuple(bound)


def spellings(value: object) -> tuple[str, ...]:
    """Return how a claim's value may stand in a path segment: as it is, or percent-encoded in both hex cases.

    Nothing for what is neither string nor whole number, is empty or overlong, is a dot segment, or holds a
    character whose encoding no path may hold (slash, backslash, controls).
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER:
        return (str(value),)
    if not isinstance(value, str) or not value or len(value) > _LONGEST_VALUE or value in {".", ".."}:
        return ()
    if _UNRESERVED.issuperset(value):
        return (value,)
    upper = lower = ""
    for char in value:
        if char in _UNRESERVED:
            upper += char
            lower += char
            continue
        code = ord(char)
        if char in "/\\" or code < _SPACE or _DELETE <= code < _NO_BREAK_SPACE or _SURROGATES <= code < _PRIVATE:
            return ()
        octets = char.encode("utf-8")
        upper += "".join(f"%{octet:02X}" for octet in octets)
        lower += "".join(f"%{octet:02x}" for octet in octets)
    if len(upper) > _LONGEST_VALUE:
        return ()
    return (upper,) if upper == lower else (upper, lower)
