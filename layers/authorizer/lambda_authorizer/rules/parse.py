"""Rules text → compiled document: the strict reading, with every mistake named.

Laws of this file: the first mistake stops; its message says where, what was found and what is allowed. Nothing is
guessed, and what could never matter (an empty list, a rule nobody can meet) is a mistake, not a wish.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import keys
from lambda_authorizer.rules.conditions import ConditionReader
from lambda_authorizer.rules.load import FORMAT, rule_set
from lambda_authorizer.rules.locate import line_of
from lambda_authorizer.rules.messages import Place, kind_of, nearest, shown
from lambda_authorizer.rules.model import GREEDY, Route, RuleSet
from lambda_authorizer.rules.routes import RouteError, parse_route
from lambda_authorizer.rules.sense import check_sense
from lambda_authorizer.rules.tables import TooComplexError, tables_for, trie_of


def parse(
    text: str,
    *,
    file: str,
    environment: Mapping[str, str],
    api_routes: Sequence[str] | None = None,
    http_loopback: bool = False,
) -> RuleSet:
    """Return the rule set of a rules file; see `rules.parse_rules`."""
    compiled = compile_document(text, file=file, api_routes=api_routes)
    return rule_set(compiled, file=file, environment=environment, http_loopback=http_loopback)


def compile_document(text: str, *, file: str, api_routes: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the compiled document of a rules file, as JSON can hold it, variables not yet filled in.

    Raises:
        ConfigurationError: the first mistake found.
    """
    return _Reader(text, file).document(api_routes)


class _Reader:
    """Reads one file."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.is_json = file.endswith(".json")
        self.raw = self._load()
        self.conditions = ConditionReader(self)
        self.routes: list[Route] = []
        self.denials: list[Route] = []
        self.numbers: dict[Any, int] = {}

    # Errors

    def line(self, table: str, number: int | None, key: str | None) -> int | None:
        """Return the line of a key where the file is TOML."""
        return None if self.is_json else line_of(self.text, table, number, key)

    def fail(
        self,
        where: Place,
        key: str | None,
        found: str,
        allowed: str,
        *,
        hint: str = "",
    ) -> NoReturn:
        """Raise the error about one key of one table."""
        raise ConfigurationError(
            self.file,
            where.dotted(key),
            found,
            allowed,
            line=self.line(where.table, where.number, key),
            hint=where.named(hint),
        )

    def fail_unknown(self, where: Place, key: str, name: str, known: Iterable[str], noun: str) -> NoReturn:
        """Raise for a name that is not known, with the nearest known one as the hint."""
        names = list(known)
        allowed = ", ".join(names) or f"nothing: no {noun} is there"
        self.fail(where, key, f"{shown(name)}, no {noun}", allowed, hint=nearest(name, names))

    def known(self, where: Place, table: Mapping[str, Any], allowed: Mapping[str, Any]) -> None:
        """Raise for a key that nobody defined."""
        for name in table:
            if name not in allowed:
                error = ConfigurationError.unknown_key(
                    self.file,
                    where.dotted(None),
                    name,
                    allowed,
                    line=self.line(where.table, where.number, name),
                )
                raise error

    # Reading

    def _load(self) -> dict[str, Any]:
        try:
            raw = (
                json.loads(self.text, object_pairs_hook=self._unique) if self.is_json else tomllib.loads(self.text)
            )
        except tomllib.TOMLDecodeError as wrong:
            message = str(wrong)
            line = message.rpartition("at line ")[2].partition(",")[0]
            raise ConfigurationError(
                self.file,
                "(whole file)",
                f"no TOML: {message}",
                "TOML 1.0",
                line=int(line) if line.isdigit() else None,
            ) from None
        except (ValueError, RecursionError) as wrong:
            raise ConfigurationError(
                self.file, "(whole file)", f"no JSON: {wrong}", "JSON", line=getattr(wrong, "lineno", None)
            ) from None
        if not isinstance(raw, dict):
            raise ConfigurationError(self.file, "(whole file)", kind_of(raw), "an object")
        return raw

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for name, value in pairs:
            if name in table:
                raise ConfigurationError(self.file, name, "the same key twice in one object", "each key once")
            table[name] = value
        return table

    def document(self, api_routes: Sequence[str] | None) -> dict[str, Any]:
        """Return the compiled document."""
        top = Place("", None)
        self.known(top, self.raw, keys.TOP)
        if self.raw.get("schema") != keys.SCHEMA_VERSION or isinstance(self.raw.get("schema"), bool):
            found = repr(self.raw["schema"]) if "schema" in self.raw else "nothing"
            self.fail(top, "schema", found, str(keys.SCHEMA_VERSION), hint="Begin the file with `schema = 1`.")
        issuers = self._issuers()
        tiers = self._tiers()
        strategy = self.raw.get("scope_strategy", "exact")
        if strategy not in {"exact", "hierarchical"}:
            self.fail(top, "scope_strategy", shown(strategy), "exact, hierarchical")
        resource_policy = self.boolean(top, self.raw, "resource_policy")
        context, context_types = self._context()
        aliases = [name for issuer in issuers if isinstance(name := issuer.get("name"), str)]
        self.conditions.prepare(aliases, tiers["order"] if tiers else None)
        requirements = self._requirements()
        rules = self._rules(requirements)
        routes_known = api_routes is not None
        for text in api_routes or ():
            self._api_route(text)
        check_sense(self, rules, self.routes, self.denials)
        return {
            "format": FORMAT,
            "sha256": hashlib.sha256(self.text.encode()).hexdigest(),
            "source": self.file.rpartition("/")[2],
            "variables": "${" in json.dumps([tiers, [rule["conditions"] for rule in rules]]),
            "issuers": issuers,
            "tiers": tiers,
            "context": context,
            "context_types": context_types,
            **self._lists(rules),
            "kinds": sorted({route.kind for route in self.routes}),
            "routes_known": routes_known,
            "resource_policy": resource_policy,
            "hierarchical_scopes": strategy == "hierarchical",
            "tables": self._tables(rules, routes_known=routes_known),
        }

    def _lists(self, rules: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the rules and the routes, each rule with the number of its holder, each route with its givers."""
        holders: dict[str, list[Any]] = {}
        rows = []
        givers: dict[str, list[list[list[int]]]] = {
            "allow": [[] for _ in self.routes],
            "deny": [[] for _ in self.denials],
        }
        for number, rule in enumerate(rules):
            key = json.dumps([rule["effect"], rule["conditions"]])
            holder = holders.setdefault(key, [len(holders), rule["effect"], rule["conditions"], number, 0, []])
            for target in rule["targets"]:
                route, where = target
                if where:
                    holder[5].append([number, target])
                else:
                    holder[4] |= 1 << route
                    givers[rule["effect"]][route].append([number, holder[0]])
            rows.append(
                [rule["name"], rule["targets"], holder[0], rule["narrow"], rule["line"], rule["description"]]
            )
        return {
            "holders": [
                [effect, conditions, first, f"{unbound:x}", bound]
                for _, effect, conditions, first, unbound, bound in holders.values()
            ],
            "rules": rows,
            "routes": [_row(route, given) for route, given in zip(self.routes, givers["allow"], strict=True)],
            "denials": [_row(route, given) for route, given in zip(self.denials, givers["deny"], strict=True)],
            "tries": [trie_of(self.routes), trie_of(self.denials)],
        }

    def _tables(self, rules: list[dict[str, Any]], *, routes_known: bool) -> list[dict[str, Any]]:
        try:
            return tables_for(self.routes, self.denials, rules, routes_known=routes_known)
        except TooComplexError as wrong:
            raise ConfigurationError(
                self.file,
                "rule",
                f"routes that overlap in too many ways ({wrong})",
                "fewer variables and open ends beside each other",
                hint="Give a part of the API an authorizer of its own.",
            ) from None

    def _api_route(self, text: str) -> None:
        try:
            route, _ = parse_route(text)
        except RouteError as wrong:
            raise ConfigurationError(
                self.file, "(routes of the API)", shown(text), "a route", hint=str(wrong)
            ) from None
        # `ANY /orders` in a rule speaks of every method of that path: `GET /orders` of the API is no other route.
        if (False, route.kind, "ANY", route.segments) not in self.numbers:
            self.number_of(route, self.routes)

    def tables_of(self, key: str, *, needed: bool) -> list[dict[str, Any]]:
        """Return an array of tables."""
        top = Place("", None)
        value = self.raw.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(top, key, kind_of(value), f"tables, each beginning with [[{key}]]")
        if needed and not value:
            self.fail(top, key, "none", f"at least one [[{key}]]")
        return value

    def _issuers(self) -> list[dict[str, Any]]:
        # Their keys are checked by `tokens`, which owns them; at a start, when the variables have values.
        return self.tables_of("issuer", needed=True)

    def _tiers(self) -> dict[str, Any] | None:
        if "tiers" not in self.raw:
            return None
        place = Place("tiers", None)
        table = self.raw["tiers"]
        if not isinstance(table, dict):
            self.fail(Place("", None), "tiers", kind_of(table), "a table: [tiers]")
        self.known(place, table, keys.TIERS)
        if "order" not in table:
            self.fail(place, "order", "nothing", "every tier, low to high")
        order = self.names(place, table, "order")
        default = table.get("default")
        if default is not None and default not in order and "${" not in str(default):
            self.fail(place, "default", shown(default), ", ".join(order))
        values = self.text_map(place, table, "values")
        for claim_value, tier in values.items():
            if tier not in order and "${" not in tier:
                self.fail(place, "values", f"{shown(claim_value)} = {shown(tier)}", ", ".join(order))
        usage_keys = self.text_map(place, table, "usage_keys")
        for tier, reference in usage_keys.items():
            if tier not in order:
                self.fail(place, "usage_keys", f"the tier {shown(tier)}", ", ".join(order))
            if not reference.startswith(("secretsmanager:", "ssm:", "${")):
                self.fail(
                    place,
                    "usage_keys",
                    f"a value for {shown(tier)} that names no store",
                    "secretsmanager:NAME, ssm:NAME",
                    hint="A key itself never stands in the rules.",
                )
        return {"order": order, "default": default, "values": values, "usage_keys": usage_keys}

    def _context(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        table = self.raw.get("context", {})
        place = Place("context", None)
        if not isinstance(table, dict):
            self.fail(Place("", None), "context", kind_of(table), "a table: [context]")
        paths: dict[str, list[str]] = {}
        types: dict[str, str] = {}
        for name, entry in table.items():
            if name in keys.RESERVED_CONTEXT:
                self.fail(
                    place, name, "a reserved name", f"any name but {', '.join(sorted(keys.RESERVED_CONTEXT))}"
                )
            if not name.isascii() or not name.isidentifier():
                self.fail(place, name, shown(name), "letters, digits and `_`, no digit first")
            kind = "auto"
            claim = entry
            if isinstance(entry, dict):
                inner = Place("context", None, name)
                self.known(inner, entry, keys.CONTEXT_ENTRY)
                claim = entry.get("claim")
                kind = entry.get("type", "auto")
                if kind not in keys.CONTEXT_TYPES:
                    self.fail(inner, "type", shown(kind), ", ".join(keys.CONTEXT_TYPES))
            paths[name] = self.path(place, name, claim)
            types[name] = kind
        return paths, types

    def _requirements(self) -> dict[str, list[list[Any]]]:
        table = self.raw.get("requirement", {})
        if not isinstance(table, dict):
            self.fail(Place("", None), "requirement", kind_of(table), "tables such as [requirement.staff]")
        found: dict[str, list[list[Any]]] = {}
        for name, entry in table.items():
            place = Place(f"requirement.{name}", None)
            if not isinstance(entry, dict):
                self.fail(Place("requirement", None), name, kind_of(entry), f"a table: [requirement.{name}]")
            self.known(place, entry, keys.CONDITIONS)
            found[name] = self.conditions.read(place, entry)
            if not found[name]:
                self.fail(place, None, "no condition", "at least one condition")
        return found

    def _rules(self, requirements: Mapping[str, list[list[Any]]]) -> list[dict[str, Any]]:
        rules = []
        names: dict[str, int] = {}
        for number, table in enumerate(self.tables_of("rule", needed=True)):
            place = Place("rule", number)
            name = table.get("name")
            if not isinstance(name, str) or not name.strip():
                self.fail(
                    place, "name", shown(name) if "name" in table else "nothing", "a name, unique in this file"
                )
            place = Place("rule", number, title=name)
            self.plain(place, "name", name)
            if name in names:
                self.fail(place, "name", f"{shown(name)}, which rule[{names[name]}] has already", "a unique name")
            names[name] = number
            rules.append(self._rule(place, table, requirements))
        used = {name for table in self.raw["rule"] for name in table.get("requires", ())}
        for name in requirements:
            if name not in used:
                self.fail(
                    Place(f"requirement.{name}", None), None, "a requirement no rule names", "one that is used"
                )
        return rules

    def _rule(
        self, place: Place, table: Mapping[str, Any], requirements: Mapping[str, list[list[Any]]]
    ) -> dict[str, Any]:
        self.known(place, table, keys.RULE)
        effects = [effect for effect in ("allow", "deny") if effect in table]
        if len(effects) != 1:
            found = "both allow and deny" if effects else "neither allow nor deny"
            self.fail(place, effects[1] if effects else None, found, "one of allow, deny")
        effect = effects[0]
        conditions = self.conditions.read(place, table)
        if "requires" in table:
            for name in self.names(place, table, "requires"):
                if name not in requirements:
                    self.fail_unknown(place, "requires", name, requirements, "requirement")
                conditions += requirements[name]
        where = self._where(place, table)
        if not conditions and not where:
            self.fail(
                place,
                None,
                "a rule without a condition",
                ", ".join(keys.CONDITIONS),
                hint="For any caller with a valid credential say `authenticated = true`.",
            )
        self.conditions.check_together(place, conditions, where, effect)
        narrow = self.boolean(place, table, "narrow")
        if narrow and effect == "deny":
            self.fail(place, "narrow", "true on a deny rule", "narrow on allow rules only")
        description = table.get("description", "")
        if not isinstance(description, str):
            self.fail(place, "description", kind_of(description), "a string")
        return {
            "name": table["name"],
            "effect": effect,
            "targets": self._targets(place, table, effect, where),
            "conditions": conditions,
            "narrow": narrow,
            "line": self.line("rule", place.number, None),
            "description": description,
            "place": place,
        }

    def _where(self, place: Place, table: Mapping[str, Any]) -> dict[str, list[str]]:
        where = table.get("where", {})
        if not isinstance(where, dict) or (not where and "where" in table):
            self.fail(place, "where", kind_of(where), "a table: { variable = claim }")
        return {variable: self.path(place, "where", claim) for variable, claim in where.items()}

    def _targets(
        self, place: Place, table: Mapping[str, Any], effect: str, where: Mapping[str, list[str]]
    ) -> list[list[Any]]:
        targets = []
        seen: dict[int, str] = {}
        for text in self.names(place, table, effect):
            try:
                route, names = parse_route(text)
            except RouteError as wrong:
                self.fail(place, effect, shown(text), "routes such as GET /orders/{id}", hint=f"{wrong}.")
            number = self.number_of(route, self.routes if effect == "allow" else self.denials)
            if number in seen:
                self.fail(
                    place, effect, f"{shown(text)}, the same route as {shown(seen[number])}", "each route once"
                )
            seen[number] = text
            bound = []
            for variable, path in where.items():
                if variable not in names:
                    variables = [name for name in names if name]
                    self.fail_unknown(place, "where", variable, variables, f"variable of {shown(text)}")
                at = names.index(variable)
                if route.segments[at] == GREEDY:
                    self.fail(place, "where", f"{{{variable}+}} of {shown(text)}", "variables of one segment")
                bound.append([at, path])
            targets.append([number, sorted(bound)])
        return targets

    def number_of(self, route: Route, listed: list[Route]) -> int:
        """Return the number of a route among those of its shape, adding it where it is new."""
        shape = (listed is self.denials, route.kind, route.method, route.segments)
        if shape not in self.numbers:
            self.numbers[shape] = len(listed)
            listed.append(route)
        return self.numbers[shape]

    # Shapes

    def plain(self, place: Place, key: str, text: str) -> None:
        """Raise for a variable where structure stands."""
        if "${" in text:
            self.fail(place, key, shown(text), "text without ${…}", hint="Variables stand in values only.")

    def names(self, place: Place, table: Mapping[str, Any], key: str) -> list[str]:
        """Return a list of strings that is neither empty nor holds one twice."""
        value = table[key]
        if not isinstance(value, list):
            self.fail(place, key, kind_of(value), "a list of strings", hint="Write it in square brackets.")
        if not value:
            self.fail(
                place, key, "an empty list", "at least one string", hint="Leave the key out if nothing is meant."
            )
        for item in value:
            if not isinstance(item, str) or not item:
                self.fail(place, key, f"{kind_of(item)} in the list", "strings that are not empty")
            if value.count(item) > 1:
                self.fail(place, key, f"{shown(item)} twice", "each once")
        return list(value)

    def text_map(self, place: Place, table: Mapping[str, Any], key: str) -> dict[str, str]:
        """Return a table of strings; an absent one is empty."""
        value = table.get(key, {})
        if not isinstance(value, dict) or (not value and key in table):
            self.fail(place, key, kind_of(value), "a table of strings")
        for name, item in value.items():
            if not isinstance(item, str) or not item:
                self.fail(place, key, f"{kind_of(item)} for {shown(name)}", "strings that are not empty")
        return dict(value)

    def boolean(self, place: Place, table: Mapping[str, Any], key: str) -> bool:
        """Return true or false; an absent one is false."""
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.fail(place, key, shown(value), "true, false")
        return value

    def path(self, place: Place, key: str, value: Any) -> list[str]:
        """Return a claim path: one name taken whole, or a list of names to walk down."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            self.fail(place, key, kind_of(value), "the name of a claim, or a list of names to walk down")
        for name in names:
            self.plain(place, key, name)
        return list(names)


def _row(route: Route, givers: list[list[int]]) -> list[Any]:
    return [route.kind, route.method, list(route.segments), route.text, givers]
