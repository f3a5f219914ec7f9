"""Is a policy document equal to the rules, on every path? Decided by exploring both as automata over characters.

One side is the document (Resource patterns in which `*` and `?` take slashes), the other the rules' templates as
the contract defines them. Every state that both can reach together is visited, so the answer holds for all paths
of any length, not for samples. It shares no code with the search that makes policies (`rules.automaton`,
`policy.select`) and none with `decide`.

Laws of this file: past the budget the answer is "undecided", which callers treat as refused. A path is any text of
printable ASCII without a blank: nothing else can stand in a request line (RFC 9112 section 3.2). A state says all
that matters to what can follow it, the caller's grants and lines included; so one that was visited without a
difference, with all that follows it, is not visited again for another caller.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lambda_authorizer.arn import ExecuteApiArn
from lambda_authorizer.policy.machine import (
    ANY,
    ANY_LOOP,
    NOWHERE,
    OTHER,
    SEGMENT,
    SEGMENT_LOOP,
    Machine,
    glob_after,
    glob_matches,
    glob_tokens,
)
from lambda_authorizer.rules import Grants, RuleSet
from lambda_authorizer.rules.model import GREEDY, METHODS, VARIABLE, Route, Segment, within

_MEMBERS: Final = frozenset({"Effect", "Action", "Resource", "NotResource"})
_ACTION: Final = "execute-api:Invoke"
DEFAULT_BUDGET: Final = 1_000_000  # half a minute on one core


class Witness(NamedTuple):
    """A request on which the document and the rules disagree; OTHER characters are shown as `x`."""

    method: str
    path: str
    routes: tuple[str, ...]  # those the request belongs to


class Proof(NamedTuple):
    """What the search found."""

    over: tuple[Witness, ...]  # allowed by the document, not by the rules
    under: tuple[Witness, ...]  # allowed by the rules, not by the document
    states: int  # visited for this caller
    decided: bool  # False: the budget was spent; the rules are refused, not trusted

    @property
    def exact(self) -> bool:
        """True if both sides agree on every request."""
        return self.decided and not self.over and not self.under


class Prover:
    """Proves the policies of one rule set's callers, each with what the earlier ones have shown."""

    def __init__(self, rules: RuleSet, arn: ExecuteApiArn) -> None:
        """Take the rules.

        Args:
            rules: of all callers.
            arn: of the API and stage.
        """
        self._methods = [_Method(method, rules, arn) for method in METHODS]

    def prove(self, document: Mapping[str, Any], grants: Grants, *, budget: int = DEFAULT_BUDGET) -> Proof:
        """Compare a policy document with the rules, for every method and every path.

        Where the API's routes are not known, requests of no route must be denied; where they are known, only odd
        paths among those must be.

        Args:
            document: the policy.
            grants: what its caller may do.
            budget: states to visit at most, all methods together.

        Raises:
            ValueError: a statement has a condition, or is about another action.
        """
        over: list[Witness] = []
        under: list[Witness] = []
        states = 0
        for method in self._methods:
            search = _Search(method, document, grants, budget - states)
            search.run()
            states += search.states
            over += search.over.values()
            under += search.under.values()
            if search.spent:
                return Proof(tuple(over), tuple(under), states, decided=False)
        return Proof(tuple(over), tuple(under), states, decided=True)


def prove(
    document: Mapping[str, Any], grants: Grants, arn: ExecuteApiArn, *, budget: int = DEFAULT_BUDGET
) -> Proof:
    """Compare one policy document with the rules; see `Prover.prove`."""
    return Prover(grants.rules, arn).prove(document, grants, budget=budget)


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


def _special(odd: _Odd | None) -> str:
    """Return the characters of which the oddness of a path can depend next."""
    if odd is None:
        return ""
    return "/.%\\" + {"": "", "%": "01257", "%2": "fFeE", "%5": "cC", "%7": "fF"}[odd[1]]


class _Lines(NamedTuple):
    """The statements of a document, for one method."""

    start: int  # where its patterns start
    outside: frozenset[tuple[str, int]]  # of each NotResource: its effect, and the bits where its patterns accept


_State = tuple[int, int, _Odd | None, int]  # document, rules, oddness, what matched before a last slash


class _Method:
    """Everything about one method that callers share."""

    def __init__(self, method: str, rules: RuleSet, arn: ExecuteApiArn) -> None:
        self.method = method
        self.all_routes = rules.routes
        self.routes_known = rules.routes_known
        self.policy = Machine()
        self.rules = Machine()
        self.allowing = self.denying = 0  # bits where the lines of an Allow, and of a Deny, accept
        self.hopes = self.grants = 0  # all positions of the lines of an Allow, and of grants
        self.proved: dict[frozenset[tuple[str, int]], set[_State]] = {}
        self.verdicts: dict[tuple[int, int, bool], tuple[bool | None, tuple[int, ...]]] = {}
        self._arn = arn
        self._residuals: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._named = _of_method(rules.routes, method)
        self._denials = _of_method(rules.denials, method)
        self._routes_start = self._all([("route", number, route, {}) for number, route in self._named.items()])

    def _all(self, patterns: Iterable[tuple[str, int, Route, Mapping[int, str]]]) -> int:
        start = 0
        for kind, number, route, bound in patterns:
            tokens = _tokens(route.segments, bound)
            start |= self.rules.add((kind, number), tokens)
            if kind == "grant":
                self.grants |= self.rules.positions_of((kind, number), tokens)
        return start

    def rules_start(self, grants: Grants) -> int:
        """Return where the routes, the caller's grants and the deny patterns that hold for it start."""
        return self._routes_start | self._all(
            (kind, number, route, bound)
            for kind, routes, found in (
                ("grant", self._named, grants.routes),
                ("denial", self._denials, grants.denied),
            )
            for number, route in routes.items()
            for alternative in found.get(number, ())
            for bound in _choices(list(alternative.bindings))
        )

    def lines(self, document: Mapping[str, Any]) -> _Lines:
        """Return a document's patterns, from behind the method on."""
        start = 0
        outside = set()
        for statement in document["Statement"]:
            if not statement.keys() <= _MEMBERS or statement.get("Action", _ACTION) != _ACTION:
                raise ValueError("a statement of another action, or with a condition, is not judged here")
            effect = statement["Effect"]
            if "NotResource" in statement:
                bits, accepting = self._patterns(
                    ("not", effect, str(statement["NotResource"])), statement["NotResource"]
                )
                outside.add((effect, accepting))
            else:
                bits, accepting = self._patterns(("line", effect), statement["Resource"])
                if effect == "Deny":
                    self.denying |= accepting
                else:
                    self.allowing |= accepting
            start |= bits
        return _Lines(start, frozenset(outside))

    def _patterns(self, label: Hashable, listed: str | Sequence[str]) -> tuple[int, int]:
        start = accepting = 0
        for resource in [listed] if isinstance(listed, str) else listed:
            for tokens in self._behind_method(resource):
                start |= self.policy.add(label, tokens)
                if label == ("line", "Allow"):
                    self.hopes |= self.policy.positions_of(label, tokens)
                accepting |= self.policy.end_of(label, tokens)
        return start, accepting

    def _behind_method(self, resource: str) -> tuple[tuple[str, ...], ...]:
        """Return what is left of a Resource behind this API's method; wildcards of its header keep to colons."""
        found = self._residuals.get(resource)
        if found is None:
            arn = self._arn
            *header, last = resource.split(":", 5)
            read = f"{arn.api_id}/{arn.stage}/{self.method}/"
            mine = ("arn", arn.partition, "execute-api", arn.region, arn.account)
            if len(header) != len(mine):
                # Short forms such as `*`: read as one text.
                left = glob_after(resource, ":".join([*mine, read]))
            elif all(map(glob_matches, header, mine)):
                left = glob_after(last, read)
            else:
                left = set()
            found = self._residuals[resource] = tuple(tuple(glob_tokens(rest)) for rest in sorted(left))
        return found


def _of_method(routes: Sequence[Route], method: str) -> dict[int, Route]:
    return {
        number: route
        for number, route in enumerate(routes)
        if route.kind == "http" and route.method in {method, "ANY"}
    }


def _choices(bound: list[tuple[int, tuple[str, ...]]]) -> Iterable[dict[int, str]]:
    if not bound:
        yield {}
        return
    (at, spelled), *rest = bound
    for value in spelled:
        for choice in _choices(rest):
            yield {at: value, **choice}


def _tokens(segments: Sequence[Segment], bound: Mapping[int, str]) -> Sequence[str]:
    tokens: list[str] = []
    for at, segment in enumerate(segments):
        if at:
            tokens.append("/")
        if at in bound:
            if isinstance(segment, str) and segment != bound[at]:
                return NOWHERE
            tokens += bound[at]
        elif segment == VARIABLE:
            tokens += [SEGMENT, SEGMENT_LOOP]
        elif segment == GREEDY:
            tokens += [ANY, ANY_LOOP]
        else:
            tokens += str(segment)
    return tokens


class _Search:
    """Visits every state that the document and the rules of one caller reach together, in one method."""

    def __init__(self, method: _Method, document: Mapping[str, Any], grants: Grants, budget: int) -> None:
        self._about = method
        self._lines = method.lines(document)
        self._start = method.rules_start(grants)
        self._budget = budget
        self._came: dict[_State, tuple[_State | None, str]] = {}
        # A Deny that takes everything from here on is all that the document has to say.
        self._closing = method.policy.absorbing & method.denying
        # An Allow of all but some says yes to what none of its patterns reaches.
        self._open = any(effect == "Allow" for effect, _ in self._lines.outside)
        self.states = 0
        self.spent = False
        # One for each set of routes: a loss that is accounted for must not hide another.
        self.over: dict[tuple[int, ...], Witness] = {}
        self.under: dict[tuple[int, ...], Witness] = {}

    def run(self) -> None:
        """Visit all paths; keep what was shown unless a difference was found."""
        proved = self._about.proved.setdefault(self._lines.outside, set())
        first: _State = (self._lines.start, self._start, (0, ""), 0)
        self._came[first] = (None, "")
        queue = [first]
        for state in queue:
            self.states += 1
            if self.states > self._budget:
                self.spent = True
                return
            self._compare(state)
            for char, after in self._following(state):
                # Segment by segment is often enough: a state within one is as soon visited as looked up.
                if after not in self._came and not (char == "/" and after in proved):
                    self._came[after] = (state, char)
                    queue.append(after)
        if not self.over and not self.under:
            proved.update(state for state, (_, char) in self._came.items() if char == "/")

    def _following(self, state: _State) -> Iterable[tuple[str, _State]]:
        policy, rules, odd, _ = state
        about = self._about
        machine = about.rules
        chars = [*{*about.policy.wanted(policy), *machine.wanted(rules), *_special(odd)}, OTHER]
        stepped = zip(chars, about.policy.steps(policy, chars), machine.steps(rules, chars), strict=True)
        for char, policy_after, rules_after in stepped:
            odd_after = None if odd is None else _odd_step(odd, char)
            policy_after = policy_after & self._closing or policy_after  # noqa: PLW2901 - it denies all that follows
            without = 0
            if odd_after is None:
                rules_after = 0  # noqa: PLW2901 - an odd path is of no route
            elif char == "/":
                # What matched before a trailing slash has a say in the request with it.
                without = rules & machine.accepting
            if not self._open and not policy_after & about.hopes and not (rules_after | without) & about.grants:
                continue  # from here on neither side can say yes
            yield char, (policy_after, rules_after, odd_after, without)

    def _compare(self, state: _State) -> None:
        policy, rules, odd, without = state
        wanted: bool | None = False
        routes: tuple[int, ...] = ()
        if odd is not None and odd[0] not in {1, 2}:
            # An empty rest of the path is the root; without a slash before it there is nothing to compare with.
            wanted, routes = self._rules_say(rules, without, trailing=odd[0] == 0)
        allowed = self._document_allows(policy)
        if wanted is None or allowed == wanted:
            return
        listed = self.over if allowed else self.under
        if routes not in listed:
            texts = tuple(self._about.all_routes[number].text for number in routes)
            listed[routes] = Witness(self._about.method, "/" + self._spelled(state), texts)

    def _document_allows(self, state: int) -> bool:
        """Say what IAM says: a Deny that matches wins, then an Allow that does, else no."""
        if state & self._about.denying:
            return False
        missed = [effect for effect, accepting in self._lines.outside if not state & accepting]
        return "Deny" not in missed and bool(state & self._about.allowing or missed)

    def _rules_say(self, state: int, without: int, *, trailing: bool) -> tuple[bool | None, tuple[int, ...]]:
        """Return whether the rules allow it, None where they need not say; and the routes it belongs to."""
        machine = self._about.rules
        key = (state & machine.accepting, without, trailing)
        if key not in self._about.verdicts:
            self._about.verdicts[key] = self._judge(
                machine.labels(state), machine.labels(without), trailing=trailing
            )
        return self._about.verdicts[key]

    def _judge(
        self, here: Sequence[Hashable], before: Sequence[Hashable], *, trailing: bool
    ) -> tuple[bool | None, tuple[int, ...]]:
        routes = self._about.all_routes
        matching, granted, denied = (_numbers(kind, here) for kind in ("route", "grant", "denial"))
        belongs = _narrowest(routes, matching)
        if trailing:
            denied |= _numbers("denial", before)
            if matching and not any(routes[number].segments[-1] == "" for number in matching):
                belongs |= _narrowest(routes, _numbers("route", before))
                granted |= _numbers("grant", before)
        if not belongs:
            return (None if self._about.routes_known else False), ()
        return (not denied and belongs <= granted), tuple(sorted(belongs))

    def _spelled(self, state: _State) -> str:
        text = ""
        while True:
            before, char = self._came[state]
            if before is None:
                return text
            text = ("x" if char == OTHER else char) + text
            state = before


def _numbers(kind: str, labels: Iterable[Any]) -> set[int]:
    return {number for label, number in labels if label == kind}


def _narrowest(routes: Sequence[Route], numbers: set[int]) -> set[int]:
    return {
        number
        for number in numbers
        if not any(other != number and within(routes[other], routes[number]) for other in numbers)
    }
