"""The IAM documents of a transformed template, with intrinsics resolved to what a deployment would put there."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
HERE = "eu-west-1:123456789012"
# What Ref and GetAtt give where a policy names a resource; any other is a mistake of the test, and raises.
REFERENCES = {
    "AWS::ApiGateway::Authorizer": "f6g7h8",
    "AWS::ApiGateway::RestApi": "a1b2c3d4e5",
    "AWS::ApiGatewayV2::Api": "a1b2c3d4e5",
    "AWS::ApiGatewayV2::Authorizer": "f6g7h8",
    "AWS::AppSync::GraphQLApi": f"arn:aws:appsync:{HERE}:apis/a1b2c3d4e5",
    "AWS::IAM::Role": "{name}",
    "AWS::Lambda::Alias": f"arn:aws:lambda:{HERE}:function:{{name}}:live",
    "AWS::Lambda::Function": "{name}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{HERE}:secret:{{name}}-AbCdEf",
}
ATTRIBUTES = {
    ("AWS::ApiGateway::Authorizer", "AuthorizerId"): "f6g7h8",
    ("AWS::ApiGatewayV2::Authorizer", "AuthorizerId"): "f6g7h8",
    ("AWS::AppSync::GraphQLApi", "ApiId"): "a1b2c3d4e5",
    ("AWS::AppSync::GraphQLApi", "Arn"): f"arn:aws:appsync:{HERE}:apis/a1b2c3d4e5",
    ("AWS::Cognito::UserPool", "Arn"): f"arn:aws:cognito-idp:{HERE}:userpool/eu-west-1_AbCdEfGhI",
    ("AWS::IAM::Role", "Arn"): "arn:aws:iam::123456789012:role/{name}",
    ("AWS::Lambda::Function", "Arn"): f"arn:aws:lambda:{HERE}:function:{{name}}",
}


class Found(NamedTuple):
    """A document and where it stands."""

    place: str
    kind: str  # "role", "trust" or "resource"
    document: dict[str, Any]

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Always a list."""
        return listed(self.document["Statement"])


def listed(value: Any) -> list[Any]:
    """IAM takes one thing for a list of one."""
    return value if isinstance(value, list) else [value]


class Resolver:
    """Computes intrinsics as CloudFormation would."""

    def __init__(self, output: Mapping[str, Any], given: Mapping[str, str]) -> None:
        """Takes a transformed template and the parameters it was transformed with."""
        self.resources = output["Resources"]
        self.values: dict[str, Any] = dict(PSEUDO)
        for name, parameter in output.get("Parameters", {}).items():
            text = str(given.get(name, parameter.get("Default", "")))
            is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
            self.values[name] = [item.strip() for item in text.split(",")] if is_list else text

    def reference(self, name: str) -> Any:
        """Ref."""
        if name in self.values:
            return self.values[name]
        return REFERENCES[self.resources[name]["Type"]].format(name=name)

    def attribute(self, name: str, attribute: str) -> str:
        """GetAtt."""
        return ATTRIBUTES[self.resources[name]["Type"], attribute].format(name=name)

    def substitute(self, argument: Any) -> str:
        """Sub."""
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {name: self(value) for name, value in own.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(own[name])
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.reference(name))

        return re.sub(r"\$\{([\w:.]+)\}", value, text)

    def __call__(self, node: Any) -> Any:
        """A node without intrinsics."""
        if isinstance(node, list):
            flat: list[Any] = []
            for item in node:
                made = self(item)
                flat.extend(made if isinstance(made, list) else [made])
            return flat
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            match name:
                case "Ref":
                    return self.reference(argument)
                case "Fn::GetAtt":
                    return self.attribute(*(argument.split(".", 1) if isinstance(argument, str) else argument))
                case "Fn::Sub":
                    return self.substitute(argument)
                case "Fn::Join":
                    return argument[0].join(str(each) for each in self(argument[1]))
                case "Fn::Split":
                    return self(argument[1]).split(argument[0])
                case "Fn::Select":
                    return self(argument[1])[int(argument[0])]
            if name.startswith("Fn::"):
                raise ValueError(name)
        return {key: self(value) for key, value in node.items()}


def is_policy(node: Mapping[str, Any]) -> bool:
    """A dictionary with statements that have effects."""
    return "Statement" in node and all(
        isinstance(each, dict) and "Effect" in each for each in listed(node["Statement"])
    )


def policies_in(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy document at or below a node, wherever it stands."""
    if isinstance(node, dict):
        if is_policy(node):
            yield path, node
            return
        for key, item in node.items():
            yield from policies_in(item, f"{path}/{key}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from policies_in(item, f"{path}/{index}")


def of_permission(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The statement that Lambda writes into a function's policy for a permission."""
    function = properties["FunctionName"]
    arn = function if function.startswith("arn:") else f"arn:aws:lambda:{HERE}:function:{function}"
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": arn,
        "Condition": {"ArnLike": {"AWS:SourceArn": properties["SourceArn"]}},
    }
    if "SourceAccount" in properties:
        statement["Condition"]["StringEquals"] = {"AWS:SourceAccount": properties["SourceAccount"]}
    return {"Version": "2012-10-17", "Statement": [statement]}


def completed(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """What stands between the lines: a trust policy is about its role; API Gateway writes out a short resource."""
    document = json.loads(json.dumps(document))
    for statement in listed(document["Statement"]):
        if kind == "trust":
            statement["Resource"] = "arn:aws:iam::123456789012:role/this"
        elif kind == "resource":
            statement["Resource"] = [
                re.sub(r"^execute-api:/", f"arn:aws:execute-api:{HERE}:a1b2c3d4e5/", each)
                for each in listed(statement["Resource"])
            ]
    return document


def documents(output: Mapping[str, Any], given: Mapping[str, str]) -> list[Found]:
    """Every IAM document of a transformed template."""
    resolve = Resolver(output, given)
    found = []
    for name, resource in output["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Permission":
            found.append(Found(name, "resource", of_permission(resolve(properties))))
            continue
        for path, document in policies_in(properties, name):
            kind = "resource"
            if resource["Type"].startswith("AWS::IAM::"):
                kind = "trust" if path.endswith("/AssumeRolePolicyDocument") else "role"
            found.append(Found(path, kind, completed(resolve(document), kind)))
    return found
