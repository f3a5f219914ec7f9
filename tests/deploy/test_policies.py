"""Every IAM document that the templates make passes a policy linter, beside cfn-lint."""

import ipaddress
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from tests.deploy.conftest import ROOT, Transform
from tests.deploy.policies import Found, documents
from tests.deploy.test_template import of_type

TRUST = {"Issuer": "https://id.example.com/", "Audience": "api"}
SECRETS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
# Every statement that a parameter can switch on is in one of these.
EVERYTHING = {
    **TRUST,
    "Functions": "all",
    "RestApiId": "r1",
    "HttpApiId": "h1",
    "WebSocketApiId": "w1",
    "GraphQLApiId": "g1",
    "Tracing": "on",
    "SubnetIds": "subnet-1",
    "SecurityGroupIds": "sg-1",
    "UsageKeyArns": f"{SECRETS}gold-AbCdEf,arn:aws:ssm:eu-west-1:123456789012:parameter/keys/silver",
    "SecretsKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
}
CASES: list[tuple[str, dict[str, str]]] = [
    ("template.yaml", TRUST),
    ("template.yaml", {**EVERYTHING, "RulesLocation": "ssm:/rules", "RestAuthorizer": "tier"}),
    ("template.yaml", {**EVERYTHING, "RulesLocation": "s3://bucket/rules.toml", "LogGroupName": "/shared"}),
    ("template.yaml", {**EVERYTHING, "RulesLocation": "appconfig:a/e/p", "RestAuthorizer": "request"}),
    ("template.yaml", {**EVERYTHING, "SnapStart": "on", "CodeStamp": "1"}),
    ("examples/quickstart/template.yaml", TRUST),
    # The linter cannot read a range of IPv6; a test of its own reads the default.
    ("examples/airline/template.yaml", {"AllowedAddresses": "0.0.0.0/1,128.0.0.0/1"}),
    (
        "examples/airline/variants/mtls/template.yaml",
        {**TRUST, "LayerArn": "layer", "DomainName": "d.example", "CertificateArn": "certificate",
         "TruststoreUri": "s3://bucket/ca.pem", "TruststoreVersion": "1"},
    ),
    (
        "examples/airline/variants/private/template.yaml",
        {"VpcEndpointId": "vpce-0a1b",
         "RequestAuthorizerArn": "arn:aws:lambda:eu-west-1:123456789012:function:authorizer"},
    ),
    ("examples/airline/variants/waf/template.yaml", {"RestApiId": "r1"}),
    ("examples/consumers/sam/template.yaml", {**TRUST, "LayerArn": "layer"}),
]  # fmt: skip
NETWORK = (
    "What Lambda does for a function in a VPC, with interfaces of its own making; a Deny keeps the code from it"
)
# Actions that a role may have on every resource, with the reason.
ON_EVERYTHING = {
    "xray:PutTraceSegments": "X-Ray's writes have no resource to name",
    "xray:PutTelemetryRecords": "X-Ray's writes have no resource to name",
    "ec2:CreateNetworkInterface": NETWORK,
    "ec2:DeleteNetworkInterface": NETWORK,
    "ec2:AssignPrivateIpAddresses": NETWORK,
    "ec2:UnassignPrivateIpAddresses": NETWORK,
    "ec2:DescribeNetworkInterfaces": "Lists have no resource to name",
    "ec2:DescribeSubnets": "Lists have no resource to name",
}
# AWS's own policies that a role may have: neither has an action with a wildcard.
MANAGED = {"AWSLambdaBasicExecutionRole"}
# Findings that are no mistakes: how they begin, and why.
ACCEPTED = {
    "UNKNOWN_CONDITION_FOR_ACTION Unknown condition lambda:SourceFunctionArn for action ec2:": (
        "Lambda sets this key on every call made with a function's credentials, whatever the service; "
        "it is documented with Lambda and not with each action"
    ),
}


def lint(*found: dict[str, Any]) -> list[list[dict[str, str]]]:
    """What the linter says of each document."""
    finished = subprocess.run(
        [sys.executable, ROOT / "tests" / "deploy" / "lint_policies.py"],
        input=json.dumps(found), check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    answer: list[list[dict[str, str]]] = json.loads(finished.stdout)
    assert len(answer) == len(found)
    return answer


def mistakes(findings: list[dict[str, str]]) -> list[str]:
    """All findings, also low ones such as an unknown action; `*` as resource has a list of its own."""
    return [f"{each['issue']} {each['detail']}" for each in findings if each["issue"] != "RESOURCE_STAR"]


def wildcards(found: Found) -> list[str]:
    """Actions with a wildcard in a document, and what allows or denies all but some."""
    actions = [action for statement in found.statements for action in listed_of(statement, "Action")]
    others = [key for statement in found.statements for key in ("NotAction", "NotResource") if key in statement]
    return [action for action in actions if "*" in action or "?" in action] + others


def on_everything(found: Found) -> set[str]:
    """What a role is allowed on every resource, also of one service or written with more asterisks."""
    return {
        action
        for statement in found.statements
        if statement["Effect"] == "Allow"
        and any(re.fullmatch(r"[*]+|arn(:[^:]*){4}:[*/]*", each) for each in listed_of(statement, "Resource"))
        for action in listed_of(statement, "Action")
    }


def listed_of(statement: dict[str, Any], key: str) -> list[str]:
    """A key of a statement as a list."""
    value = statement.get(key, [])
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def found(transform: Transform) -> dict[str, Found]:
    """The documents of every template, for every choice of parameters."""
    return {
        f"{number} {template} {each.place}": each
        for number, (template, parameters) in enumerate(CASES)
        for each in documents(transform(template, **parameters), parameters)
    }


def test_every_template_is_looked_at() -> None:
    """A template that is added has to be added here too."""
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").rglob("template.yaml")}
    there = {path for path in there if not {".aws-sam", "node_modules", "cdk.out"} & set(path.split("/"))}
    assert {template for template, _ in CASES} == {"template.yaml", *there}


def test_every_kind_of_statement_is_looked_at(found: dict[str, Found]) -> None:
    """The choices of parameters switch on every statement of the root template, and the three kinds are there."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    sids = {statement.get("Sid") for each in found.values() for statement in each.statements}
    assert set(re.findall(r"Sid: (\w+)", text)) <= sids
    assert [place for place, each in found.items() if "${" in str(each.document)] == []
    kinds = [each.kind for each in found.values()]
    assert {kind: kinds.count(kind) > 10 for kind in kinds} == {"role": True, "trust": True, "resource": True}


def test_the_linter_finds_nothing_wrong(found: dict[str, Found]) -> None:
    """No unknown action or principal, no malformed ARN, no action on a resource that it does not fit."""
    answers = lint(*(each.document for each in found.values()))
    wrong = {place: mistakes(findings) for place, findings in zip(found, answers, strict=True)}
    flat = [(place, each) for place, findings in wrong.items() for each in findings]
    assert [(place, each) for place, each in flat if not each.startswith(tuple(ACCEPTED))] == []
    assert [start for start in ACCEPTED if not any(each.startswith(start) for _, each in flat)] == []


def test_no_action_has_a_wildcard(found: dict[str, Found]) -> None:
    """Every right is written out."""
    assert {place: wildcards(each) for place, each in found.items() if wildcards(each)} == {}


def test_everything_is_a_resource_only_where_there_is_nothing_narrower(found: dict[str, Found]) -> None:
    """The list above is exactly what roles are allowed on every resource."""
    used = {action for each in found.values() if each.kind == "role" for action in on_everything(each)}
    assert used == set(ON_EVERYTHING)


def test_roles_have_no_policies_of_aws_but_the_one_for_logs(transform: Transform) -> None:
    """A managed policy is not in the template, so the linter does not see it: only known ones may be attached."""
    attached = {
        arn.rsplit("/", 1)[1] if isinstance(arn, str) else json.dumps(arn)
        for template, parameters in CASES
        for role in of_type(transform(template, **parameters), "AWS::IAM::Role").values()
        for arn in role["Properties"].get("ManagedPolicyArns", [])
    }
    assert attached == MANAGED


def test_the_addresses_of_the_airlines_policy_are_ranges(transform: Transform) -> None:
    """By default they are every address of both families, each range by itself, as IAM reads it."""
    template = "examples/airline/template.yaml"
    addresses = [
        range_
        for each in documents(transform(template), {})
        for statement in each.statements
        for range_ in listed_of(statement.get("Condition", {}).get("NotIpAddress", {}), "aws:SourceIp")
    ]
    ranges = [ipaddress.ip_network(each) for each in addresses]
    assert sum(each.num_addresses for each in ranges if each.version == 4) == 2**32
    assert sum(each.num_addresses for each in ranges if each.version == 6) == 2**128


def test_the_actions_of_the_terraform_example_exist() -> None:
    """Terraform's documents are not CloudFormation; their actions are IAM's all the same."""
    text = (ROOT / "examples" / "consumers" / "terraform" / "main.tf").read_text(encoding="utf-8")
    actions = [
        action for each in re.findall(r"\bactions\s*=\s*(\[.*?\])", text, re.DOTALL) for action in json.loads(each)
    ]
    assert len(actions) >= 3
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    ((findings),) = lint({"Version": "2012-10-17", "Statement": [statement]})
    assert (mistakes(findings), [action for action in actions if "*" in action]) == ([], [])


GOOD = {
    "Effect": "Allow",
    "Action": "logs:PutLogEvents",
    "Resource": "arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:*",
}


@pytest.mark.parametrize(
    ("change", "issue"),
    [
        ({}, None),
        ({"Action": "logs:PutLogEventss"}, "UNKNOWN_ACTION"),
        ({"Action": ["logs:PutLogEvents", "log:PutLogEvents"]}, "UNKNOWN_PREFIX"),
        ({"Resource": "arn:aws:logs:eu-west-1:1234:log-group:g:log-stream:*"}, "INVALID_ARN"),
        ({"Resource": "log-group/g"}, "INVALID_ARN"),
        ({"Resource": "arn:aws:s3:::bucket/key"}, "RESOURCE_MISMATCH"),
        ({"Effect": "Permit"}, "MALFORMED"),
        ({"Principal": {"AWS": "everybody"}}, "UNKNOWN_PRINCIPAL"),
        ({"Condition": {"StringEqual": {"aws:SourceAccount": "1"}}}, "UNKNOWN_OPERATOR"),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "the office"}}}, "MISMATCHED_TYPE"),
        ({"Condition": {"StringEquals": {"lambda:Layer": "x"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
    ],
)  # fmt: skip
def test_the_linter_bites(change: dict[str, Any], issue: str | None) -> None:
    """A good statement passes; each mistake in it is found."""
    ((findings),) = lint({"Version": "2012-10-17", "Statement": [{**GOOD, **change}]})
    assert {each.split()[0] for each in mistakes(findings)} == ({issue} if issue else set())


@pytest.mark.parametrize(
    ("statement", "wild", "everything"),
    [
        (GOOD, [], set()),
        ({**GOOD, "Action": "*"}, ["*"], set()),
        ({**GOOD, "Action": ["s3:GetObject", "logs:Put*"]}, ["logs:Put*"], set()),
        ({"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}, ["NotAction"], set()),
        ({**GOOD, "Resource": ["arn:aws:s3:::b", "*"]}, [], {"logs:PutLogEvents"}),
        ({**GOOD, "Resource": "arn:aws:logs:*:*:*"}, [], {"logs:PutLogEvents"}),
        ({**GOOD, "Effect": "Deny", "Resource": "*"}, [], set()),
    ],
)
def test_wildcards_are_seen(statement: dict[str, Any], wild: list[str], everything: set[str]) -> None:
    """An asterisk as action, in an action or as resource does not get by; a Deny may be about everything."""
    found = Found("role", "role", {"Version": "2012-10-17", "Statement": [statement]})
    assert (wildcards(found), on_everything(found)) == (wild, everything)


def test_a_mistake_in_a_template_reaches_the_linter(transform: Transform) -> None:
    """Documents are taken from where templates have them: one wrong action in a transformed template is found."""
    (template, parameters) = CASES[1]
    output = json.loads(json.dumps(transform(template, **parameters)).replace("ssm:GetParameter", "ssm:GetParam"))
    answers = lint(*(each.document for each in documents(output, parameters)))
    wrong = {each for findings in answers for each in mistakes(findings) if not each.startswith(tuple(ACCEPTED))}
    assert wrong == {"UNKNOWN_ACTION Unknown action ssm:GetParam"}
