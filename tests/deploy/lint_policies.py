"""Runs parliament, the IAM policy linter, in a process of its own.

Its input is a JSON list of policy documents; its output a JSON list with the findings of each.

The linter wants one function of `pkg_resources`, which setuptools no longer has; it is lent that function here.
Its own command is not used, because that writes to a fixed file in /tmp.
"""

import json
import os
import sys
import types
from importlib.util import find_spec


def resource_filename(package: str, name: str) -> str:
    """Where a file of a package is."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return os.path.join(os.path.dirname(spec.origin), name)  # noqa: PTH118, PTH120 - as it was in pkg_resources


lent = types.ModuleType("pkg_resources")
lent.__dict__["resource_filename"] = resource_filename
sys.modules["pkg_resources"] = lent

import parliament  # type: ignore[import-untyped]  # noqa: E402


def findings(document: object) -> list[dict[str, str]]:
    """What the linter says about one document."""
    policy = parliament.analyze_policy_string(json.dumps(document), ignore_private_auditors=True)
    return [
        {"issue": each.issue, "severity": each.severity, "detail": str(each.detail)}
        for each in map(parliament.enhance_finding, policy.findings)
    ]


json.dump([findings(document) for document in json.load(sys.stdin)], sys.stdout)
