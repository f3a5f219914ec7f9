"""The conditions of a rule or a named requirement, read strictly.

A condition becomes `[kind, wanted]`, where `wanted` is what `grants.condition_met` takes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lambda_authorizer.rules import keys
from lambda_authorizer.rules.messages import Place, kind_of, shown
from lambda_authorizer.rules.values import check_networks

if TYPE_CHECKING:
    from lambda_authorizer.rules.parse import _Reader

_IDENTITY = frozenset(keys.CONDITIONS) - keys.REQUEST_CONDITIONS - {"anonymous"}


class ConditionReader:
    """Reads conditions; knows the issuers' aliases and the tiers."""

    def __init__(self, reader: "_Reader") -> None:
        self.reader = reader
        self.aliases: Sequence[str] = ()
        self.tiers: list[str] | None = None

    def prepare(self, aliases: Sequence[str], tiers: list[str] | None) -> None:
        """Take what conditions may refer to."""
        self.aliases = aliases
        self.tiers = tiers

    def read(self, place: Place, table: Mapping[str, Any]) -> list[list[Any]]:
        """Return the conditions in the order of their definition."""
        return [
            [name, getattr(self, f"_{key.shape}")(place, table, name)]
            for name, key in keys.CONDITIONS.items()
            if name in table
        ]

    def check_together(
        self, place: Place, conditions: Sequence[Sequence[Any]], where: Mapping[str, Any], effect: str
    ) -> None:
        """Raise for conditions that contradict each other."""
        kinds = {kind for kind, _ in conditions}
        fail = self.reader.fail
        if "anonymous" in kinds:
            others = sorted(kinds & _IDENTITY) + (["where"] if where else [])
            if others:
                fail(
                    place,
                    "anonymous",
                    f"anonymous = true beside {', '.join(others)}",
                    "anonymous alone, or with source_ip and client_certificate",
                    hint="A caller without a credential has nothing that the others could read.",
                )
            if effect == "deny":
                fail(
                    place,
                    "anonymous",
                    "anonymous = true on a deny rule",
                    "authenticated = true, or other conditions",
                    hint="A deny rule always reaches callers without a credential.",
                )
        if "authenticated" in kinds and (len(kinds) > 1 or where):
            others = sorted(kinds - {"authenticated"}) + (["where"] if where else [])
            fail(
                place,
                "authenticated",
                f"authenticated = true beside {', '.join(others)}",
                "authenticated = true alone",
                hint="Any other condition already asks for a credential.",
            )
        allowed = [set(wanted) for kind, wanted in conditions if kind in {"tier", "min_tier"}]
        if allowed and not set.intersection(*allowed):
            fail(place, "tier", "tiers that no caller can have at once", "tier and min_tier that agree")
        self._check_claims(place, conditions)

    def _check_claims(self, place: Place, conditions: Sequence[Sequence[Any]]) -> None:
        present = {tuple(path) for kind, wanted in conditions if kind == "present" for path in wanted}
        present |= {tuple(entry[0]) for kind, wanted in conditions if kind == "claims" for entry in wanted}
        absent = {tuple(path) for kind, wanted in conditions if kind == "absent" for path in wanted}
        both = sorted(present & absent)
        if both:
            self.reader.fail(
                place, "absent", f"the claim {both[0][-1]!r} both asked for and absent", "one of the two"
            )

    # One method a shape of `keys.py`.

    def _names(self, place: Place, table: Mapping[str, Any], key: str) -> list[str]:
        return self.reader.names(place, table, key)

    def _name_or_names(self, place: Place, table: Mapping[str, Any], key: str) -> list[str]:
        value = table[key]
        names = self.reader.names(place, {key: [value]} if isinstance(value, str) else table, key)
        for name in names:
            if key == "issuer":
                self.reader.plain(place, key, name)
                if name not in self.aliases:
                    self.reader.fail_unknown(place, key, name, self.aliases, "[[issuer]] with that name")
            if key == "tier":
                self._check_tier(place, key, name)
        return names

    def _text(self, place: Place, table: Mapping[str, Any], key: str) -> list[str]:
        """`min_tier`: the tiers that are high enough."""
        tier = table[key]
        if not isinstance(tier, str):
            self.reader.fail(place, key, kind_of(tier), "the name of a tier")
        order = self._check_tier(place, key, tier)
        return order[order.index(tier) :]

    def _check_tier(self, place: Place, key: str, tier: str) -> list[str]:
        if self.tiers is None:
            self.reader.fail(place, key, "a tier, and the file has no [tiers]", "[tiers] with order = [...]")
        if tier not in self.tiers:
            self.reader.fail_unknown(place, key, tier, self.tiers, "tier of [tiers] order")
        return self.tiers

    def _true(self, place: Place, table: Mapping[str, Any], key: str) -> bool:
        if table[key] is not True:
            self.reader.fail(place, key, shown(table[key]), "true", hint="Leave the key out otherwise.")
        return True

    def _paths(self, place: Place, table: Mapping[str, Any], key: str) -> list[list[str]]:
        value = table[key]
        if not isinstance(value, list) or not value:
            self.reader.fail(place, key, kind_of(value), "a list of claims")
        return [self.reader.path(place, key, item) for item in value]

    def _networks(self, place: Place, table: Mapping[str, Any], key: str) -> list[str]:
        networks = self.reader.names(place, table, key)
        line = self.reader.line(place.table, place.number, key)
        check_networks(networks, file=self.reader.file, key=place.dotted(key), line=line)
        return networks

    def _certificate(self, place: Place, table: Mapping[str, Any], key: str) -> dict[str, list[str]]:
        value = table[key]
        if value is True:
            return {}
        if not isinstance(value, dict) or not value:
            self.reader.fail(place, key, shown(value), f"true, or a table of {', '.join(keys.CERTIFICATE)}")
        for name in value:
            if name not in keys.CERTIFICATE:
                self.reader.fail_unknown(place, key, name, list(keys.CERTIFICATE), "field of a certificate")
        return {
            name: self.reader.names(place, {key: [item]} if isinstance(item, str) else {key: item}, key)
            for name, item in value.items()
        }

    def _claims(self, place: Place, table: Mapping[str, Any], key: str) -> list[list[Any]]:
        value = table[key]
        fail = self.reader.fail
        if isinstance(value, dict) and value:
            return [self._claim(place, key, [name], wanted) for name, wanted in value.items()]
        if not isinstance(value, list) or not value:
            fail(place, key, kind_of(value), "{ name = value }, or a list of { path = [...], equals = value }")
        entries = []
        for item in value:
            if not isinstance(item, dict) or "path" not in item:
                fail(place, key, "an entry without path", "{ path = [...], equals = value }")
            for name in item:
                if name not in keys.CLAIM_ENTRY:
                    self.reader.fail_unknown(place, key, name, list(keys.CLAIM_ENTRY), "key of a claim entry")
            path = self.reader.path(place, key, item["path"])
            rest = {name: wanted for name, wanted in item.items() if name != "path"}
            if "equals" in rest and len(rest) > 1:
                fail(place, key, "equals beside min or max", "one of the two")
            entries.append(self._claim(place, key, path, rest.get("equals", rest)))
        return entries

    def _claim(self, place: Place, key: str, path: list[str], wanted: Any) -> list[Any]:
        self.reader.path(place, key, path)
        fail = self.reader.fail
        if isinstance(wanted, dict):
            if not wanted or not set(wanted) <= set(keys.CLAIM_RANGE):
                fail(
                    place, key, f"an unknown comparison for {path[-1]!r}", "a value, a list, { min = …, max = … }"
                )
            least, greatest = wanted.get("min"), wanted.get("max")
            for bound in (least, greatest):
                if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
                    fail(place, key, f"{kind_of(bound)} as a bound of {path[-1]!r}", "a number")
            if least is not None and greatest is not None and least > greatest:
                fail(place, key, f"min above max for {path[-1]!r}", "min at most max")
            return [path, "range", [least, greatest]]
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            fail(place, key, f"an empty list for {path[-1]!r}", "at least one value")
        for item in values:
            if not isinstance(item, str | int | float):
                fail(place, key, f"{kind_of(item)} for {path[-1]!r}", "strings, numbers, true, false")
        return [path, "one_of", values]
