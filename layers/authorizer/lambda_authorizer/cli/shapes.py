"""Routes compared as patterns: does one take in the other, do they meet."""

from lambda_authorizer.rules.model import GREEDY, VARIABLE, Route


def methods_meet(one: Route, other: Route) -> bool:
    """True if some request has a method of both."""
    return one.method == other.method or "ANY" in {one.method, other.method}


def reaches(wide: Route, narrow: Route) -> bool:
    """True if every path of the narrow route matches the wide one, and some method does."""
    if wide.kind != narrow.kind or not methods_meet(wide, narrow):
        return False
    for at, segment in enumerate(wide.segments):
        if segment == GREEDY:
            return len(narrow.segments) > at
        if at >= len(narrow.segments) or narrow.segments[at] == GREEDY:
            return False
        if segment not in {VARIABLE, narrow.segments[at]}:
            return False
    return len(wide.segments) == len(narrow.segments)


def covers(wide: Route, narrow: Route) -> bool:
    """True if every request of the narrow route matches the wide one."""
    return reaches(wide, narrow) and wide.method in {"ANY", narrow.method}


def denied(pattern: Route, route: Route) -> tuple[bool, bool]:
    """Return whether a deny pattern reaches some request of the route, and whether it reaches all of them.

    A deny pattern takes the same path with a trailing slash too (see `policy.Trie.reaching`).
    """
    spelled = [route]
    if len(route.segments) > 1 and route.segments[-1] == "":
        spelled.append(route._replace(segments=route.segments[:-1]))
    return any(overlap(pattern, one) for one in spelled), any(covers(pattern, one) for one in spelled)


def overlap(one: Route, other: Route) -> bool:
    """True if some request matches both."""
    if one.kind != other.kind or not methods_meet(one, other):
        return False
    for left, right in zip(one.segments, other.segments, strict=False):
        if GREEDY in {left, right}:
            return True
        if VARIABLE not in {left, right} and left != right:
            return False
    return len(one.segments) == len(other.segments)
