"""What happens when a function starts: everything is read and checked, once."""

import gc
import json
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import snapshot_restore_py
from tests.authorizer_parts import INTROSPECTION, ISSUER, RULES, SIMPLE_RULES

from lambda_authorizer.authorizer import Authorizer
from lambda_authorizer.authorizer.start import parts
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch.introspection import Introspector
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.response.context import RESERVED
from lambda_authorizer.rules.compile import main as compile_rules
from lambda_authorizer.settings import Settings, load_rules, rules_of
from lambda_authorizer.telemetry.plain import PlainTelemetry
from lambda_authorizer.telemetry.powertools import PowertoolsTelemetry
from lambda_authorizer.testing import events, iam
from lambda_authorizer.testing.issuer import FakeIssuer

NO_WHERE = RULES.replace('where = { id = "sub" }\n', "")


class Place:
    """A function's folder and its environment."""

    def __init__(self, folder: Path, rules: str = RULES) -> None:
        self.folder = folder
        self.issuer = FakeIssuer()
        self.write("rules.toml", rules)
        self.environ = self.issuer.settings | {
            "LAMBDA_TASK_ROOT": str(folder),
            "AUTHORIZER_TELEMETRY": "plain",
            "AUTHORIZER_RESULT_TTL": "300",
        }

    def write(self, name: str, text: str) -> None:
        """Put a file beside the function."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def start(self, check: Any = None, *, usage_keys: bool = False, **environ: str) -> dict[str, Any]:
        """Return what a start makes."""
        return parts(check, self.environ | environ, usage_keys=usage_keys)

    def refusal(self, check: Any = None, **environ: str) -> ConfigurationError:
        """Return the mistake that stops a start."""
        with pytest.raises(ConfigurationError) as caught:
            self.start(check, **environ)
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with the shop's rules."""
    return Place(tmp_path)


def test_a_started_authorizer_answers(place: Place):
    """From the environment alone to a decision."""
    authorizer = Authorizer.from_environment(environ=place.environ)
    token = place.issuer.mint({"scope": "orders:read"})
    reply = authorizer.handle(events.token_event(f"Bearer {token}", "GET", "/orders"))
    assert iam.evaluate(reply["policyDocument"], events.REST_API.arn("GET", "/orders")).allowed


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("environ", [{}, {"AUTHORIZER_RESPONSE": "both"}], ids=["starts", "stops"])
def test_the_garbage_collector_is_left_as_it_was(place: Place, environ: dict[str, str], *, collecting: bool):
    """It rests while a start is under way, and no longer, however the start ends."""
    (gc.enable if collecting else gc.disable)()
    try:
        with suppress(ConfigurationError):
            Authorizer.from_environment(environ=place.environ | environ)
        assert gc.isenabled() is collecting
    finally:
        gc.enable()


def test_telemetry_is_the_one_chosen(place: Place):
    """Plain or Powertools."""
    assert isinstance(place.start()["telemetry"], PlainTelemetry)
    made = place.start(AUTHORIZER_TELEMETRY="powertools", POWERTOOLS_SERVICE_NAME="authorizer")
    assert isinstance(made["telemetry"], PowertoolsTelemetry)


def test_nothing_is_made_that_is_not_asked_for(place: Place):
    """No introspector, no usage keys, no schema."""
    made = place.start()
    assert (made["introspector"], made["usage_keys"], made["graphql_fields"]) == (None, None, None)


def test_usage_keys_are_read_where_the_function_answers_with_them(place: Place):
    """The tier authorizer's alone; a local run takes them from a setting."""
    local = json.dumps({"gold": "g" * 20})
    assert place.start(AUTHORIZER_USAGE_KEYS=local)["usage_keys"] is None
    assert place.start(usage_keys=True, AUTHORIZER_USAGE_KEYS=local)["usage_keys"]["gold"] == "g" * 20


def test_usage_keys_without_tiers_are_none(tmp_path: Path):
    """Nothing to read."""
    assert Place(tmp_path, SIMPLE_RULES).start(usage_keys=True)["usage_keys"] is None


def test_an_introspector_is_made_where_an_issuer_has_opaque_tokens(tmp_path: Path):
    """And only there, because it loads `requests`."""
    made = Place(tmp_path, INTROSPECTION).start(CLIENT_SECRET="s")
    assert isinstance(made["introspector"], Introspector)


def test_two_introspecting_issuers_are_refused(tmp_path: Path):
    """An opaque token does not say whose it is."""
    second = INTROSPECTION[INTROSPECTION.index('[[issuer]]\nname = "opaque"') : INTROSPECTION.index("[[rule]]")]
    rules = INTROSPECTION + second.replace("opaque", "another")
    error = Place(tmp_path, rules).refusal(CLIENT_SECRET="s")
    assert error.key == "issuer[2].introspection"


# Contradictions

ON_REQUEST = ISSUER + '[[rule]]\nname = "r"\nallow = ["GET /a"]\nsource_ip = ["10.0.0.0/8"]\nscopes = ["s"]\n'


@pytest.mark.parametrize(
    ("ttl", "words"), [("300", "AUTHORIZER_RESULT_TTL=300"), ("", "AUTHORIZER_RESULT_TTL not set")]
)
def test_conditions_on_the_request_need_answers_that_are_not_kept(tmp_path: Path, ttl: str, words: str):
    """An answer that is kept would be true for one address only; an unknown TTL counts as one."""
    place = Place(tmp_path, ON_REQUEST)
    error = place.refusal(AUTHORIZER_RESULT_TTL=ttl)
    assert (error.file, error.key) == ("rules.toml", "source_ip")
    assert words in error.found
    place.start(AUTHORIZER_RESULT_TTL="0")


def test_bound_variables_and_kept_simple_answers_contradict_each_other(place: Place):
    """Another tenant's call has the same route key."""
    error = place.refusal(AUTHORIZER_RESPONSE="simple")
    assert (error.file, error.key) == ("rules.toml", "where")
    place.start(AUTHORIZER_RESPONSE="simple", AUTHORIZER_RESULT_TTL="0")


def test_kept_simple_answers_without_bound_variables_start(tmp_path: Path):
    """Nothing to refuse."""
    Place(tmp_path, SIMPLE_RULES).start(AUTHORIZER_RESPONSE="simple")


@pytest.mark.parametrize("name", RESERVED)
def test_a_context_cannot_take_a_reserved_name(tmp_path: Path, name: str):
    """Neither the gateway's own names nor those that every answer has."""
    assert Place(tmp_path, SIMPLE_RULES + f'[context]\n{name} = "sub"\n').refusal().key == f"context.{name}"


# Hooks


class AsyncCallable:
    """A hook whose answer would be a coroutine."""

    async def __call__(self, _principal: object, _request: object) -> bool:
        """Return true, later."""
        return True


async def waits(_principal: object, _request: object) -> bool:
    """Return true, later."""
    return True


@pytest.mark.parametrize("check", [waits, AsyncCallable(), "name", 1])
def test_a_hook_that_could_never_say_true_is_refused(place: Place, check: object):
    """A coroutine is not True; better to say so at start than to refuse everybody."""
    assert place.refusal(check).key == "check"


@pytest.mark.parametrize("check", [lambda _principal, _request: True, "a".__eq__, print])
def test_functions_methods_and_builtins_are_hooks(place: Place, check: Any):
    """Whatever can be called with two arguments."""
    place.start(check)


# Rules

BROKEN = {
    "schema = 2": "schema",
    'schema = 1\n[[issuer]]\nname = "x"': "rule",
}


@pytest.mark.parametrize(("text", "key"), BROKEN.items())
def test_a_mistake_in_the_rules_stops_the_function(tmp_path: Path, text: str, key: str):
    """With the place of the mistake."""
    error = Place(tmp_path, text).refusal()
    assert error.file == "rules.toml"
    assert error.key.startswith(key)


def test_rules_that_are_not_there_stop_the_function(place: Place):
    """The message names the setting."""
    error = place.refusal(AUTHORIZER_RULES="other.toml")
    assert (error.key, error.found) == (
        "AUTHORIZER_RULES",
        "'other.toml', which cannot be read (FileNotFoundError)",
    )


def test_rules_over_a_megabyte_are_refused(place: Place):
    """They would not fit into a start."""
    place.write("rules.toml", "#" * (1 << 20) + "\n")
    assert "1 MB" in place.refusal().found


def test_rules_that_are_not_utf_8_are_refused(place: Place):
    """TOML and JSON are UTF-8."""
    (place.folder / "rules.toml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in place.refusal().found


def test_an_absolute_path_is_taken_as_it_is(place: Place, tmp_path: Path):
    """Outside the function's folder too."""
    place.start(LAMBDA_TASK_ROOT="/nowhere", AUTHORIZER_RULES=str(tmp_path / "rules.toml"))


def test_compiled_rules_are_used_where_they_belong_to_the_text(place: Place):
    """And stop the start where they do not: nobody runs on rules other than those beside the function."""
    assert compile_rules([str(place.folder / "rules.toml"), str(place.folder / "rules.compiled.jsonl")]) == 0
    text = (place.folder / "rules.toml").read_bytes()
    rules = load_rules(Settings.from_environment(place.environ))
    assert rules.digest == sha256(text).hexdigest()
    place.write("rules.toml", RULES + "\n# changed")
    assert "another file" in place.refusal().found


def test_rules_from_elsewhere_are_toml_or_json(place: Place):
    """Told apart by their first character."""
    settings = Settings.from_environment(place.environ | {"AUTHORIZER_RULES": "ssm:/shop/rules"})
    assert rules_of(SIMPLE_RULES.encode(), settings.rules, settings).kinds == {"http"}
    document = {
        "schema": 1,
        "issuer": [{"name": "main", "url": "${ISSUER}", "jwks": "${JWKS}", "audience": ["${AUDIENCE}"]}],
        "rule": [{"name": "r", "allow": ["GET /a"], "authenticated": True}],
    }
    assert rules_of(json.dumps(document).encode(), settings.rules, settings).kinds == {"http"}
    place.write("rules.json", json.dumps(document))
    assert place.start(AUTHORIZER_RULES="rules.json")["rules"].kinds == {"http"}


@pytest.mark.parametrize(
    "location", ["ssm:", "appconfig:app/env", "appconfig:a//p", "s3:bucket/key", "s3://bucket", "s3:///key"]
)
def test_places_that_are_none_stop_the_function(place: Place, location: str):
    """The message shows what a place looks like."""
    error = place.refusal(AUTHORIZER_RULES=location)
    assert error.key == "AUTHORIZER_RULES"
    assert "ssm:/name" in error.allowed


# AppSync

SCHEMA = "type Query { orders: Int audit: Int } type Mutation { pay: Int } type Order { total: Int note: Int }"


def test_the_schemas_root_fields_and_those_of_the_rules_are_listed(place: Place):
    """Fields of other types are open unless a rule names them."""
    place.write("schema.graphql", SCHEMA)
    place.write("rules.toml", RULES.replace('"Query.orders"', '"Query.orders", "Order.total"'))
    made = place.start(AUTHORIZER_APPSYNC_SCHEMA="schema.graphql")
    assert made["graphql_fields"] == ("Query.orders", "Query.audit", "Mutation.pay", "Order.total")


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (b"\xff", "not UTF-8"),
        (b"type Query {", "braces"),
        (b"type Query { other: Int }", "Query.orders, which schema.graphql does not define"),
    ],
)
def test_a_schema_that_does_not_fit_stops_the_function(place: Place, schema: bytes, found: str):
    """A field that AppSync does not know cannot be denied to anybody."""
    (place.folder / "schema.graphql").write_bytes(schema)
    assert found in place.refusal(AUTHORIZER_APPSYNC_SCHEMA="schema.graphql").found


def test_a_schema_that_is_not_there_stops_the_function(place: Place):
    """The message names the setting."""
    assert place.refusal(AUTHORIZER_APPSYNC_SCHEMA="none.graphql").key == "AUTHORIZER_APPSYNC_SCHEMA"


# SnapStart


def test_keys_go_into_a_snapshot_and_are_asked_for_after_it(tmp_path: Path):
    """Only where the function is started for a snapshot."""
    place = Place(tmp_path, INTROSPECTION)
    before = len(snapshot_restore_py.get_before_snapshot())
    place.start(CLIENT_SECRET="s")
    assert len(snapshot_restore_py.get_before_snapshot()) == before
    made = place.start(CLIENT_SECRET="s", AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    Place(tmp_path).start(AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    registered = [entry[0].__self__ for entry in snapshot_restore_py.get_after_restore()]
    assert made["keys"] in registered
    assert made["introspector"] in registered
    assert isinstance(made["keys"], KeySource)


def test_the_shipped_rules_start_every_shipped_function(tmp_path: Path):
    """The folder that is deployed, with the schema beside it."""
    root = Path(__file__).resolve().parents[1] / "authorizers"
    for name in ("rules.toml", "schema.graphql"):
        shutil.copy(root / name, tmp_path / name)
    place = Place(tmp_path, (root / "rules.toml").read_text(encoding="utf-8"))
    place.start(AUTHORIZER_APPSYNC_SCHEMA="schema.graphql")
    place.start(AUTHORIZER_RESPONSE="simple", AUTHORIZER_RESULT_TTL="0")
    place.start(usage_keys=True, AUTHORIZER_USAGE_KEYS=json.dumps({"gold": "g" * 20, "silver": "s" * 20}))
