"""Everything that happens before the first call: settings, rules, keys, telemetry, each made once.

Laws of this file: what contradicts itself stops the function here, with a message that names the place; what needs
the network is tried here and, if it fails, tried again by the first caller.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import os
from typing import TYPE_CHECKING, Any, Final

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch import SystemClock
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.policy import prepare
from lambda_authorizer.settings import Settings, in_directory, is_remote, load_rules, read_file
from lambda_authorizer.telemetry import make

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_authorizer.authorizer.seams import Check
    from lambda_authorizer.fetch.introspection import Introspector
    from lambda_authorizer.rules import RuleSet
    from lambda_authorizer.tokens import Issuer

_PREFETCH_MS: Final = 8_000  # INIT has ten seconds
_CO_COROUTINE: Final = 0x80  # inspect.CO_COROUTINE; importing inspect costs more than the whole decision


def parts(check: Check | None, environ: Mapping[str, str] | None, *, usage_keys: bool) -> dict[str, Any]:
    """Return the arguments of an `Authorizer`.

    Raises:
        ConfigurationError: as `Authorizer.from_environment`.
    """
    settings = Settings.from_environment(os.environ if environ is None else environ)
    _refuse_hook(check)
    clock = SystemClock()
    builder = _Builder(settings, clock, usage_keys=usage_keys)
    renewal = None
    if is_remote(settings.rules):
        from lambda_authorizer.authorizer.renewal import Renewal  # rules of the package do not change

        renewal = Renewal(settings, clock, builder.build)
        made = renewal.made
    else:
        made = builder.build(load_rules(settings))
    telemetry = make(
        settings.telemetry, service=settings.service, namespace=settings.namespace, level=settings.level
    )
    made["keys"].prefetch(clock.monotonic_ms() + _PREFETCH_MS)
    if settings.environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _register(made["keys"], made["introspector"])
    edges = {"settings": settings, "telemetry": telemetry, "clock": clock, "check": check, "renew": renewal}
    return made | edges


class _Builder:
    """Makes what depends on the rules; keys stay where the issuers do."""

    __slots__ = ("_clock", "_keys", "_settings", "_usage_keys")

    def __init__(self, settings: Settings, clock: SystemClock, *, usage_keys: bool) -> None:
        self._settings = settings
        self._clock = clock
        self._usage_keys = usage_keys
        self._keys: tuple[tuple[Issuer, ...], KeySource] | None = None

    def build(self, rules: RuleSet) -> dict[str, Any]:
        """Return the parts of an `Authorizer` that these rules decide about.

        Raises:
            ConfigurationError: rules, settings and files contradict each other.
        """
        settings = self._settings
        _refuse_contradictions(settings, rules)
        introspector = _introspector(rules, settings, self._clock)
        usage_keys = _usage_keys(rules, settings) if self._usage_keys else None
        graphql_fields = _graphql_fields(rules, settings)
        if self._keys is None or self._keys[0] != rules.issuers:
            keys = KeySource(
                rules.issuers, clock=self._clock, directory=settings.directory, ca_directory=settings.ca_directory
            )
            self._keys = (rules.issuers, keys)
        if settings.result_ttl != 0 and "http" in rules.kinds:
            prepare(rules)  # where nothing is kept, no policy for everything is ever made
        return {
            "rules": rules,
            "keys": self._keys[1],
            "introspector": introspector,
            "usage_keys": usage_keys,
            "graphql_fields": graphql_fields,
        }


def _refuse_contradictions(settings: Settings, rules: RuleSet) -> None:
    """Refuse rules that the answers of this function cannot keep."""
    kept = settings.result_ttl != 0
    if kept and rules.reads_request:
        raise ConfigurationError(
            settings.rules,
            ", ".join(sorted(rules.reads_request)),
            f"a condition on the single request, and AUTHORIZER_RESULT_TTL={settings.result_ttl}"
            if settings.result_ttl
            else "a condition on the single request, and AUTHORIZER_RESULT_TTL not set",
            "such conditions only where nothing is kept: AUTHORIZER_RESULT_TTL=0",
        )
    if kept and settings.response == "simple" and rules.uses_where:
        raise ConfigurationError(
            settings.rules,
            "where",
            f"a path variable bound to a claim, and simple answers kept for {settings.result_ttl} s",
            "AUTHORIZER_RESULT_TTL=0, or an HTTP API without simple responses",
        )


def _refuse_hook(check: object) -> None:
    """Refuse a hook that could never answer True."""
    if check is None:
        return
    code = getattr(check, "__code__", None) or getattr(getattr(type(check), "__call__", None), "__code__", None)  # noqa: B004 - its code is wanted, not whether it is there
    if not callable(check) or (code is not None and code.co_flags & _CO_COROUTINE):
        raise ConfigurationError(
            "Authorizer.from_environment", "check", "no plain function", "a function of principal and request"
        )


def _introspector(rules: RuleSet, settings: Settings, clock: SystemClock) -> Introspector | None:
    """Return what asks about opaque tokens, if any issuer is to be asked."""
    if not any(issuer.introspection is not None for issuer in rules.issuers):
        return None
    from lambda_authorizer.fetch.introspection import Introspector

    return Introspector(
        rules.issuers, environ=settings.environment, clock=clock, ca_directory=settings.ca_directory
    )


def _usage_keys(rules: RuleSet, settings: Settings) -> Mapping[str, str] | None:
    """Return the API key of each tier."""
    if rules.tiers is None or not rules.tiers.usage_keys:
        return None
    from lambda_authorizer.fetch.secrets import usage_key_values

    return usage_key_values(
        rules.tiers.usage_keys, settings.usage_keys, environ=settings.environment, file=settings.rules
    )


def _graphql_fields(rules: RuleSet, settings: Settings) -> tuple[str, ...] | None:
    """Return every field that AppSync is told about: those of the root types, and those that rules name."""
    name = settings.appsync_schema
    if name is None:
        return None
    from lambda_authorizer.response.graphql import SchemaError, parse_schema

    text = read_file(in_directory(settings.directory, name), name, "AUTHORIZER_APPSYNC_SCHEMA")
    try:
        schema = parse_schema(text.decode("utf-8"))
    except (SchemaError, UnicodeDecodeError) as error:
        found = str(error) if isinstance(error, SchemaError) else "bytes that are not UTF-8"
        raise ConfigurationError(name, "(file)", found, "a GraphQL schema, or one Type.field a line") from None
    named = {route.text for route in rules.routes if route.kind == "graphql"}
    unknown = sorted(named - set(schema.fields))
    if unknown:
        raise ConfigurationError(
            settings.rules, "allow", f"{unknown[0]}, which {name} does not define", "fields of the schema"
        )
    return tuple(field for field in schema.fields if field in named or field in schema.root_fields)


def _register(*sources: KeySource | Introspector | None) -> None:
    """Take keys into a SnapStart snapshot, and have everything that ages asked for anew when one is restored."""
    from snapshot_restore_py import (  # type: ignore[import-untyped] # part of the Lambda runtime
        register_after_restore,
        register_before_snapshot,
    )

    for source in sources:
        if source is not None:
            register_before_snapshot(source.before_snapshot)
            register_after_restore(source.after_restore)
