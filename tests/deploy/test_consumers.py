"""Examples for users of the published layer: the hook works, and every method of every example is protected."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.conftest import ROOT, Transform
from tests.deploy.test_template import of_type

from lambda_authorizer.testing.stage import Gateway

CONSUMERS = ROOT / "examples" / "consumers"
HANDLER = """
import json, sys
from app import lambda_handler
for event in json.load(sys.stdin):
    print(json.dumps([s["Effect"] for s in lambda_handler(event)["policyDocument"]["Statement"]]))
"""


def test_the_five_lines_are_those_of_the_documentation() -> None:
    """What the page shows is what the example has."""
    shown = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "layer.md").read_text(encoding="utf-8"), re.DOTALL
    )[0]
    code = (CONSUMERS / "authorizer" / "app.py").read_text(encoding="utf-8")
    spaced = re.sub(r"  # noqa.*", "", code.split('"""', 2)[2])
    assert re.sub(r"\n+", "\n", spaced).strip() == re.sub(r"\n+", "\n", shown).strip()


def test_a_check_of_ones_own_narrows_and_never_widens() -> None:
    """A banned caller is refused what the rules allow; a caller without the scope stays refused."""
    stage = Gateway()
    arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/GET/orders/1"
    events = [
        {"type": "TOKEN", "methodArn": arn, "authorizationToken": f"Bearer {stage.issuer.mint(claims)}"}
        for claims in (
            {"sub": "anna", "scope": "orders:read"},
            {"sub": "anna", "scope": "orders:read", "banned": True},
            {"sub": "anna", "scope": "orders:write", "banned": False},
        )
    ]
    finished = subprocess.run(
        [sys.executable, "-c", HANDLER],
        input=json.dumps(events), cwd=CONSUMERS / "authorizer", check=False, text=True, capture_output=True,
        env={**stage.issuer.settings, "PYTHONPATH": f"{ROOT}/layers/authorizer", "PYTHONDONTWRITEBYTECODE": "1",
             "AUTHORIZER_TELEMETRY": "plain", "AUTHORIZER_RESULT_TTL": "300"},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    allowed = ["Allow" in line for line in finished.stdout.splitlines() if line.startswith("[")]
    assert allowed == [True, False, False]


def test_sam_protects_every_method(transform: Transform) -> None:
    """The example's API has no open method."""
    output = transform("examples/consumers/sam/template.yaml")
    ((_, api),) = of_type(output, "AWS::ApiGateway::RestApi").items()
    operations = [each for path in api["Properties"]["Body"]["paths"].values() for each in path.values()]
    assert len(operations) == 2
    assert [each["security"] for each in operations] == [[{"Toolkit": []}]] * 2


def test_nested_in_another_application_it_takes_the_parameters_of_the_page() -> None:
    """The snippet of docs/deploy.md gives parameters that the template has."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (snippet,) = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "Application" in block]
    given = set(yaml.safe_load(snippet.replace("!Ref ", ""))["Authorizers"]["Properties"]["Parameters"])
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert given == {name for name in given if re.search(rf"^  {name}:$", template, re.MULTILINE)}
    assert {"Issuer", "Audience"} <= given


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js is not here; CDK runs on it")
def test_cdk_synthesises_and_protects_every_method(tmp_path: Path) -> None:
    """What CDK makes of the example: one authorizer with the TTL that the function knows, on every method."""
    shutil.copytree(CONSUMERS, tmp_path / "consumers", ignore=shutil.ignore_patterns("node_modules", "cdk.out"))
    folder = tmp_path / "consumers" / "cdk"
    # npm keeps what it fetched once; the lock file says what that may be.
    subprocess.run(["npm", "ci", "--prefer-offline", "--silent"], cwd=folder, check=True, capture_output=True)
    subprocess.run(
        ["node", "-e", "process.env.CDK_OUTDIR='cdk.out'; import('./app.mjs')"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    output: dict[str, Any] = json.loads((folder / "cdk.out" / "Orders.template.json").read_text(encoding="utf-8"))
    ((name, authorizer),) = of_type(output, "AWS::ApiGateway::Authorizer").items()
    (function,) = [f for f in of_type(output, "AWS::Lambda::Function").values() if "Layers" in f["Properties"]]
    ttl = function["Properties"]["Environment"]["Variables"]["AUTHORIZER_RESULT_TTL"]
    assert authorizer["Properties"]["AuthorizerResultTtlInSeconds"] == int(ttl)
    methods = of_type(output, "AWS::ApiGateway::Method")
    assert len(methods) == 2
    for method in methods.values():
        assert method["Properties"]["AuthorizationType"] == "CUSTOM"
        assert method["Properties"]["AuthorizerId"] == {"Ref": name}


@pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not here")
def test_terraform_is_well_formed() -> None:
    """Terraform reads the example and would not write it differently."""
    finished = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", CONSUMERS / "terraform"],
        check=False, text=True, capture_output=True, env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_each_example_keeps_answers_as_long_as_its_function_knows() -> None:
    """Terraform and Serverless: the TTL of the authorizer is the TTL of the function."""
    terraform = (CONSUMERS / "terraform" / "main.tf").read_text(encoding="utf-8")
    known = re.search(r'AUTHORIZER_RESULT_TTL = "(\d+)"', terraform)
    kept = re.search(r"authorizer_result_ttl_in_seconds = (\d+)", terraform)
    assert known is not None
    assert kept is not None
    assert known.group(1) == kept.group(1)
    functions = yaml.safe_load((CONSUMERS / "serverless.yml").read_text(encoding="utf-8"))["functions"]
    (event,) = functions["orders"]["events"]
    assert (
        event["http"]["authorizer"]["resultTtlInSeconds"]
        == functions["authorizer"]["environment"]["AUTHORIZER_RESULT_TTL"]
    )
