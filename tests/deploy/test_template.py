"""template.yaml after SAM's transform: what is created for which parameters, and with which settings."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.conftest import ROOT, SAM_PYTHON, Transform

from lambda_authorizer.settings import SETTINGS
from lambda_authorizer.version import __version__

REQUIRED = {"Issuer": "https://id.example.com/", "Audience": "api"}
ALL = {**REQUIRED, "Functions": "all"}
HANDLERS = {
    "TokenAuthorizer": "token_authorizer",
    "RequestAuthorizer": "request_authorizer",
    "HttpApiAuthorizer": "http_api_authorizer",
    "TierAuthorizer": "tier_authorizer",
    "WebSocketAuthorizer": "websocket_authorizer",
    "AppSyncAuthorizer": "appsync_authorizer",
}


def of_type(output: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by logical id."""
    return {name: resource for name, resource in output["Resources"].items() if resource["Type"] == kind}


def environment(output: dict[str, Any], function: str) -> dict[str, Any]:
    """The environment of a function."""
    found: dict[str, Any] = output["Resources"][function]["Properties"]["Environment"]["Variables"]
    return found


@pytest.mark.parametrize(
    ("architecture", "suffix"), [("arm64", "AuthorizerLayerArm64"), ("x86_64", "AuthorizerLayerX8664")]
)
def test_only_the_layer_of_the_chosen_architecture_is_deployed(
    transform: Transform, architecture: str, suffix: str
) -> None:
    """One layer, for the architecture of the functions, and each function uses that one."""
    output = transform("template.yaml", **ALL, Architecture=architecture)
    ((name, layer),) = of_type(output, "AWS::Lambda::LayerVersion").items()
    assert name.startswith(suffix)
    assert layer["Properties"]["CompatibleArchitectures"] == [architecture]
    assert layer["Properties"]["CompatibleRuntimes"] == ["python3.12", "python3.13", "python3.14"]
    for function in of_type(output, "AWS::Lambda::Function").values():
        assert function["Properties"]["Layers"] == [{"Ref": name}]
        assert function["Properties"]["Architectures"] in ([architecture], [{"Ref": "Architecture"}])


def test_each_function_has_its_handler_file(transform: Transform) -> None:
    """The handler that the template names is there, and no file has the name of a standard module."""
    functions = of_type(transform("template.yaml", **ALL), "AWS::Lambda::Function")
    assert {name: f["Properties"]["Handler"] for name, f in functions.items() if name in HANDLERS} == {
        name: f"{module}.lambda_handler" for name, module in HANDLERS.items()
    }
    for function in functions.values():
        module = function["Properties"]["Handler"].split(".")[0]
        assert (ROOT / "authorizers" / f"{module}.py").is_file()


def test_nobody_is_trusted_by_default(transform: Transform) -> None:
    """Issuer and audience must be given; an empty one is refused by CloudFormation before anything is created."""
    parameters = transform("template.yaml", **REQUIRED)["Parameters"]
    for name in ("Issuer", "Audience"):
        assert "Default" not in parameters[name]
        assert parameters[name]["MinLength"] == 1


@pytest.mark.parametrize(
    ("parameter", "default"),
    [
        ("RulesLocation", "rules.toml"), ("ResultTtl", 300), ("HttpApiResultTtl", 0), ("Unauthorized", "raise"),
        ("Telemetry", "powertools"), ("ServiceName", "authorizer"), ("MetricsNamespace", "LambdaAuthorizer"),
        ("LogLevel", "INFO"), ("Architecture", "arm64"), ("Jwks", "discover"),
    ],
)  # fmt: skip
def test_defaults_are_those_of_the_documentation(transform: Transform, parameter: str, default: object) -> None:
    """A default is a promise: whoever gives no parameter gets what is written down."""
    assert transform("template.yaml", **REQUIRED)["Parameters"][parameter]["Default"] == default


def test_the_function_knows_the_ttl_of_its_authorizer(transform: Transform) -> None:
    """One parameter sets the cache of the API and tells the function how long its answers live."""
    output = transform("template.yaml", **ALL)
    for name in ("TokenAuthorizer", "RequestAuthorizer", "TierAuthorizer"):
        assert environment(output, name)["AUTHORIZER_RESULT_TTL"] == {"Ref": "ResultTtl"}
        assert environment(output, name)["AUTHORIZER_RESPONSE"] == "policy"
    assert environment(output, "HttpApiAuthorizer")["AUTHORIZER_RESULT_TTL"] == {"Ref": "HttpApiResultTtl"}
    assert environment(output, "HttpApiAuthorizer")["AUTHORIZER_RESPONSE"] == "simple"
    assert environment(output, "WebSocketAuthorizer")["AUTHORIZER_RESULT_TTL"] == "0"
    assert environment(output, "AppSyncAuthorizer")["AUTHORIZER_RESULT_TTL"] == {"Ref": "GraphQLResultTtl"}


def test_every_variable_is_one_that_the_functions_know(transform: Transform) -> None:
    """The functions refuse an unknown setting at start, so the template may not have one."""
    known = {name for name, _, _ in SETTINGS} | {
        "ISSUER", "AUDIENCE", "JWKS",
        "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL",
    }  # fmt: skip
    output = transform("template.yaml", **ALL)
    for name in HANDLERS:
        assert set(environment(output, name)) <= known, name


def test_the_demo_is_trusted_nowhere_but_in_its_own_file() -> None:
    """Issuer, audience and keys of the events stand in events/env.json; nothing built or deployed has them."""
    demo = json.loads((ROOT / "events" / "env.json").read_text(encoding="utf-8"))["TokenAuthorizer"]
    key = json.loads(demo["JWKS"])["keys"][0]
    secrets = [demo["ISSUER"], demo["AUDIENCE"], key["kid"], key["n"]]
    places = [ROOT / name for name in ("template.yaml", "samconfig.toml", "layers", "authorizers", ".local/build")]
    for place in places:
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        assert files, place
        for path in files:
            relative = path.relative_to(ROOT).as_posix()
            if "/testing/" in relative:
                continue  # what mints the demo names it, and is not in the layer
            content = path.read_bytes()
            assert [secret for secret in secrets if secret.encode() in content] == [], relative


def test_the_version_of_the_application_is_that_of_the_package() -> None:
    """The Serverless Application Repository shows the version of the code inside."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert f"    SemanticVersion: {__version__}\n" in template


@pytest.mark.parametrize("function", HANDLERS)
def test_one_function_can_be_asked_for(transform: Transform, function: str) -> None:
    """Only the function asked for is created, with its role, its parameter and its output."""
    output = transform("template.yaml", **REQUIRED, Functions=function)
    assert {name for name in of_type(output, "AWS::Lambda::Function") if name in HANDLERS} == {function}
    assert f"{function}Arn" in output["Outputs"]
    assert {n for n in output["Outputs"] if n.endswith("AuthorizerArn")} == {f"{function}Arn"}


def test_without_any_api_every_function_is_there_to_be_attached_by_hand(transform: Transform) -> None:
    """Whoever names no API gets the six functions, with their ARNs as outputs."""
    output = transform("template.yaml", **REQUIRED)
    assert set(of_type(output, "AWS::Lambda::Function")) == set(HANDLERS)
    assert {f"{name}Arn" for name in HANDLERS} <= set(output["Outputs"])


def test_the_layer_can_be_had_alone(transform: Transform) -> None:
    """Whoever writes a handler of their own deploys the layer and no function, role, log group or alarm."""
    output = transform("template.yaml", **REQUIRED, Functions="none")
    assert not of_type(output, "AWS::Lambda::Function")
    assert sorted(resource["Type"] for resource in output["Resources"].values()) == [
        "AWS::Lambda::LayerVersion",
        "AWS::SSM::Parameter",
    ]
    assert "LayerArn" in output["Outputs"]


def test_arns_are_published_as_parameters_too(transform: Transform) -> None:
    """Other stacks find layer and functions by name in Parameter Store."""
    output = transform("template.yaml", **ALL)
    values = {
        resource["Properties"]["Name"]["Fn::Sub"][0]: resource["Properties"]["Value"]
        for resource in of_type(output, "AWS::SSM::Parameter").values()
    }
    for function, module in HANDLERS.items():
        slug = module.replace("_", "-")
        assert "Fn::GetAtt" in values[f"${{Prefix}}/{slug}-arn"]
        assert values[f"${{Prefix}}/{slug}-arn"] == output["Outputs"][f"{function}Arn"]["Value"]
    assert values["${Prefix}/layer-arn"] == output["Outputs"]["LayerArn"]["Value"]


def test_logging_of_whole_events_is_never_switched_on() -> None:
    """The variables of Powertools that print events and answers, which hold tokens and keys, appear nowhere."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for name in ("POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEV", "POWERTOOLS_TRACER_CAPTURE_RESPONSE: true"):
        assert name not in text


def test_functions_have_no_requirements_of_their_own() -> None:
    """Everything comes from the layer, once."""
    assert not Path(ROOT / "authorizers" / "requirements.txt").exists()


@pytest.mark.parametrize(
    ("architecture", "layer"), [("arm64", "AuthorizerLayerArm64"), ("x86_64", "AuthorizerLayerX8664")]
)
@pytest.mark.parametrize("template", ["template.yaml", "examples/airline/template.yaml"])
def test_sam_local_mounts_the_layer_for_every_authorizer(template: str, architecture: str, layer: str) -> None:
    """SAM CLI resolves conditions by itself, and less well than CloudFormation: no function may lose its layer."""
    parameters = {"Architecture": architecture, **({} if "airline" in template else REQUIRED)}
    finished = subprocess.run(
        [SAM_PYTHON, ROOT / "tests" / "deploy" / "local.py", ROOT / template, json.dumps(parameters)],
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    layers = {name: found for name, found in json.loads(finished.stdout).items() if name.endswith("Authorizer")}
    assert len(layers) >= 5
    assert set(map(tuple, layers.values())) == {(layer,)}


def test_the_policy_linter_sees_a_wrong_policy(tmp_path: Path) -> None:
    """`make lint` holds every policy of every template to IAM's grammar and to the actions that exist."""
    text = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: Logs
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Permit, Action: logs:PutLogEvents, Resource: "*"}
              - {Effect: Allow, Action: logs:PutLogEventss, Resource: "*"}
"""
    (tmp_path / "template.yaml").write_text(text, encoding="utf-8")
    finished = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), tmp_path / "template.yaml"],
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert {"E3510", "W3037"} <= set(re.findall(r"^[EW]\d{4}", finished.stdout, re.MULTILINE)), finished.stdout
