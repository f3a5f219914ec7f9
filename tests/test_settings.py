"""Settings are checked when the function starts, and say what is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.settings import SETTINGS, Settings


def settings(**environ: str) -> Settings:
    """Return the settings of an environment."""
    return Settings.from_environment(environ)


def place_and_name(found: Settings) -> tuple[str, str]:
    """Return where the credential is looked for."""
    return found.credential.place, found.credential.name


def test_defaults():
    """An empty environment gives the documented defaults."""
    found = settings()
    assert found.rules == "rules.toml"
    assert found.directory == "."
    assert found.result_ttl is None
    assert (found.response, found.unauthorized, found.telemetry) == ("policy", "raise", "powertools")
    assert (found.service, found.namespace, found.level) == ("authorizer", "LambdaAuthorizer", "INFO")
    assert place_and_name(found) == ("header", "Authorization")
    assert (found.resource_policy, found.verified_cache, found.http_loopback) == (False, True, False)
    assert (found.time_budget_ms, found.policy_bytes, found.context_bytes) == (3_000, 6_144, 2_048)
    assert (found.appsync_schema, found.appsync_field_arns, found.ca_directory) == (None, False, None)
    assert found.usage_keys == {}


def test_empty_variables_are_absent_ones():
    """Templates write an empty string where nothing is said."""
    empty, absent = settings(**{name: "" for name, _, _ in SETTINGS}), settings()
    for field in set(Settings.__slots__) - {"environment", "credential"}:
        assert getattr(empty, field) == getattr(absent, field)
    assert place_and_name(empty) == place_and_name(absent)


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("AUTHORIZER_RULES", "ssm:/rules", "rules", "ssm:/rules"),
        ("LAMBDA_TASK_ROOT", "/var/task", "directory", "/var/task"),
        ("AUTHORIZER_RESULT_TTL", "0", "result_ttl", 0),
        ("AUTHORIZER_RESULT_TTL", "3600", "result_ttl", 3600),
        ("AUTHORIZER_UNAUTHORIZED", "deny", "unauthorized", "deny"),
        ("AUTHORIZER_TELEMETRY", "plain", "telemetry", "plain"),
        ("POWERTOOLS_SERVICE_NAME", "orders", "service", "orders"),
        ("POWERTOOLS_METRICS_NAMESPACE", "Shop", "namespace", "Shop"),
        ("POWERTOOLS_LOG_LEVEL", "debug", "level", "DEBUG"),
        ("LOG_LEVEL", "ERROR", "level", "ERROR"),
        ("AUTHORIZER_RESOURCE_POLICY", "true", "resource_policy", True),
        ("AUTHORIZER_VERIFIED_CACHE", "off", "verified_cache", False),
        ("AUTHORIZER_TIME_BUDGET_MS", "100", "time_budget_ms", 100),
        ("AUTHORIZER_POLICY_BYTES", "8192", "policy_bytes", 8192),
        ("AUTHORIZER_CONTEXT_BYTES", "4096", "context_bytes", 4096),
        ("AUTHORIZER_APPSYNC_SCHEMA", "schema.graphql", "appsync_schema", "schema.graphql"),
        ("AUTHORIZER_APPSYNC_FIELDS", "arns", "appsync_field_arns", True),
        ("AUTHORIZER_HTTP_LOOPBACK", "allow", "http_loopback", True),
        ("AUTHORIZER_CA_DIRECTORY", "/etc/ssl/certs", "ca_directory", "/etc/ssl/certs"),
        ("AUTHORIZER_USAGE_KEYS", '{"gold": "k"}', "usage_keys", {"gold": "k"}),
        ("AUTHORIZER_CREDENTIAL", "header:X-Token", "credential", ("header", "X-Token")),
        ("AUTHORIZER_CREDENTIAL", "query:access_token", "credential", ("query", "access_token")),
        ("AUTHORIZER_CREDENTIAL", "cookie:session", "credential", ("cookie", "session")),
        ("AUTHORIZER_CREDENTIAL", "subprotocol:bearer", "credential", ("subprotocol", "bearer")),
        ("AUTHORIZER_CREDENTIAL", "appsync", "credential", ("appsync", "")),
        ("AUTHORIZER_CREDENTIAL", "appsync:l:", "credential", ("appsync", "l:")),
    ],
)
def test_each_variable_is_read(name, text, field, value):
    """One variable, one field."""
    found = settings(**{name: text})
    assert (place_and_name(found) if field == "credential" else getattr(found, field)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AUTHORIZER_RESULT_TTL", "3601"),
        ("AUTHORIZER_RESULT_TTL", "-1"),
        ("AUTHORIZER_RESULT_TTL", "5m"),
        ("AUTHORIZER_RESULT_TTL", "٣"),
        ("AUTHORIZER_RESULT_TTL", "00000"),
        ("AUTHORIZER_RESPONSE", "Simple"),
        ("AUTHORIZER_UNAUTHORIZED", "401"),
        ("AUTHORIZER_TELEMETRY", "otel"),
        ("AUTHORIZER_RESOURCE_POLICY", "yes"),
        ("AUTHORIZER_VERIFIED_CACHE", "true"),
        ("AUTHORIZER_TIME_BUDGET_MS", "99"),
        ("AUTHORIZER_TIME_BUDGET_MS", "10001"),
        ("AUTHORIZER_POLICY_BYTES", "511"),
        ("AUTHORIZER_CONTEXT_BYTES", "300000"),
        ("AUTHORIZER_APPSYNC_FIELDS", "both"),
        ("AUTHORIZER_HTTP_LOOPBACK", "deny"),
        ("AUTHORIZER_CREDENTIAL", "header"),
        ("AUTHORIZER_CREDENTIAL", "header:"),
        ("AUTHORIZER_CREDENTIAL", "header:X Token"),
        ("AUTHORIZER_CREDENTIAL", "body:token"),
        ("AUTHORIZER_CREDENTIAL", "appsync:"),
        ("AUTHORIZER_CREDENTIAL", "appsync:a b"),
        ("POWERTOOLS_LOG_LEVEL", "LOUD"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_means_nothing_stops_the_function(name, text):
    """The message names the variable, what was found and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        settings(**{name: text})
    assert (caught.value.file, caught.value.key) == ("environment", name)
    assert repr(text).strip("'").upper() in caught.value.found.upper()
    assert caught.value.allowed


def test_an_unknown_setting_stops_the_function_with_the_nearest_name():
    """A slip of the pen is not a default."""
    with pytest.raises(ConfigurationError, match="Did you mean 'AUTHORIZER_RESULT_TTL'"):
        settings(AUTHORIZER_RESULTTTL="0")


def test_variables_of_others_are_nobody_elses_business():
    """Only names with our prefix are judged."""
    assert settings(ISSUER="https://issuer.example", AWS_REGION="eu-west-1").environment["ISSUER"]


def test_simple_answers_need_a_stated_ttl():
    """A kept yes answers more than one call: whether it is kept must not stay open."""
    with pytest.raises(ConfigurationError, match="AUTHORIZER_RESULT_TTL: found nothing"):
        settings(AUTHORIZER_RESPONSE="simple")
    assert settings(AUTHORIZER_RESPONSE="simple", AUTHORIZER_RESULT_TTL="0").response == "simple"


@pytest.mark.parametrize("text", ["k" * 20, '["secret"]', '{"gold": 7}', '{"gold": ""}', '{"gold": "secret"'])
def test_usage_keys_that_are_none_are_refused_without_being_shown(text):
    """The message shows no key."""
    with pytest.raises(ConfigurationError) as caught:
        settings(AUTHORIZER_USAGE_KEYS=text)
    assert "secret" not in str(caught.value)
    assert "k" * 20 not in str(caught.value)


def test_repr_shows_no_value():
    """Settings may stand in a traceback."""
    shown = repr(settings(AUTHORIZER_USAGE_KEYS='{"gold": "secret"}', ISSUER="https://issuer.example"))
    assert shown == "Settings()"


def test_every_setting_is_documented_once():
    """The table that the docs print has each variable once, with a default and a meaning."""
    names = [name for name, _, _ in SETTINGS]
    assert len(names) == len(set(names))
    assert all(name.startswith("AUTHORIZER_") and default and meaning for name, default, meaning in SETTINGS)


@hypothesis_settings(deadline=None)
@given(st.dictionaries(st.sampled_from([name for name, _, _ in SETTINGS]), st.text(max_size=12), max_size=4))
def test_no_value_raises_anything_but_a_configuration_error(environ: dict[str, Any]):
    """Whatever a variable holds."""
    try:
        Settings.from_environment(environ)
    except ConfigurationError:
        return
