"""The airline: every mechanism does its own job, no method is open, and the walk of the docs is what happens."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from examples.airline.trigger.add_tier import CLAIM, lambda_handler, tier_of
from tests.deploy.conftest import ROOT, Transform
from tests.deploy.test_template import of_type

AIRLINE = "examples/airline/template.yaml"
VARIANTS = "examples/airline/variants"
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "x-amazon-apigateway-any-method"}


@pytest.fixture(scope="module")
def airline(transform: Transform) -> dict[str, Any]:
    """The core template, transformed."""
    return transform(AIRLINE)


def trigger_event(groups: list[str] | None, version: str = "2") -> dict[str, Any]:
    """What Cognito sends before it makes a token (V2)."""
    return {
        "version": version,
        "triggerSource": "TokenGeneration_HostedAuth",
        "region": "eu-west-1",
        "userPoolId": "eu-west-1_AbCdEfGhI",
        "userName": "anna",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "web"},
        "request": {
            "userAttributes": {"sub": "anna", "custom:tier": "gold"},
            "groupConfiguration": {"groupsToOverride": groups, "iamRolesToOverride": [], "preferredRole": None},
            "scopes": ["openid", "loyalty/read"],
        },
        "response": {"claimsAndScopeOverrideDetails": None},
    }


@pytest.mark.parametrize(
    ("groups", "tier"),
    [
        (["tier-gold"], "gold"), (["tier-silver", "partners"], "silver"), (["tier-silver", "tier-gold"], "gold"),
        ([], "standard"), (None, "standard"), (["gold", "Tier-Gold", "tier-platinum"], "standard"),
    ],
)  # fmt: skip
def test_the_trigger_adds_the_highest_tier_of_the_groups(groups: list[str] | None, tier: str) -> None:
    """Only groups count, by their exact names; whoever is in none is in the lowest tier."""
    answer = lambda_handler(trigger_event(groups), None)["response"]["claimsAndScopeOverrideDetails"]
    assert answer == {"accessTokenGeneration": {"claimsToAddOrOverride": {CLAIM: tier}}}
    assert tier_of(groups or []) == tier


def test_the_trigger_believes_no_attribute_that_a_member_can_change() -> None:
    """An attribute that says gold changes nothing."""
    assert "gold" not in str(lambda_handler(trigger_event([]), None)["response"])


@pytest.mark.parametrize("version", ["1", "3"])
def test_the_trigger_refuses_another_version(version: str) -> None:
    """Under another version the answer would be ignored, and tokens would silently lack the tier."""
    with pytest.raises(ValueError, match="V2_0"):
        lambda_handler(trigger_event([], version), None)


def test_the_rules_say_what_their_tests_say() -> None:
    """rules_test.toml holds."""
    finished = subprocess.run(
        [
            Path(sys.executable).with_name("lambda-authorizer"),
            "test",
            ROOT / "examples" / "airline" / "authorizers" / "rules_test.toml",
        ],
        check=False, text=True, capture_output=True,
        env={"ISSUER": "https://id.example", "MEMBERS_CLIENT": "web", "PARTNERS_CLIENT": "partners"},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(r"^(\d+) of \1 cases hold", finished.stdout, re.MULTILINE), finished.stdout


def test_the_walk_of_the_documentation_is_what_happens() -> None:
    """docs/airline.md prints the walk's output; the walk prints it too."""
    finished = subprocess.run(
        [sys.executable, ROOT / "examples" / "airline" / "walk.py"], check=False, text=True, capture_output=True
    )
    assert finished.returncode == 0, finished.stderr
    text = (ROOT / "docs" / "airline.md").read_text(encoding="utf-8")
    shown = [block for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if "Limit Exceeded" in block]
    assert shown == [re.sub(r" +$", "", finished.stdout, flags=re.MULTILINE)]


def methods(output: dict[str, Any], api: str) -> dict[str, dict[str, Any]]:
    """Every method of an API's OpenAPI document, preflights left out."""
    body = output["Resources"][api]["Properties"]["Body"]
    return {
        f"{method} {path}": operation
        for path, operations in body["paths"].items()
        for method, operation in operations.items()
        if method in METHODS and method != "options"
    }


def test_no_method_of_the_loyalty_api_is_open(airline: dict[str, Any]) -> None:
    """Each method names its authorizer, and the metered ones ask for a key; only history is not metered."""
    found = {call: operation["security"] for call, operation in methods(airline, "LoyaltyApi").items()}
    assert found == {
        "get /loyalty/{customerId}/get": [{"ByTier": []}, {"api_key": []}],
        "post /loyalty/{customerId}/points": [{"ByTier": []}, {"api_key": []}],
        "get /loyalty/{customerId}/history": [{"ByToken": []}],
    }


def test_a_browsers_preflight_needs_neither_token_nor_key(airline: dict[str, Any]) -> None:
    """CORS works: OPTIONS has no security, and refusals carry the header that lets a browser show them."""
    body = airline["Resources"]["LoyaltyApi"]["Properties"]["Body"]
    preflights = [operations["options"] for operations in body["paths"].values() if "options" in operations]
    assert len(preflights) == 3
    assert not [each for each in preflights if each.get("security")]
    responses = body["x-amazon-apigateway-gateway-responses"]
    for kind in ("UNAUTHORIZED", "ACCESS_DENIED", "DEFAULT_4XX", "DEFAULT_5XX"):
        parameters = responses[kind]["responseParameters"]
        assert "gatewayresponse.header.Access-Control-Allow-Origin" in parameters


def test_the_rest_authorizers_are_what_the_functions_believe(airline: dict[str, Any]) -> None:
    """Type, identity source and TTL of the API agree with the functions' settings."""
    body = airline["Resources"]["LoyaltyApi"]["Properties"]["Body"]
    by_tier = body["securityDefinitions"]["ByTier"]["x-amazon-apigateway-authorizer"]
    by_token = body["securityDefinitions"]["ByToken"]["x-amazon-apigateway-authorizer"]
    assert (by_tier["type"], by_tier["identitySource"]) == ("request", "method.request.header.Authorization")
    assert by_token["type"] == "token"
    for authorizer, function in ((by_tier, "TierAuthorizer"), (by_token, "TokenAuthorizer")):
        variables = airline["Resources"][function]["Properties"]["Environment"]["Variables"]
        assert authorizer["authorizerResultTtlInSeconds"] == int(variables["AUTHORIZER_RESULT_TTL"])
        assert variables["AUTHORIZER_RESOURCE_POLICY"] == "true"
    assert airline["Resources"]["LoyaltyApi"]["Properties"]["ApiKeySourceType"] == "AUTHORIZER"


def test_the_http_api_answers_simply_and_keeps_nothing(airline: dict[str, Any]) -> None:
    """Payload 2.0, simple responses, TTL 0, on every route; and API Gateway may call the function."""
    body = airline["Resources"]["FlightsApi"]["Properties"]["Body"]
    scheme = body["components"]["securitySchemes"]["Simple"]["x-amazon-apigateway-authorizer"]
    assert scheme["authorizerPayloadFormatVersion"] == "2.0"
    assert scheme["enableSimpleResponses"] is True
    assert scheme["authorizerResultTtlInSeconds"] == 0
    assert scheme["identitySource"] == ["$request.header.Authorization"]
    found = {call: operation.get("security") for call, operation in methods(airline, "FlightsApi").items()}
    assert found == {"get /flights": [{"Simple": []}], "get /flights/{flight}": [{"Simple": []}]}
    permissions = of_type(airline, "AWS::Lambda::Permission").values()
    assert [
        p for p in permissions if p["Properties"]["FunctionName"] == {"Fn::GetAtt": ["HttpApiAuthorizer", "Arn"]}
    ]


def test_websocket_and_appsync_ask_their_functions(airline: dict[str, Any]) -> None:
    """$connect is CUSTOM with the query string as source; AppSync has one mode, with the TTL that is known."""
    resources = airline["Resources"]
    assert resources["LiveConnect"]["Properties"]["AuthorizationType"] == "CUSTOM"
    assert resources["LiveAuthorizer"]["Properties"]["IdentitySource"] == ["route.request.querystring.token"]
    variables = resources["WebSocketAuthorizer"]["Properties"]["Environment"]["Variables"]
    assert variables["AUTHORIZER_CREDENTIAL"] == "query:token"
    api = resources["WebApi"]["Properties"]
    assert api["AuthenticationType"] == "AWS_LAMBDA"
    assert "AdditionalAuthenticationProviders" not in api
    ttl = resources["AppSyncAuthorizer"]["Properties"]["Environment"]["Variables"]["AUTHORIZER_RESULT_TTL"]
    assert api["LambdaAuthorizerConfig"]["AuthorizerResultTtlInSeconds"] == int(ttl)


def test_only_appsync_reaches_the_internal_api(airline: dict[str, Any]) -> None:
    """IAM on every method, a role for one path of one API, and a policy that shuts out every other identity."""
    for operation in methods(airline, "InternalApi").values():
        assert operation["security"] == [{"AWS_IAM": []}]
    definitions = airline["Resources"]["InternalApi"]["Properties"]["Body"]["securityDefinitions"]
    assert definitions["AWS_IAM"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    (statement,) = airline["Resources"]["AppSyncToLoyaltyPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"]["Fn::Sub"].endswith(":${InternalApi}/prod/GET/internal/loyalty/*")
    policy = airline["Resources"]["InternalApi"]["Properties"]["Body"]["x-amazon-apigateway-policy"]
    (deny,) = [each for each in policy["Statement"] if each["Effect"] == "Deny"]
    role = {"Fn::GetAtt": ["AppSyncToLoyalty", "Arn"]}
    assert deny["Condition"] == {"StringNotEquals": {"aws:PrincipalArn": role}}
    assert airline["Resources"]["WebLoyalty"]["Properties"]["ServiceRoleArn"] == role


def test_each_tier_has_a_plan_and_a_key_that_no_file_holds(airline: dict[str, Any]) -> None:
    """Higher tiers get more; key values are made by Secrets Manager and read by the tier function alone."""
    resources = airline["Resources"]
    rates, quotas = [], []
    for tier in ("Standard", "Silver", "Gold"):
        plan = resources[f"{tier}Plan"]["Properties"]
        rates.append((plan["Throttle"]["RateLimit"], plan["Throttle"]["BurstLimit"]))
        quotas.append(plan["Quota"]["Limit"])
        assert resources[f"{tier}Plan"]["DependsOn"] == "LoyaltyApiprodStage"
        assert resources[f"{tier}Key"]["Properties"]["Value"] == {
            "Fn::Sub": f"{{{{resolve:secretsmanager:${{{tier}Secret}}}}}}"
        }
        assert resources[f"{tier}PlanKey"]["Properties"]["UsagePlanId"] == {"Ref": f"{tier}Plan"}
    assert rates == sorted(rates)
    assert quotas == sorted(quotas)
    readers = {name for name, role in of_type(airline, "AWS::IAM::Role").items() if "secretsmanager" in str(role)}
    assert readers == {"TierAuthorizerRole"}


def test_cognito_gives_each_client_its_own_scopes(airline: dict[str, Any]) -> None:
    """Partners' systems cannot ask for reading; the trigger is V2, and the pool's plan allows it."""
    resources = airline["Resources"]
    assert resources["PartnerClient"]["Properties"]["AllowedOAuthScopes"] == ["openid", "loyalty/write"]
    assert resources["WebClient"]["Properties"]["AllowedOAuthScopes"] == [
        "openid",
        "loyalty/read",
        "loyalty/write",
    ]
    pool = resources["Members"]["Properties"]
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V2_0"
    assert pool["UserPoolTier"] in {"ESSENTIALS", "PLUS"}
    permission = resources["AddTierPermission"]["Properties"]
    assert permission["SourceArn"] == {"Fn::GetAtt": ["Members", "Arn"]}


def test_no_role_of_the_examples_has_a_wildcard_action(transform: Transform) -> None:
    """Core and variants: every action is spelled out, and no statement of ours allows everything."""
    for template in (AIRLINE, f"{VARIANTS}/mtls/template.yaml", f"{VARIANTS}/private/template.yaml"):
        for role in of_type(transform(template), "AWS::IAM::Role").values():
            for policy in role["Properties"].get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert "*" not in str(statement["Action"])
                    assert statement["Resource"] != "*"


def test_mutual_tls_cannot_be_walked_around(transform: Transform) -> None:
    """The default endpoint is off, trust is a version of an object, answers about certificates are not kept."""
    output = transform(f"{VARIANTS}/mtls/template.yaml")
    api = output["Resources"]["PartnersApi"]["Properties"]
    assert api["Body"]["x-amazon-apigateway-endpoint-configuration"] == {"disableExecuteApiEndpoint": True}
    ((_, domain),) = of_type(output, "AWS::ApiGateway::DomainName").items()
    assert set(domain["Properties"]["MutualTlsAuthentication"]) == {"TruststoreUri", "TruststoreVersion"}
    assert domain["Properties"]["SecurityPolicy"] == "TLS_1_2"
    authorizer = api["Body"]["securityDefinitions"]["ByCertificate"]["x-amazon-apigateway-authorizer"]
    assert (authorizer["type"], authorizer["authorizerResultTtlInSeconds"]) == ("request", 0)
    variables = output["Resources"]["CertificateAuthorizer"]["Properties"]["Environment"]["Variables"]
    assert int(variables["AUTHORIZER_RESULT_TTL"]) == 0
    for operation in methods(output, "PartnersApi").values():
        assert operation["security"] == [{"ByCertificate": []}]


def test_the_private_api_has_one_way_in(transform: Transform) -> None:
    """PRIVATE, bound to the endpoint, every other way denied, and tokens asked for all the same."""
    output = transform(f"{VARIANTS}/private/template.yaml")
    api = output["Resources"]["InsideApi"]["Properties"]
    assert api["EndpointConfiguration"] == {
        "Types": ["PRIVATE"],
        "VpcEndpointIds": [{"Ref": "VpcEndpointId"}],
    } or ("PRIVATE" in str(api["EndpointConfiguration"]))
    (deny,) = [s for s in api["Body"]["x-amazon-apigateway-policy"]["Statement"] if s["Effect"] == "Deny"]
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": {"Ref": "VpcEndpointId"}}}
    for operation in methods(output, "InsideApi").values():
        assert operation["security"] == [{"ByRequest": []}]


def test_the_firewall_keeps_no_sample_of_a_request() -> None:
    """Sampled requests hold their headers, and so tokens: sampling is off in every part of the firewall."""
    text = (ROOT / VARIANTS / "waf" / "template.yaml").read_text(encoding="utf-8")
    assert text.count("SampledRequestsEnabled: false") == text.count("VisibilityConfig:") == 3
    assert "RateBasedStatement" in text
