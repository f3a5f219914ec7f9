"""template.yaml in front of APIs of other stacks: authorizer, least permission, and what the owner is told."""

import json
import re
from typing import Any

import pytest
from tests.deploy.conftest import Transform
from tests.deploy.test_template import ALL, REQUIRED, environment, of_type

from lambda_authorizer.telemetry import FIELDS, METRICS

APIS = {"RestApiId": "rest123", "HttpApiId": "http123", "WebSocketApiId": "ws123", "GraphQLApiId": "graph123"}
STAMP = "0123456789abcdef" * 4

# API parameter, further parameters, function, authorizer resource, output
FRONT_ENDS = [
    ("RestApiId", {}, "TokenAuthorizer", "RestTokenAuthorizer", "RestTokenAuthorizerId"),
    ("RestApiId", {"RestAuthorizer": "request"},
     "RequestAuthorizer", "RestRequestAuthorizer", "RestRequestAuthorizerId"),
    ("RestApiId", {"RestAuthorizer": "tier"}, "TierAuthorizer", "RestTierAuthorizer", "RestTierAuthorizerId"),
    ("HttpApiId", {}, "HttpApiAuthorizer", "HttpAuthorizer", "HttpAuthorizerId"),
    ("WebSocketApiId", {}, "WebSocketAuthorizer", "ConnectAuthorizer", "ConnectAuthorizerId"),
    ("GraphQLApiId", {}, "AppSyncAuthorizer", None, "GraphQLAuthorizerUri"),
]  # fmt: skip


def statements(output: dict[str, Any], role: str) -> dict[str, dict[str, Any]]:
    """The statements of a role's one policy, by Sid."""
    (policy,) = output["Resources"][role]["Properties"]["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def function_uri(function: str) -> dict[str, Any]:
    """What an authorizer's URI is made of when it calls the function itself."""
    return {"Fn::GetAtt": [function, "Arn"]}


@pytest.mark.parametrize(("api", "extra", "function", "authorizer", "output_name"), FRONT_ENDS)
def test_one_api_gets_one_authorizer_and_one_function(
    transform: Transform, api: str, extra: dict[str, str], function: str, authorizer: str | None, output_name: str
) -> None:
    """Nothing is created that was not asked for, and the owner is told what to set."""
    output = transform("template.yaml", **REQUIRED, **extra, **{api: APIS[api]})
    assert list(of_type(output, "AWS::Lambda::Function")) == [function]
    made = {**of_type(output, "AWS::ApiGateway::Authorizer"), **of_type(output, "AWS::ApiGatewayV2::Authorizer")}
    assert list(made) == ([authorizer] if authorizer else [])
    assert len(of_type(output, "AWS::Lambda::Permission")) == 1
    assert set(output["Outputs"]) == {"LayerArn", f"{function}Arn", output_name}
    words = output["Outputs"][output_name]["Description"]
    assert "AuthorizationType CUSTOM" in words or "AWS_LAMBDA" in words


@pytest.mark.parametrize(("api", "extra", "function", "authorizer", "output_name"), FRONT_ENDS)
def test_only_this_authorizer_may_call_the_function(
    transform: Transform, api: str, extra: dict[str, str], function: str, authorizer: str | None, output_name: str
) -> None:
    """The permission names service, account and the one authorizer; no wildcard, no other API."""
    output = transform("template.yaml", **REQUIRED, **extra, **{api: APIS[api]})
    ((_, resource),) = of_type(output, "AWS::Lambda::Permission").items()
    permission = resource["Properties"]
    assert output["Outputs"][output_name]
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["FunctionName"] == function_uri(function)
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    if authorizer is None:
        assert permission["Principal"] == "appsync.amazonaws.com"
        source = permission["SourceArn"]["Fn::Sub"]
        assert source == "arn:${AWS::Partition}:appsync:${AWS::Region}:${AWS::AccountId}:apis/${GraphQLApiId}"
    else:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        source, values = permission["SourceArn"]["Fn::Sub"]
        assert source == (
            f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}/authorizers/${{Id}}"
        )
        assert values == {"Id": {"Fn::GetAtt": [authorizer, "AuthorizerId"]}}
    assert "*" not in source


def test_the_rest_authorizers_have_the_right_shape(transform: Transform) -> None:
    """TOKEN refuses what is no bearer token before the function is paid for; REQUEST names its identity source."""
    for kind, shape in (("token", "TOKEN"), ("request", "REQUEST"), ("tier", "REQUEST")):
        output = transform("template.yaml", **REQUIRED, RestApiId="rest123", RestAuthorizer=kind)
        ((_, resource),) = of_type(output, "AWS::ApiGateway::Authorizer").items()
        properties = resource["Properties"]
        assert properties["Type"] == shape
        assert properties["IdentitySource"] == {"Fn::Sub": "method.request.header.${TokenHeader}"}
        assert properties["AuthorizerResultTtlInSeconds"] == {"Ref": "ResultTtl"}
        assert ("IdentityValidationExpression" in properties) == (shape == "TOKEN")
        uri, values = properties["AuthorizerUri"]["Fn::Sub"]
        assert uri == (
            "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function}/invocations"
        )
        assert values == {"Function": function_uri(f"{kind.title()}Authorizer")}


def test_an_http_api_that_keeps_answers_keeps_them_by_route(transform: Transform) -> None:
    """A kept yes is a yes to one route: above TTL 0 the route is part of the cache's key."""
    for ttl, route in (("0", []), ("60", ["$context.routeKey"])):
        output = transform("template.yaml", **REQUIRED, HttpApiId="http123", HttpApiResultTtl=ttl)
        properties = output["Resources"]["HttpAuthorizer"]["Properties"]
        assert properties["IdentitySource"] == [{"Fn::Sub": "$request.header.${TokenHeader}"}, *route]
        assert properties["AuthorizerPayloadFormatVersion"] == "2.0"
        assert properties["EnableSimpleResponses"] is True
        assert properties["AuthorizerResultTtlInSeconds"] == {"Ref": "HttpApiResultTtl"}


@pytest.mark.parametrize(
    ("query", "source", "credential"),
    [
        ("", "route.request.header.${TokenHeader}", "header:${TokenHeader}"),
        ("token", "route.request.querystring.${WebSocketTokenQuery}", "query:${WebSocketTokenQuery}"),
    ],
)
def test_a_websocket_token_is_looked_for_where_the_gateway_wants_it(
    transform: Transform, query: str, source: str, credential: str
) -> None:
    """Identity source and credential are the same place; the prefix is the one of WebSocket APIs."""
    output = transform("template.yaml", **REQUIRED, WebSocketApiId="ws123", WebSocketTokenQuery=query)
    assert output["Resources"]["ConnectAuthorizer"]["Properties"]["IdentitySource"] == [{"Fn::Sub": source}]
    assert environment(output, "WebSocketAuthorizer")["AUTHORIZER_CREDENTIAL"] == {"Fn::Sub": credential}


def test_without_snapstart_the_newest_function_answers(transform: Transform) -> None:
    """No published version stands between a changed issuer and the callers."""
    output = transform("template.yaml", **ALL, **APIS)
    text = str(
        [output["Resources"][name] for name in output["Resources"] if "Permission" in name or "Auth" in name]
    )
    assert "Aliaslive" not in str(of_type(output, "AWS::Lambda::Permission"))
    assert "Aliaslive" not in str(of_type(output, "AWS::ApiGatewayV2::Authorizer"))
    assert "'ApplyOn': 'None'" in text


def test_with_snapstart_everything_points_at_the_alias(transform: Transform) -> None:
    """Snapshots exist for published versions only: authorizers, permissions and outputs name the alias."""
    output = transform("template.yaml", **ALL, **APIS, SnapStart="on", CodeStamp=STAMP)
    for function in of_type(output, "AWS::Lambda::Function").values():
        assert function["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    for permission in of_type(output, "AWS::Lambda::Permission").values():
        assert permission["Properties"]["FunctionName"]["Ref"].endswith("Aliaslive")
    for kind in ("AWS::ApiGateway::Authorizer", "AWS::ApiGatewayV2::Authorizer"):
        for authorizer in of_type(output, kind).values():
            _, values = authorizer["Properties"]["AuthorizerUri"]["Fn::Sub"]
            assert values["Function"]["Ref"].endswith("Aliaslive")
    assert output["Outputs"]["GraphQLAuthorizerUri"]["Value"] == {"Ref": "AppSyncAuthorizerAliaslive"}
    assert output["Outputs"]["TokenAuthorizerArn"]["Value"] == {"Ref": "TokenAuthorizerAliaslive"}


def test_a_new_stamp_publishes_a_new_version(transform: Transform) -> None:
    """The stamp covers code, layer and parameters: another one makes another version for the alias."""
    names = []
    for stamp in (STAMP, STAMP[::-1]):
        output = transform("template.yaml", **ALL, SnapStart="on", CodeStamp=stamp)
        versions = of_type(output, "AWS::Lambda::Version")
        assert len(versions) == 6
        names.append(set(versions))
        for alias in of_type(output, "AWS::Lambda::Alias").values():
            assert alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0] in versions
    assert not names[0] & names[1]


def test_snapstart_without_a_stamp_is_refused(transform: Transform) -> None:
    """Without a stamp a changed issuer would publish nothing, and the old trust would live on in the snapshot."""
    rule = transform("template.yaml", **ALL)["Rules"]["SnapStartNeedsAStamp"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CodeStamp"}, ""]}]}


def test_roles_write_their_logs_and_nothing_else(transform: Transform) -> None:
    """By default a function may do exactly one thing: write to the log group of this stack."""
    output = transform("template.yaml", **ALL)
    for role in ("AuthorizerRole", "TierAuthorizerRole"):
        assert set(statements(output, role)) == {"WriteOwnLogs"}
        assert "ManagedPolicyArns" not in output["Resources"][role]["Properties"]
    roles = of_type(output, "AWS::IAM::Role")
    assert set(roles) == {"AuthorizerRole", "TierAuthorizerRole"}


EVERYTHING = {
    **ALL, **APIS,
    "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1", "Tracing": "on", "KmsKeyArn": "arn:k",
    "UsageKeyArns": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:airline/gold-key-AbCdEf",
    "SecretsKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1", "ReservedConcurrency": "50",
    "SecretsExtensionLayerArn": "arn:aws:lambda:eu-west-1:1:layer:E:1", "LogKmsKeyArn": "arn:l",
    "AlarmTopicArn": "arn:t",
}  # fmt: skip
# Each action for which AWS knows no narrower resource, or none before the thing exists.
NO_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}


@pytest.mark.parametrize(
    "location", ["rules.toml", "ssm:/airline/rules", "s3://bucket/rules.toml", "appconfig:a/b/c"]
)
def test_no_role_has_a_wildcard_that_is_not_listed(transform: Transform, location: str) -> None:
    """With everything switched on: no wildcard action, and `*` only where AWS offers nothing narrower."""
    output = transform("template.yaml", **EVERYTHING, RulesLocation=location)
    for role in of_type(output, "AWS::IAM::Role"):
        for statement in statements(output, role).values():
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action]
            if statement["Resource"] == "*" and statement["Effect"] == "Allow":
                assert set(actions) <= NO_RESOURCE


@pytest.mark.parametrize(
    ("location", "actions", "arn"),
    [
        ("ssm:/airline/rules", "ssm:GetParameter",
         "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"),
        ("s3://bucket/rules.toml", "s3:GetObject", "arn:${AWS::Partition}:s3:::${Place}"),
        ("appconfig:a/b/c", ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
         "application/${Application}/environment/${Environment}/configuration/${Profile}"),
    ],
)  # fmt: skip
def test_rules_from_elsewhere_can_be_read_and_nothing_beside_them(
    transform: Transform, location: str, actions: object, arn: str
) -> None:
    """The permission follows from RulesLocation, for that one place."""
    output = transform("template.yaml", **ALL, RulesLocation=location)
    statement = statements(output, "AuthorizerRole")["ReadRules"]
    assert statement["Action"] == actions
    assert arn in statement["Resource"]["Fn::Sub"][0]
    assert "*" not in statement["Resource"]["Fn::Sub"][0]


def test_only_the_tier_function_reads_api_keys(transform: Transform) -> None:
    """The other functions share a role that cannot read a secret."""
    output = transform("template.yaml", **EVERYTHING)
    tier = statements(output, "TierAuthorizerRole")
    assert tier["ReadApiKeysOfTiers"]["Resource"] == {"Ref": "UsageKeyArns"}
    assert tier["DecryptApiKeysOfTiers"]["Resource"] == {"Ref": "SecretsKmsKeyArn"}
    assert "secretsmanager" not in str(statements(output, "AuthorizerRole"))
    assert output["Resources"]["TierAuthorizer"]["Properties"]["Role"] == {
        "Fn::GetAtt": ["TierAuthorizerRole", "Arn"]
    }
    assert len(output["Resources"]["TierAuthorizer"]["Properties"]["Layers"]) == 2
    assert len(output["Resources"]["TokenAuthorizer"]["Properties"]["Layers"]) == 1


def test_what_is_switched_on_reaches_every_function(transform: Transform) -> None:
    """VPC, key, traces, concurrency and log group are in each function; by default they are absent."""
    on, off = transform("template.yaml", **EVERYTHING), transform("template.yaml", **ALL)
    for name, function in of_type(on, "AWS::Lambda::Function").items():
        properties, plain = function["Properties"], off["Resources"][name]["Properties"]
        assert properties["VpcConfig"]["SubnetIds"] == {"Ref": "SubnetIds"}
        assert properties["KmsKeyArn"] == {"Ref": "KmsKeyArn"}
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["ReservedConcurrentExecutions"] == {"Ref": "ReservedConcurrency"}
        assert plain["LoggingConfig"] == {"LogGroup": {"Ref": "LogGroup"}}
        assert plain["TracingConfig"] == {"Mode": "PassThrough"}
        assert not {"VpcConfig", "KmsKeyArn", "ReservedConcurrentExecutions"} & set(plain)


def test_logs_are_kept_for_a_time_and_survive_the_stack(transform: Transform) -> None:
    """The log group has a retention, and deleting the stack does not delete the record of decisions."""
    group = transform("template.yaml", **ALL)["Resources"]["LogGroup"]
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("Retain", "Retain")
    given = transform("template.yaml", **ALL, LogGroupName="/central/authorizers")
    assert not of_type(given, "AWS::Logs::LogGroup")
    for function in of_type(given, "AWS::Lambda::Function").values():
        assert function["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": "LogGroupName"}}


def test_no_alarm_stands_on_lambdas_own_error_count(transform: Transform) -> None:
    """A 401 on a REST API is a raised error: an alarm on those would page someone for every bad token."""
    output = transform("template.yaml", **EVERYTHING)
    alarms = of_type(output, "AWS::CloudWatch::Alarm")
    assert set(alarms) == {"DecisionsFailing", "KeysGrowOld", "StaleKeysServed", "DecisionsSlow"}
    for alarm in alarms.values():
        assert "AWS/Lambda" not in str(alarm)
        assert "Unauthorized" not in str(alarm)
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching"
    assert not of_type(transform("template.yaml", **ALL, Monitoring="off"), "AWS::CloudWatch::Alarm")


def test_alarms_and_dashboard_ask_for_metrics_that_are_written(transform: Transform) -> None:
    """Every metric and reason that they name is one that the telemetry writes and the reasons list."""
    output = transform("template.yaml", **ALL)
    written = {name for name, _, _ in METRICS}
    failing = output["Resources"]["DecisionsFailing"]["Properties"]["Metrics"]
    reasons = {
        dimension["Value"]
        for metric in failing if "MetricStat" in metric
        for dimension in metric["MetricStat"]["Metric"]["Dimensions"] if dimension["Name"] == "reason"
    }  # fmt: skip
    assert reasons == {"keys_unavailable", "introspection_unavailable", "configuration_error", "invalid_event"}
    assert {m["MetricStat"]["Metric"]["MetricName"] for m in failing if "MetricStat" in m} <= written
    for name in ("KeysGrowOld", "DecisionsSlow"):
        assert output["Resources"][name]["Properties"]["MetricName"] in written
    text, values = output["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert values
    widgets = json.loads(re.sub(r"\$\{[^}]*\}", "x", text))["widgets"]
    assert len(widgets) == 5
    named = {
        entry[1] for w in widgets for entry in w["properties"].get("metrics", []) if isinstance(entry[0], str)
    }
    assert {name for name in named if not name.startswith("StaleKeys")} <= written


def test_decisions_on_stale_keys_are_counted_from_the_log(transform: Transform) -> None:
    """The filter reads a field that the record has; the alarm reads the metric that the filter writes."""
    resources = transform("template.yaml", **ALL)["Resources"]
    filtered = resources["StaleKeysFilter"]["Properties"]
    assert filtered["FilterPattern"] == '{ $.key_cache = "stale" }'
    assert "key_cache" in FIELDS
    assert (
        filtered["MetricTransformations"][0]["MetricName"]
        == resources["StaleKeysServed"]["Properties"]["MetricName"]
    )
