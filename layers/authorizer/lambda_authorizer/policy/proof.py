"""A decision procedure: does a policy document say what the rules say, for every request path there is?

Both sides are automata over characters: the document's Resources as IAM reads them, the rules' templates as the
contract defines them. Every state that both can reach together is visited, so the answer holds for all paths of
any length, not for samples. It shares no code with the search that makes policies (`rules.automaton`,
`policy.select`) and none with `decide`.

Laws of this file: past the budget the answer is "undecided", which callers treat as refused. A path is any text of
printable ASCII without a blank: nothing else can stand in a request line (RFC 9112 section 3.2).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.rules import Grants
from lambda_authorizer.rules.model import GREEDY, METHODS, VARIABLE, Route, Segment, within

OTHER: Final = "\x00"  # any printable character that nobody spells
_SPECIAL: Final = "/.%2fF5cCeE017\\"
_MOST_WITNESSES: Final = 8
DEFAULT_BUDGET: Final = 400_000


class Witness(NamedTuple):
    """A request on which the document and the rules disagree; OTHER characters are shown as `x`."""

    method: str
    path: str
    routes: tuple[str, ...]  # those the request belongs to


class Proof(NamedTuple):
    """What the search found."""

    over: tuple[Witness, ...]  # allowed by the document, not by the rules
    under: tuple[Witness, ...]  # allowed by the rules, not by the document
    states: int
    decided: bool  # False: the budget was spent; the rules are refused, not trusted

    @property
    def exact(self) -> bool:
        """True if both sides agree on every request."""
        return self.decided and not self.over and not self.under


class _Machine:
    """Patterns run side by side, one bit a position."""

    __slots__ = (
        "absorbing",
        "accepting",
        "accepts",
        "any_char",
        "any_loop",
        "chars",
        "earlier",
        "segment_char",
        "segment_loop",
        "size",
        "start",
    )

    def __init__(self) -> None:
        self.size = 0
        self.start = 0
        self.chars: dict[str, int] = {}  # character -> positions that it moves
        self.any_char = 0  # positions that every character moves
        self.any_loop = 0  # positions that every character keeps
        self.segment_char = 0  # the same for every character but the slash
        self.segment_loop = 0
        self.accepts: list[tuple[int, Any]] = []
        self.accepting = 0
        self.earlier: dict[int, int] = {}  # loop over everything -> earlier positions of its pattern
        self.absorbing = 0  # loops over everything that accept

    def add(self, tokens: Sequence[Any], label: Any) -> None:
        """Add a pattern: characters, "any"/"segment" for one character, "any*"/"segment*" for a loop."""
        at = self.size
        self.start |= 1 << at
        for part in tokens:
            bit = 1 << at
            if part == "any*":
                self.any_loop |= bit
                self.earlier[bit] = bit - (1 << self.size)
                continue
            if part == "segment*":
                self.segment_loop |= bit
                continue
            if part == "any":
                self.any_char |= bit
            elif part == "segment":
                self.segment_char |= bit
            else:
                self.chars[part] = self.chars.get(part, 0) | bit
            at += 1
        self.accepts.append((1 << at, label))
        self.accepting |= 1 << at
        self.absorbing |= self.any_loop & 1 << at
        self.size = at + 1

    def step(self, state: int, char: str) -> int:
        """Return the positions after one character."""
        moved = state & (self.chars.get(char, 0) | self.any_char)
        kept = state & self.any_loop
        if char != "/":
            moved |= state & self.segment_char
            kept |= state & self.segment_loop
        after = moved << 1 | kept
        # What an earlier position of the same pattern could still match, a loop over everything matches too.
        entered = moved << 1 & self.any_loop & ~state
        while entered:
            bit = entered & -entered
            after &= ~self.earlier[bit]
            entered ^= bit
        return after

    def run(self, state: int, text: str) -> int:
        """Return the positions after a text."""
        for char in text:
            state = self.step(state, char)
        return state

    def labels(self, state: int) -> list[Any]:
        """Return the labels of the patterns that accept here."""
        if not state & self.accepting:
            return []
        return [label for bit, label in self.accepts if state & bit]

    def wanted(self, state: int) -> Iterable[str]:
        """Return the characters that some pattern spells next."""
        return [char for char, positions in self.chars.items() if state & positions]


def prove(
    document: Mapping[str, Any], grants: Grants, arn: ExecuteApiArn, *, budget: int = DEFAULT_BUDGET
) -> Proof:
    """Compare a policy document with the rules, for every method and every path.

    Where the API's routes are not known, requests of no route must be denied; where they are known, only odd paths
    among those must be.

    Args:
        document: the policy.
        grants: what its caller may do.
        arn: of the API and stage.
        budget: states to visit at most, all methods together.
    """
    policy = _policy_machine(document)
    rules = _rules_machine(grants)
    search = _Search(policy, rules, grants, budget)
    begun = policy.run(policy.start, arn.prefix)
    for method in METHODS:
        search.method(method, policy.run(begun, f"{method}/"))
        if search.spent:
            break
    return Proof(tuple(search.over), tuple(search.under), search.states, not search.spent)


def _policy_machine(document: Mapping[str, Any]) -> _Machine:
    machine = _Machine()
    for number, statement in enumerate(document["Statement"]):
        for element in ("Resource", "NotResource"):
            listed = statement.get(element, [])
            for resource in [listed] if isinstance(listed, str) else listed:
                tokens = ["any*" if char == "*" else "any" if char == "?" else char for char in resource]
                machine.add(tokens, (number, statement["Effect"], element))
    return machine


def _rules_machine(grants: Grants) -> _Machine:
    machine = _Machine()
    rules = grants.rules
    for number, route in enumerate(rules.routes):
        if route.kind == "http":
            machine.add(_tokens(route.segments, {}), ("route", number))
            _add_bound(machine, "grant", number, route, grants.routes.get(number, ()))
    for number, found in grants.denied.items():
        if rules.denials[number].kind == "http":
            _add_bound(machine, "denial", number, rules.denials[number], found)
    return machine


def _add_bound(machine: _Machine, label: str, number: int, route: Route, alternatives: Iterable[Any]) -> None:
    for alternative in alternatives:
        for choice in _choices(list(alternative.bindings)):
            machine.add(_tokens(route.segments, choice), (label, number))


def _choices(bound: list[tuple[int, tuple[str, ...]]]) -> Iterable[dict[int, str]]:
    if not bound:
        yield {}
        return
    (at, spelled), *rest = bound
    for value in spelled:
        for choice in _choices(rest):
            yield {at: value, **choice}


def _tokens(segments: Sequence[Segment], bound: Mapping[int, str]) -> list[str]:
    tokens: list[str] = []
    for at, segment in enumerate(segments):
        if at:
            tokens.append("/")
        if at in bound:
            if isinstance(segment, str) and segment != bound[at]:
                return ["\x01"]  # no path holds it
            tokens += bound[at]
        elif segment == VARIABLE:
            tokens += ["segment", "segment*"]
        elif segment == GREEDY:
            tokens += ["any", "any*"]
        else:
            tokens += str(segment)
    return tokens


# What makes a path odd, character by character: (inside a segment, of an escape) -> the same, or None when odd.
_Odd = tuple[int, str]


def _odd_step(state: _Odd, char: str) -> _Odd | None:
    """Return the state after a character; None once the path is odd whatever follows.

    The number is 0 at the start of a segment, 1 after `.`, 2 after `..`, 3 otherwise.
    """
    inside, escape = state
    if escape == "%2" and char in "fFeE":
        return None
    if escape == "%5" and char in "cC":
        return None
    if char == "\\" or (escape == "%" and char in "01") or (escape == "%7" and char in "fF"):
        return None
    escape = "%" if char == "%" else escape + char if escape == "%" and char in "257" else ""
    if char == "/":
        return None if inside in {0, 1, 2} else (0, escape)
    if char == ".":
        return (min(inside + 1, 3), escape)
    return (3, escape)


_State = tuple[int, int, _Odd | None, int]  # document, rules, oddness, what matched before a last slash
_Came = dict[_State, tuple[_State | None, str]]


class _Search:
    """Visits every state that the document and the rules reach together."""

    def __init__(self, policy: _Machine, rules: _Machine, grants: Grants, budget: int) -> None:
        self.policy = policy
        self.rules = rules
        self.grants = grants
        self.budget = budget
        self.states = 0
        self.spent = False
        self.over: list[Witness] = []
        self.under: list[Witness] = []
        self._verdicts: dict[Any, tuple[bool | None, tuple[int, ...]]] = {}
        self._closing = policy.absorbing & sum(
            bit for bit, label in policy.accepts if label[1:] == ("Deny", "Resource")
        )

    def method(self, method: str, begun: int) -> None:
        """Visit all paths of one method."""
        first: _State = (begun, self.rules.start, (0, ""), 0)
        came: _Came = {first: (None, "")}
        queue = [first]
        if not begun:
            queue = [first] if self.grants.routes else []
        for state in queue:
            self.states += 1
            if self.states > self.budget:
                self.spent = True
                return
            self._compare(method, state, came)
            policy, rules, odd, _ = state
            for char in {*self.policy.wanted(policy), *self.rules.wanted(rules), *_SPECIAL, OTHER}:
                after_odd = None if odd is None else _odd_step(odd, char)
                stepped = self.policy.step(policy, char)
                shut = stepped & self._closing
                if shut and after_odd is None:
                    continue
                after: _State = (
                    # A Deny that takes everything from here on is all that the document has to say.
                    shut or stepped,
                    self.rules.step(rules, char) if after_odd is not None else 0,
                    after_odd,
                    # What matched before a trailing slash has a say in the request with it.
                    rules & self.rules.accepting if char == "/" and after_odd is not None else 0,
                )
                if (shut or not stepped) and not after[1] and not after[3]:
                    continue
                if after not in came:
                    came[after] = (state, char)
                    queue.append(after)

    def _compare(self, method: str, state: _State, came: _Came) -> None:
        policy, rules, odd, without = state
        allowed = self._document_allows(policy)
        if odd is None or odd[0] in {1, 2}:
            wanted: bool | None = False
            routes: tuple[int, ...] = ()
        else:
            # An empty rest of the path is the root; without a slash before it there is nothing to compare with.
            key = (method, rules & self.rules.accepting, without, odd[0] == 0)
            if key not in self._verdicts:
                self._verdicts[key] = self._rules_say(method, rules, without, trailing=odd[0] == 0)
            wanted, routes = self._verdicts[key]
        if wanted is None or allowed == wanted:
            return
        listed = self.over if allowed else self.under
        if len(listed) < _MOST_WITNESSES:
            texts = tuple(self.grants.rules.routes[number].text for number in routes)
            listed.append(Witness(method, "/" + _spelled(state, came), texts))

    def _document_allows(self, state: int) -> bool:
        allow = False
        outside: dict[int, bool] = {}
        labels = self.policy.labels(state)
        for _, effect, element in labels:
            if element == "Resource":
                if effect == "Deny":
                    return False
                allow = True
        if not allow:
            return False
        for _, label in self.policy.accepts:
            if label[2] == "NotResource":
                outside.setdefault(label[0], True)
        for number, _, element in labels:
            if element == "NotResource":
                outside[number] = False
        return not any(outside.values())

    def _rules_say(
        self, method: str, state: int, without: int, *, trailing: bool
    ) -> tuple[bool | None, tuple[int, ...]]:
        """Return whether the rules allow it, None where they need not say; and the routes it belongs to."""
        routes = self.grants.rules.routes
        here = self.rules.labels(state)
        matching = self._of_method(method, "route", here)
        belongs = _narrowest(routes, matching)
        granted = self._of_method(method, "grant", here)
        denied = self._of_method(method, "denial", here)
        if trailing:
            before = self.rules.labels(without)
            denied |= self._of_method(method, "denial", before)
            if matching and not any(routes[number].segments[-1] == "" for number in matching):
                belongs |= _narrowest(routes, self._of_method(method, "route", before))
                granted |= self._of_method(method, "grant", before)
        if not belongs:
            return (None if self.grants.rules.routes_known else False), ()
        return (not denied and belongs <= granted), tuple(sorted(belongs))

    def _of_method(self, method: str, kind: str, labels: Iterable[Any]) -> set[int]:
        listed = self.grants.rules.denials if kind == "denial" else self.grants.rules.routes
        return {number for label, number in labels if label == kind and listed[number].method in {method, "ANY"}}


def _narrowest(routes: Sequence[Route], numbers: set[int]) -> set[int]:
    return {
        number
        for number in numbers
        if not any(other != number and within(routes[other], routes[number]) for other in numbers)
    }


def _spelled(state: _State, came: _Came) -> str:
    text = ""
    while True:
        before, char = came[state]
        if before is None:
            return text
        text = ("x" if char == OTHER else char) + text
        state = before
