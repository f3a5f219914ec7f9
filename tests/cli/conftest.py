"""The command line run in this process, with its streams and its exit code."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from lambda_authorizer.cli.app import run

RULES = """\
schema = 1

[[issuer]]
name = "main"
url = "${ISSUER}"
jwks = "${JWKS:-discover}"
audience = ["${AUDIENCE}"]

[issuer.claims]
tier = "https://airline.example/tier"

[tiers]
order = ["standard", "silver", "gold"]
default = "standard"

[[rule]]
name = "members read their own points"
allow = ["GET /loyalty/{customerId}", "GET /loyalty/{customerId}/history"]
scopes = ["loyalty:read"]
where = { customerId = "sub" }

[[rule]]
name = "gold partners add points"
allow = ["POST /loyalty/{customerId}/points"]
scopes = ["loyalty:write"]
groups = ["partners"]
min_tier = "gold"

[context]
tenant = "custom:tenant"
"""


class Result(NamedTuple):
    """What a run of the command line left."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the rules of the documentation."""
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def lambda_authorizer(folder: Path) -> Run:
    """Run the command line in the folder."""

    def call(*arguments: str) -> Result:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                run(arguments)
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
        return Result(code, out.getvalue(), err.getvalue())

    return call
