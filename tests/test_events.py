"""The files in events/ have the true shapes, work on any day, and nothing built or deployed trusts their key."""

import json
import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from lambda_authorizer import Authorizer, Unauthorized
from lambda_authorizer.authorizer.start import parts
from lambda_authorizer.testing import demo
from lambda_authorizer.testing.demo import CASES, FUNCTIONS, Case

ROOT = Path(__file__).parent.parent
EVENTS = ROOT / "events"
YEAR_2099 = 4_070_908_800

REST_KEYS = {
    *("type", "methodArn", "resource", "path", "httpMethod", "headers", "multiValueHeaders"),
    *("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"),
    "requestContext",
}
TRUE_SHAPES: dict[str, tuple[set[str], set[str]]] = {
    "token": ({"type", "authorizationToken", "methodArn"}, set()),
    "request": (REST_KEYS, set()),
    "tier": (REST_KEYS, set()),
    "http-api": (
        {"version", "type", "routeArn", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext"},
        {"identitySource", "pathParameters"},
    ),
    "websocket": (REST_KEYS - {"resource", "path", "httpMethod", "pathParameters"}, set()),
    "appsync": ({"authorizationToken", "requestContext", "requestHeaders"}, set()),
}
"""Keys of each kind of event: those always there, and those there when they have something to say."""


def load(name: str) -> Any:
    """Return one file of events/."""
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def token_of(event: dict[str, Any]) -> str:
    """Return the token of an event, wherever its kind carries it."""
    found = event.get("authorizationToken")
    if found is None:
        headers = {name.lower(): value for name, value in event["headers"].items()}
        found = headers.get("authorization", "")
    return found.removeprefix("Bearer ")


def demo_key() -> Any:
    """Return the demo's public key as the settings of `sam local` carry it."""
    return jwt.PyJWK(json.loads(load("env.json")["TokenAuthorizer"]["JWKS"])["keys"][0])


def verify(token: str) -> dict[str, Any]:
    """Return the claims of a token that the demo's issuer signed."""
    found: dict[str, Any] = jwt.decode(
        token, demo_key(), algorithms=["RS256"], audience=demo.AUDIENCE, issuer=demo.ISSUER
    )
    return found


def test_the_folder_holds_the_demo_and_nothing_else() -> None:
    """Each case has its file, and no file is left over from an older demo."""
    assert {path.name for path in EVENTS.iterdir()} == {case.file for case in CASES} | {"env.json"}


def test_every_front_end_has_the_cases_that_matter() -> None:
    """A reader finds an allowed call, a refused one and the credential faults for each function."""
    for kind in FUNCTIONS:
        assert {"allow", "wrong-scope", "missing-token", "expired", "bad-signature"} <= {
            case.name for case in CASES if case.kind == kind
        }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_each_event_has_the_true_shape(case: Case) -> None:
    """Every event has the keys that its front end sends, and no other."""
    event = load(case.file)
    always, sometimes = TRUE_SHAPES[case.kind]
    assert always <= event.keys() <= always | sometimes


@pytest.mark.parametrize("case", [case for case in CASES if not case.fault], ids=lambda case: case.file)
def test_good_tokens_verify_and_last_until_2099(case: Case) -> None:
    """The credential of every case whose fault is elsewhere is good on any day, with the claims of the case."""
    claims = verify(token_of(load(case.file)))
    assert claims["exp"] == YEAR_2099
    assert claims.items() >= case.claims.items()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.fault not in {"", "missing"}], ids=lambda case: case.file
)
def test_bad_tokens_are_bad_for_the_demo_issuer(case: Case) -> None:
    """A second implementation refuses each of them with the demo's own key."""
    with pytest.raises(jwt.InvalidTokenError):
        verify(token_of(load(case.file)))


def test_a_missing_token_is_really_missing() -> None:
    """No form of a credential is in those events."""
    for case in CASES:
        if case.fault == "missing":
            assert token_of(load(case.file)) == ""
            assert "Bearer" not in json.dumps(load(case.file))


def test_the_settings_name_every_function_and_hold_no_private_key() -> None:
    """env.json trusts one public key; the private half is nowhere."""
    settings = load("env.json")
    assert settings.keys() == set(FUNCTIONS.values())
    for name, found in settings.items():
        assert found["ISSUER"] == demo.ISSUER
        assert found["AUDIENCE"] == demo.AUDIENCE
        keys = json.loads(found["JWKS"])["keys"]
        assert [key["kty"] for key in keys] == ["RSA"], name
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & keys[0].keys()
    assert json.loads(settings["TierAuthorizer"]["AUTHORIZER_USAGE_KEYS"]) == demo.USAGE_KEYS


def test_usage_keys_of_the_demo_have_the_form_of_real_ones() -> None:
    """API Gateway takes 20 to 128 letters and digits."""
    assert all(re.fullmatch("[A-Za-z0-9]{20,128}", key) for key in demo.USAGE_KEYS.values())


def built_or_deployed() -> list[Path]:
    """Return every file that a build reads or has made, save the testing kit, which no layer contains."""
    roots = [
        ROOT / name for name in ("authorizers", "layers", "examples", ".local/build", ".aws-sam/build", "dist")
    ]
    found = [path for root in roots if root.is_dir() for path in root.rglob("*") if path.is_file()]
    kit = ROOT / "layers/authorizer/lambda_authorizer/testing"
    return [ROOT / "template.yaml", *(path for path in found if kit not in path.parents)]


def test_nothing_built_or_deployed_trusts_the_demo() -> None:
    """The demo's issuer, audience, key and usage keys stand in events/env.json alone."""
    key = json.loads(load("env.json")["TokenAuthorizer"]["JWKS"])["keys"][0]
    trust = [
        text.encode() for text in (demo.ISSUER, demo.AUDIENCE, key["kid"], key["n"], *demo.USAGE_KEYS.values())
    ]
    guilty = {
        str(path.relative_to(ROOT)) for path in built_or_deployed() for text in trust if text in path.read_bytes()
    }
    assert guilty == set()


def test_the_layer_leaves_the_testing_kit_out() -> None:
    """Where a layer was built, it has no testing package, hence no demo either."""
    made = [path for path in built_or_deployed() if "lambda_authorizer/testing" in path.as_posix()]
    assert made == []


def test_minting_anew_makes_a_fresh_key_and_clears_away_old_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make events` replaces the whole set, and only the set."""
    (tmp_path / "token-of-yesterday.json").write_text("{}", encoding="utf-8")
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    (tmp_path / "token-allow.json").write_text("{}", encoding="utf-8")
    demo.main(["--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {case.file for case in CASES} | {"env.json", "mine.json"}
    fresh = json.loads((tmp_path / "env.json").read_text(encoding="utf-8"))["TokenAuthorizer"]["JWKS"]
    assert (
        json.loads(fresh)["keys"][0]["n"]
        != json.loads(load("env.json")["TokenAuthorizer"]["JWKS"])["keys"][0]["n"]
    )
    assert "signed with a fresh key" in capsys.readouterr().out


OWN_SETTINGS: dict[str, dict[str, str]] = {
    "HttpApiAuthorizer": {"AUTHORIZER_RESPONSE": "simple", "AUTHORIZER_RESULT_TTL": "0"},
    "WebSocketAuthorizer": {"AUTHORIZER_RESULT_TTL": "0"},
    "AppSyncAuthorizer": {"AUTHORIZER_RESULT_TTL": "0", "AUTHORIZER_APPSYNC_SCHEMA": "schema.graphql"},
}
"""What the template says of a function beside the shared settings; the others keep answers for 300 s."""


class Recorder:
    """Keeps the record of the last decision."""

    def record(self, entry: Any) -> None:
        """Keep one decision."""
        self.last = dict(entry)


def started(kind: str) -> tuple[Authorizer, Recorder]:
    """Return the function of a kind, started with the settings of events/env.json."""
    name = FUNCTIONS[kind]
    environment = {
        "AUTHORIZER_RESULT_TTL": "300",
        "AUTHORIZER_RULES": "rules.toml",
        "AUTHORIZER_TELEMETRY": "plain",
        "LAMBDA_TASK_ROOT": str(ROOT / "authorizers"),
        **load("env.json")[name],
        **OWN_SETTINGS.get(name, {}),
    }
    recorder = Recorder()
    made = parts(None, environment, usage_keys=kind == "tier")
    return Authorizer(**(made | {"telemetry": recorder})), recorder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_each_event_gets_the_decision_and_the_reason_of_its_case(case: Case) -> None:
    """The shipped rules decide every event of the demo as its name says, today as on any day."""
    function, recorder = started(case.kind)
    try:
        function.handle(load(case.file))
    except Unauthorized:
        assert case.decision == "unauthorized"
    assert (recorder.last["decision"], recorder.last["reason"]) == (case.decision, case.reason)


def test_the_tier_function_names_the_demo_key_of_the_tier() -> None:
    """`usageIdentifierKey` is the value that env.json gives in place of a secret."""
    function, _ = started("tier")
    assert function.handle(load("tier-allow-silver.json"))["usageIdentifierKey"] == demo.USAGE_KEYS["silver"]
    assert function.handle(load("tier-allow-partner.json"))["usageIdentifierKey"] == demo.USAGE_KEYS["gold"]
