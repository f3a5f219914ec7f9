"""Run by SAM CLI's own Python: transforms SAM templates as CloudFormation does, then resolves their conditions.

Each line of its input is a JSON list of a template's path and its parameters; each line of its output the answer.

Resources and outputs whose condition is false are left out and every `Fn::If` is replaced by its branch, so that a
test looks at what would really be created.
"""

import json
import os
import sys
from pathlib import Path

os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

LOCAL = ("CodeUri", "ContentUri", "DefinitionUri", "SchemaUri")
MANAGED = (
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AWSXRayDaemonWriteAccess",
)
NOTHING = object()


class ManagedPolicies:
    """Names of managed policies without asking IAM."""

    def load(self):
        """The map that the transform asks for."""
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED}


def packaged(node):
    """What `sam package` does: folders become places in S3."""
    if isinstance(node, dict):
        return {
            k: f"s3://bucket/{v.strip('./')}"
            if k in LOCAL and isinstance(v, str) and not v.startswith("s3:")
            else packaged(v)
            for k, v in node.items()
        }
    return [packaged(item) for item in node] if isinstance(node, list) else node


def value_of(node, values):
    """A node of a condition, computed."""
    if isinstance(node, dict) and len(node) == 1:
        ((name, argument),) = node.items()
        if name == "Ref":
            return values[argument]
        if name == "Fn::Select":
            index, items = argument
            return value_of(items, values)[int(index)]
        if name == "Fn::Split":
            return value_of(argument[1], values).split(argument[0])
        if name == "Fn::Join":
            return argument[0].join(value_of(argument[1], values))
        raise ValueError(name)
    return node


def truth(node, conditions, values):
    """A condition, computed."""
    ((name, argument),) = node.items()
    match name:
        case "Condition":
            return truth(conditions[argument], conditions, values)
        case "Fn::Equals":
            return str(value_of(argument[0], values)) == str(value_of(argument[1], values))
        case "Fn::Not":
            return not truth(argument[0], conditions, values)
        case "Fn::And":
            return all(truth(each, conditions, values) for each in argument)
        case "Fn::Or":
            return any(truth(each, conditions, values) for each in argument)
    raise ValueError(name)


def chosen(node, true):
    """A node with each Fn::If replaced by its branch, and AWS::NoValue gone."""
    if isinstance(node, dict):
        if set(node) == {"Fn::If"}:
            condition, yes, no = node["Fn::If"]
            return chosen(yes if true[condition] else no, true)
        if node == {"Ref": "AWS::NoValue"}:
            return NOTHING
        made = {key: chosen(item, true) for key, item in node.items()}
        return {key: item for key, item in made.items() if item is not NOTHING}
    if isinstance(node, list):
        return [item for item in (chosen(each, true) for each in node) if item is not NOTHING]
    return node


def transformed(path, given):
    """Gives the transformed template."""
    template = packaged(yaml_parse(Path(path).read_text(encoding="utf-8")))
    values = {
        "AWS::Region": "eu-west-1",
        "AWS::Partition": "aws",
        "AWS::AccountId": "123456789012",
        "AWS::StackName": "stack",
        **{name: parameter.get("Default", "") for name, parameter in template.get("Parameters", {}).items()},
        **given,
    }
    unknown = set(given) - set(template.get("Parameters", {}))
    if unknown:
        raise ValueError(f"no such parameters: {sorted(unknown)}")
    output = transform(template, given, ManagedPolicies())
    conditions = output.get("Conditions", {})
    true = {name: truth(node, conditions, values) for name, node in conditions.items()}
    for section in ("Resources", "Outputs"):
        kept = {n: r for n, r in output.get(section, {}).items() if true.get(r.get("Condition"), True)}
        output[section] = chosen(kept, true)
    return output


for line in sys.stdin:
    try:
        answer = transformed(*json.loads(line))
    except Exception as error:  # noqa: BLE001 - the test that asked shows it
        answer = {"error": f"{type(error).__name__}: {error} {getattr(error, 'causes', '')}"}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
