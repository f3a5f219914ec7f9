"""`lambda-authorizer check`: sound rules, and rules held against the API they guard."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import RULES, Run

SOUND = """
Parameters: {Ttl: {Type: Number, Default: 300}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      Cors: "'*'"
      Auth:
        DefaultAuthorizer: Tokens
        AddDefaultAuthorizerToCorsPreflight: false
        Authorizers:
          Tokens: {FunctionArn: !GetAtt Authorizer.Arn, Identity: {ReauthorizeEvery: !Ref Ttl}}
  Authorizer:
    Type: AWS::Serverless::Function
    Properties: {Environment: {Variables: {AUTHORIZER_RESULT_TTL: !Ref Ttl}}}
  Loyalty:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Points: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: "/loyalty/{customerId}"}}
        History: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: "/loyalty/{id}/history"}}
        Add: {Type: Api, Properties: {RestApiId: !Ref Api, Method: post, Path: "/loyalty/{customerId}/points"}}
"""

HTTP = """
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Simple
        Authorizers:
          Simple:
            FunctionArn: !GetAtt Authorizer.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: {Headers: [authorization], ReauthorizeEvery: 0}
  Authorizer:
    Type: AWS::Serverless::Function
    Properties: {Environment: {Variables: {AUTHORIZER_RESPONSE: simple}}}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Read: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /orders}}
"""

ORDERS = """\
schema = 1

[[issuer]]
name = "main"
url = "https://issuer.example"
audience = ["api"]

[[rule]]
name = "read"
allow = ["GET /orders"]
scopes = ["orders:read"]
"""


class Checked:
    """One run of `check --json` over rules and a template."""

    def __init__(self, run: Run, folder: Path, rules: str, template: str, *options: str) -> None:
        (folder / "rules.toml").write_text(rules, encoding="utf-8")
        (folder / "template.yaml").write_text(template, encoding="utf-8")
        result = run("check", "--template", "template.yaml", "--json", *options)
        self.code = result.code
        self.findings = json.loads(result.out)["findings"]

    def codes(self, *levels: str) -> list[str]:
        """The codes found, errors and warnings unless told otherwise."""
        return [one["code"] for one in self.findings if one["level"] in (levels or ("error", "warning"))]

    def text(self, code: str) -> str:
        """The text of the one finding with that code."""
        (found,) = (one for one in self.findings if one["code"] == code)
        return f"{found['level']} {found['where']}: {found['text']}"


def test_sound_rules_print_their_routes(lambda_authorizer: Run) -> None:
    """Each route stands with its rule and what it asks, in words; stand-ins are said."""
    result = lambda_authorizer("check")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[1].split("  ")[0] == "GET /loyalty/{customerId}"
    assert lines[1].endswith("members read their own points  scope loyalty:read; customerId = sub")
    assert lines[3].endswith("gold partners add points       scope loyalty:write; group partners; tier gold")
    assert "ISSUER, AUDIENCE" in result.err


def test_a_mistake_in_the_rules_exits_with_one(lambda_authorizer: Run, folder: Path) -> None:
    """A mistake is shown with file, line, key, found and allowed."""
    (folder / "rules.toml").write_text(RULES.replace("scopes =", "scope =", 1), encoding="utf-8")
    result = lambda_authorizer("check")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: rules.toml:")
    assert "hint:    Did you mean 'scopes'?" in result.err


def test_an_api_that_fits_is_sound(lambda_authorizer: Run, folder: Path) -> None:
    """Names of path variables are no difference; what remains is said as staleness."""
    checked = Checked(lambda_authorizer, folder, RULES, SOUND)
    assert (checked.code, checked.codes()) == (0, [])
    shown = lambda_authorizer("check", "--template", "template.yaml")
    assert (
        "Api/Tokens keeps answers 300 s: an expired token counts at most 300 s longer, a changed rule" in shown.out
    )


def test_open_routes_are_errors_unless_meant(lambda_authorizer: Run, folder: Path) -> None:
    """A method without an authorizer is open to everybody; `--public` says that it is meant."""
    template = SOUND.replace(
        'Path: "/loyalty/{customerId}"}', 'Path: "/loyalty/{customerId}", Auth: {Authorizer: NONE}}'
    )
    checked = Checked(lambda_authorizer, folder, RULES, template)
    assert (checked.code, checked.codes("error")) == (1, ["open-route"])
    assert "although a rule names it (Loyalty.Events.Points)" in checked.text("open-route")
    meant = Checked(lambda_authorizer, folder, RULES, template, "--public", "GET /loyalty/{customerId}")
    assert meant.code == 0


def test_guarded_preflight_is_an_error(lambda_authorizer: Run, folder: Path) -> None:
    """SAM's default puts the authorizer on OPTIONS, which no browser can pass."""
    template = SOUND.replace("        AddDefaultAuthorizerToCorsPreflight: false\n", "")
    checked = Checked(lambda_authorizer, folder, RULES, template)
    assert checked.codes("error") == ["preflight-guarded"]
    assert "OPTIONS /loyalty/{id}/history" in checked.text("preflight-guarded")


def test_routes_and_rules_that_miss_each_other(lambda_authorizer: Run, folder: Path) -> None:
    """A route without a rule is always denied, a rule without a route does nothing; `--strict` makes both fail."""
    template = SOUND.replace("Method: post", "Method: put")
    checked = Checked(lambda_authorizer, folder, RULES, template)
    assert (checked.code, sorted(checked.codes())) == (0, ["route-without-rule", "rule-without-route"])
    assert "PUT /loyalty/{customerId}/points" in checked.text("route-without-rule")
    assert "(rule gold partners add points)" in checked.text("rule-without-route")
    assert Checked(lambda_authorizer, folder, RULES, template, "--strict").code == 1


def test_a_route_below_a_wildcard_is_no_surprise(lambda_authorizer: Run, folder: Path) -> None:
    """A known route of the API is part of R: the wider rule does not open it, and check says so."""
    rules = ORDERS.replace("GET /orders", "GET /orders/{id}")
    template = HTTP.replace("Path: /orders}", 'Path: "/orders/{id}"}').replace(
        "Events:",
        "Events:\n        E: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /orders/export}}",
    )
    checked = Checked(lambda_authorizer, folder, rules, template)
    assert checked.codes() == ["route-without-rule"]
    assert "although GET /orders/{id} would cover it" in checked.text("route-without-rule")
    shown = lambda_authorizer("check", "--template", "template.yaml").out
    assert "GET /orders/export  no rule: always denied" in shown


def test_any_in_rules_speaks_for_each_method_of_the_api(lambda_authorizer: Run, folder: Path) -> None:
    """`ANY /orders` in the rules names `GET /orders` of the API."""
    checked = Checked(lambda_authorizer, folder, ORDERS.replace("GET /orders", "ANY /orders"), HTTP)
    assert checked.codes() == []
    shown = lambda_authorizer("check", "--template", "template.yaml").out
    assert "always denied" not in shown


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("ReauthorizeEvery: 0", "ReauthorizeEvery: 60"), "cache-route"),
        (
            ("Headers: [authorization], ReauthorizeEvery: 0", "QueryStrings: [v], ReauthorizeEvery: 9"),
            "cache-credential",
        ),
        (("EnableFunctionDefaultPermissions: true", ""), "no-permission"),
        (('Version: "2.0"', 'Version: "1.0"'), "payload"),
        (("AUTHORIZER_RESPONSE: simple", "AUTHORIZER_RESPONSE: policy"), "response-differs"),
        (("AUTHORIZER_RESPONSE: simple", "AUTHORIZER_RESULT_TTL: 60"), "ttl-differs"),
    ],
)
def test_wiring_that_fails_at_run_time_is_an_error(
    lambda_authorizer: Run, folder: Path, change: tuple[str, str], code: str
) -> None:
    """Settings of gateway and function that contradict each other are found before the deployment."""
    checked = Checked(lambda_authorizer, folder, ORDERS, HTTP.replace(*change))
    assert checked.code == 1
    assert code in checked.codes("error")


def test_the_http_api_as_it_should_be_has_no_finding(lambda_authorizer: Run, folder: Path) -> None:
    """The control of the test above: without the change nothing is found."""
    checked = Checked(lambda_authorizer, folder, ORDERS, HTTP)
    assert (checked.code, checked.codes()) == (0, [])


def test_kept_answers_must_not_depend_on_the_request(lambda_authorizer: Run, folder: Path) -> None:
    """Conditions on the request, and bound variables under simple answers, need TTL 0."""
    address = ORDERS.replace('scopes = ["orders:read"]', 'source_ip = ["192.0.2.0/24"]')
    checked = Checked(
        lambda_authorizer, folder, address, HTTP.replace("ReauthorizeEvery: 0", "ReauthorizeEvery: 9")
    )
    assert "cache-request" in checked.codes("error")
    bound = ORDERS.replace('GET /orders"]', 'GET /orders/{id}"]\nwhere = { id = "sub" }')
    template = HTTP.replace("Path: /orders}", 'Path: "/orders/{id}"}').replace(
        "ReauthorizeEvery: 0", "ReauthorizeEvery: 9"
    )
    assert "cache-where" in Checked(lambda_authorizer, folder, bound, template).codes("error")


def test_an_unknown_ttl_counts_as_cached(lambda_authorizer: Run, folder: Path) -> None:
    """A TTL that only the deployment knows is said, and judged as if answers were kept."""
    template = HTTP.replace("ReauthorizeEvery: 0", "ReauthorizeEvery: !Ref Ttl").replace(
        "Resources:", "Parameters: {Ttl: {Type: Number}}\nResources:"
    )
    checked = Checked(lambda_authorizer, folder, ORDERS, template)
    assert checked.codes() == ["ttl-unknown", "cache-route"]
    assert Checked(lambda_authorizer, folder, ORDERS, template, "--parameter", "Ttl=0").codes() == []


def test_anonymous_rules_need_a_gateway_that_asks(lambda_authorizer: Run, folder: Path) -> None:
    """Where the gateway answers 401 by itself, a rule for everybody never gets a say."""
    rules = ORDERS.replace('scopes = ["orders:read"]', "anonymous = true")
    assert "anonymous" in Checked(lambda_authorizer, folder, rules, HTTP).codes("error")


@pytest.mark.parametrize("switch", ["EndpointConfiguration: PRIVATE", "Policy"])
def test_a_resource_policy_needs_refusals_spelled_out(lambda_authorizer: Run, folder: Path, switch: str) -> None:
    """Silence plus a resource policy's Allow is an Allow: the rules must say `resource_policy = true`."""
    template = SOUND.replace("StageName: live", f"StageName: live\n      {switch}")
    if switch == "Policy":
        policy = "Auth:\n        ResourcePolicy: {IpRangeWhitelist: [192.0.2.0/24]}"
        template = SOUND.replace("Auth:", policy, 1)
    checked = Checked(lambda_authorizer, folder, RULES, template)
    assert (checked.code, checked.codes("error")) == (1, ["resource-policy"])
    told = RULES.replace("schema = 1", "schema = 1\nresource_policy = true")
    assert Checked(lambda_authorizer, folder, told, template).code == 0
    setting = ("--env", "AUTHORIZER_RESOURCE_POLICY=true")
    assert Checked(lambda_authorizer, folder, RULES, template, *setting).code == 0, (
        "a function of another template"
    )


TIERS = RULES.replace(
    'default = "standard"',
    'default = "standard"\nusage_keys = { gold = "ssm:/g", silver = "ssm:/s", standard = "ssm:/standard" }',
)


def test_usage_keys_without_the_key_source_have_no_effect(lambda_authorizer: Run, folder: Path) -> None:
    """API Gateway ignores usageIdentifierKey silently unless its key source is AUTHORIZER."""
    checked = Checked(lambda_authorizer, folder, TIERS, SOUND)
    assert (checked.code, checked.codes()) == (0, ["key-source"])


def test_usage_keys_need_methods_a_plan_and_every_tier(lambda_authorizer: Run, folder: Path) -> None:
    """Each missing piece of the chain is named; with all of them nothing is."""
    source = SOUND.replace("StageName: live", "StageName: live\n      ApiKeySourceType: AUTHORIZER")
    assert Checked(lambda_authorizer, folder, TIERS, source).codes() == ["key-not-required", "no-usage-plan"]
    whole = source.replace(
        "DefaultAuthorizer: Tokens",
        "DefaultAuthorizer: Tokens\n        ApiKeyRequired: true\n        UsagePlan: {CreateUsagePlan: PER_API}",
    )
    assert Checked(lambda_authorizer, folder, TIERS, whole).codes() == []
    assert Checked(lambda_authorizer, folder, RULES, whole).codes() == ["no-usage-keys"]
    fewer = TIERS.replace(', standard = "ssm:/standard"', "")
    checked = Checked(lambda_authorizer, folder, fewer, whole)
    assert checked.text("tier-without-key").endswith("get 403 (standard)")
    without = TIERS.replace('default = "standard"\n', "")
    assert Checked(lambda_authorizer, folder, without, whole).codes() == ["no-tier-key"]


def test_a_tier_that_no_claim_gives_is_a_warning(lambda_authorizer: Run, folder: Path) -> None:
    """Without a claim for it, everybody has the default tier."""
    rules = RULES.replace('tier = "https://airline.example/tier"', 'tenant = "t"')
    checked = Checked(lambda_authorizer, folder, rules, SOUND)
    assert checked.text("no-tier-claim").endswith("every caller has the tier standard")


def test_what_cannot_be_read_is_said(lambda_authorizer: Run, folder: Path) -> None:
    """Notes of the reading, an API without any authorizer, and `$default` are findings, not silence."""
    template = """
Resources:
  Open: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: nowhere.yaml}}
  Fn: {Type: AWS::Serverless::Function, Properties: {Events: {A: {Type: HttpApi, Properties: {ApiId: !Ref Open}}}}}
"""
    checked = Checked(lambda_authorizer, folder, ORDERS, template)
    assert checked.codes() == ["unread", "unguarded-api"]
    default = HTTP.replace("Method: get, Path: /orders", "Path: $default")
    assert "default-route" in Checked(lambda_authorizer, folder, ORDERS, default).codes("note")
    nothing = "Resources: {Q: {Type: AWS::SQS::Queue}}"
    assert Checked(lambda_authorizer, folder, ORDERS, nothing).codes() == ["no-api"]


def test_an_openapi_document_is_held_against_the_rules(lambda_authorizer: Run, folder: Path) -> None:
    """A plain document's declared schemes count as meant for the authorizer."""
    (folder / "rules.toml").write_text(ORDERS, encoding="utf-8")
    (folder / "api.yaml").write_text(
        "openapi: 3.0.1\ninfo: {title: orders}\n"
        "components: {securitySchemes: {oauth: {type: oauth2}}}\n"
        "paths: {/orders: {get: {security: [{oauth: [a]}]}, post: {security: [{oauth: [b]}]}, put: {}}}\n",
        encoding="utf-8",
    )
    result = lambda_authorizer("check", "--openapi", "api.yaml")
    assert result.code == 1
    assert "error: orders: PUT /orders has no authorizer: everybody may call it (paths./orders)" in result.out
    assert "warning: orders: no rule names POST /orders: it is always denied" in result.out


def test_broken_templates_and_parameters_exit_with_two(lambda_authorizer: Run, folder: Path) -> None:
    """What cannot be read is no finding: exit code 2."""
    (folder / "bad.yaml").write_text("[", encoding="utf-8")
    assert lambda_authorizer("check", "--template", "bad.yaml").code == 2
    assert lambda_authorizer("check", "--template", "nowhere.yaml").code == 2
    assert lambda_authorizer("check", "--openapi", "rules.toml").code == 2
    assert lambda_authorizer("check", "--parameter", "x").code == 2


HARD = """\
schema = 1

[[issuer]]
name = "main"
url = "https://issuer.example"
audience = ["api"]

[[rule]]
name = "deep"
allow = ["GET /a/{x}/b/{y}"]
scopes = ["deep"]

[[rule]]
name = "flat"
allow = ["GET /a/{x}/c"]
scopes = ["flat"]
"""


def test_what_iam_cannot_say_is_refused_corner_by_corner(lambda_authorizer: Run, folder: Path) -> None:
    """A wildcard that IAM cannot fence is an error that names both routes, the rule, and the ways out."""
    (folder / "rules.toml").write_text(HARD, encoding="utf-8")
    result = lambda_authorizer("check")
    assert result.code == 1
    assert "GET /a/{x}/b/{y}" in result.out
    assert "GET /a/{x}/c" in result.out
    assert "(rules: flat)" in result.out
    assert "way out: " in result.out


def test_ttl_zero_needs_no_whole_policy(lambda_authorizer: Run, folder: Path) -> None:
    """Where nothing is kept each answer covers its own route, and the corner is a note."""
    (folder / "rules.toml").write_text(HARD, encoding="utf-8")
    result = lambda_authorizer("check", "--ttl", "0")
    assert result.code == 0
    assert "nothing is kept here" in result.out


def test_narrow_accepts_a_corner(lambda_authorizer: Run, folder: Path) -> None:
    """`narrow = true` on the rule says that the loss is known."""
    told = HARD.replace('name = "deep"', 'name = "deep"\nnarrow = true').replace(
        'name = "flat"', 'name = "flat"\nnarrow = true'
    )
    (folder / "rules.toml").write_text(told, encoding="utf-8")
    result = lambda_authorizer("check")
    assert result.code == 0, result.out
    assert "`narrow = true` accepts it" in result.out


def test_the_apis_routes_are_written_for_the_build(lambda_authorizer: Run, folder: Path) -> None:
    """routes.json holds what the API sends, the other commands read it, and a broken one is said."""
    (folder / "rules.toml").write_text(ORDERS, encoding="utf-8")
    (folder / "template.yaml").write_text(HTTP.replace("Path: /orders", "Path: /orders/x"), encoding="utf-8")
    assert lambda_authorizer("check", "--template", "template.yaml", "--write-routes").code == 0
    assert json.loads((folder / "routes.json").read_text(encoding="utf-8")) == ["GET /orders/x"]
    assert "GET /orders/x  no rule: always denied" in lambda_authorizer("check").out
    (folder / "routes.json").write_text("{}", encoding="utf-8")
    assert lambda_authorizer("check").code == 2
    assert lambda_authorizer("check", "--write-routes").code == 2


def test_the_default_route_is_part_of_what_the_api_sends(lambda_authorizer: Run, folder: Path) -> None:
    """`$default` takes every other path: it belongs to R, where no rule grants it."""
    (folder / "rules.toml").write_text(ORDERS, encoding="utf-8")
    (folder / "template.yaml").write_text(
        HTTP.replace("Method: get, Path: /orders", "Path: $default"), encoding="utf-8"
    )
    shown = lambda_authorizer("check", "--template", "template.yaml").out
    assert "ANY /{default+}  no rule: always denied" in shown


def test_an_api_that_iam_guards_is_only_noted(lambda_authorizer: Run, folder: Path) -> None:
    """An internal API without an authorizer of ours is no mistake."""
    template = """
Resources:
  Inside: {Type: AWS::Serverless::Api, Properties: {StageName: p, Auth: {DefaultAuthorizer: AWS_IAM}}}
  Fn:
    Type: AWS::Serverless::Function
    Properties: {Events: {A: {Type: Api, Properties: {RestApiId: !Ref Inside, Path: /a, Method: get}}}}
"""
    checked = Checked(lambda_authorizer, folder, ORDERS, template)
    assert checked.codes("note") == ["other-guard"]


SHIPPED = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("rules", "template"),
    [
        ("authorizers/rules.toml", "template.yaml"),
        ("authorizers/rules.toml", "examples/quickstart/template.yaml"),
        ("examples/airline/authorizers/rules.toml", "examples/airline/template.yaml"),
    ],
)
def test_the_shipped_rules_and_examples_are_sound(lambda_authorizer: Run, rules: str, template: str) -> None:
    """What the project ships passes its own check."""
    result = lambda_authorizer("check", str(SHIPPED / rules), "--template", str(SHIPPED / template))
    assert result.code == 0, result.out


@pytest.mark.parametrize("cases", ["authorizers/rules_test.toml", "examples/airline/authorizers/rules_test.toml"])
def test_the_shipped_cases_hold(lambda_authorizer: Run, cases: str) -> None:
    """And its own test."""
    result = lambda_authorizer("test", str(SHIPPED / cases))
    assert result.code == 0, result.out


def test_authorizers_for_apis_of_other_stacks_are_linted_without_their_routes(lambda_authorizer: Run) -> None:
    """The shipped template attaches to APIs elsewhere: keys and TTLs are judged, routes are not known."""
    shipped = ("check", str(SHIPPED / "authorizers" / "rules.toml"), "--template", str(SHIPPED / "template.yaml"))
    elsewhere = ("--parameter", "RestApiId=abc", "--parameter", "HttpApiId=xyz", "--parameter", "WebSocketApiId=w")
    sound = lambda_authorizer(*shipped, *elsewhere)
    assert sound.code == 0, sound.out
    assert "abc/RestTokenAuthorizer keeps answers 300 s" in sound.out
    assert "w/ConnectAuthorizer keeps no answer" in sound.out
    assert "is no route of this file" not in sound.out
    kept = lambda_authorizer(*shipped, *elsewhere, "--parameter", "HttpApiResultTtl=60")
    assert kept.code == 1
    assert "error: xyz/HttpAuthorizer: simple answers are kept, and rules bind path variables" in kept.out


def test_a_proof_that_runs_out_of_budget_refuses_the_rules(lambda_authorizer: Run) -> None:
    """What was not proved is an error, and nothing is called exact."""
    result = lambda_authorizer("check", "--budget", "1")
    assert result.code == 1
    assert "sound" not in result.out
    assert "was not decided within" in result.out
