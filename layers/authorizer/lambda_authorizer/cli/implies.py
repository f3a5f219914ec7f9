"""One condition as strong as another: the small logic behind `diff`.

Every answer errs to one side: True only where it is certain that whoever meets the first meets the second.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

Condition = tuple[str, Any]
_MOST_CHOICES = 64
_ANY_OF = {"any_scopes", "groups", "roles", "tier", "min_tier", "issuer"}
_ALL_OF = {"scopes": "any_scopes", "all_groups": "groups", "all_roles": "roles"}


def frozen(value: Any) -> Any:
    """Return a condition's value with tuples for lists: compiled rules come from JSON."""
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    return {name: frozen(item) for name, item in value.items()} if isinstance(value, dict) else value


def choices(conditions: Sequence[Condition]) -> list[tuple[Condition, ...]]:
    """Return the conditions with every "one of" taken apart; what gets too many is left whole."""
    options: list[list[Condition]] = []
    count = 1
    for kind, wanted in conditions:
        if kind == "min_tier":
            kind = "tier"  # noqa: PLW2901 - compiled, both are a list of tiers
        apart = [(kind, (one,)) for one in wanted] if kind in _ANY_OF else [(kind, wanted)]
        count *= len(apart)
        options.append(apart if count <= _MOST_CHOICES else [(kind, wanted)])
    return list(product(*options))


def implies(strong: Sequence[Condition], weak: Sequence[Condition], *, hierarchical: bool) -> bool:
    """True if whoever meets all of `strong` certainly meets all of `weak`."""
    return all(_met(strong, kind, wanted, hierarchical=hierarchical) for kind, wanted in weak)


def _met(strong: Sequence[Condition], kind: str, wanted: Any, *, hierarchical: bool) -> bool:
    if kind == "anonymous":
        return True
    if kind == "authenticated":
        return not any(one == "anonymous" for one, _ in strong)
    if kind in _ALL_OF:
        return all(_one_held(strong, kind, (name,), hierarchical=hierarchical) for name in wanted)
    if kind in {"any_scopes", "groups", "roles"}:
        whole = next(all_of for all_of, any_of in _ALL_OF.items() if any_of == kind)
        return _one_held(strong, whole, wanted, hierarchical=hierarchical)
    if kind in {"tier", "min_tier"}:
        return any(one in {"tier", "min_tier"} and set(held) <= set(wanted) for one, held in strong)
    if kind == "issuer":
        return any(one == kind and set(held) <= set(wanted) for one, held in strong)
    if kind == "present":
        return all(_present(strong, path) for path in wanted)
    if kind == "absent":
        return any(one == kind and set(held) >= set(wanted) for one, held in strong)
    if kind == "claims":
        return all(_claim(strong, entry) for entry in wanted)
    if kind == "source_ip":
        return any(one == kind and _inside(held, wanted) for one, held in strong)
    if kind == "client_certificate":
        return any(one == kind and _certificate(held, wanted) for one, held in strong)
    return (kind, wanted) in strong


def _one_held(strong: Sequence[Condition], whole: str, names: Sequence[str], *, hierarchical: bool) -> bool:
    """True if the strong conditions give at least one of the names."""

    def gives(held: str) -> bool:
        wide = hierarchical and whole == "scopes"
        return any(held == name or (wide and name.startswith(f"{held}:")) for name in names)

    return any(
        (kind == whole and any(gives(one) for one in held))
        or (kind == _ALL_OF[whole] and all(gives(one) for one in held))
        for kind, held in strong
    )


def _present(strong: Sequence[Condition], path: tuple[str, ...]) -> bool:
    return any(
        (kind == "present" and path in held) or (kind == "claims" and any(entry[0] == path for entry in held))
        for kind, held in strong
    )


def _claim(strong: Sequence[Condition], entry: tuple[Any, str, Any]) -> bool:
    path, operator, operand = entry
    for kind, held in strong:
        for other_path, other_operator, other in held if kind == "claims" else ():
            if other_path != path or other_operator != operator:
                continue
            if operator == "range" and _range_inside(other, operand):
                return True
            if operator != "range" and all(_among(value, operand) for value in other):
                return True
    return False


def _among(value: Any, values: Sequence[Any]) -> bool:
    return any(type(value) is type(other) and value == other for other in values)


def _range_inside(inner: Any, outer: Any) -> bool:
    least = outer[0] is None or (inner[0] is not None and inner[0] >= outer[0])
    return least and (outer[1] is None or (inner[1] is not None and inner[1] <= outer[1]))


def _inside(inner: Sequence[str], outer: Sequence[str]) -> bool:
    from ipaddress import ip_network

    nets = [ip_network(one, strict=False) for one in outer]
    return all(
        any(one.version == net.version and one.subnet_of(net) for net in nets)  # type: ignore[arg-type]
        for one in (ip_network(text, strict=False) for text in inner)
    )


def _certificate(strong: Any, weak: Any) -> bool:
    return all(field in strong and set(strong[field]) <= set(values) for field, values in weak.items())
