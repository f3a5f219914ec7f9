"""What goes out of the house: the stamp that publishes a new version, and the layer with its permissions."""

import hashlib
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from tests.deploy.conftest import ROOT
from tests.deploy.test_tools import script
from tools.deploy import command, divided

CONFIG = tomllib.loads("""
[default.deploy.parameters]
parameter_overrides = "Issuer=https://id.example.com/ Audience='two words' CodeStamp=old"
[prod.deploy.parameters]
parameter_overrides = ["Issuer=https://prod.example.com/"]
""")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Something built."""
    built = tmp_path / "build"
    (built / "TokenAuthorizer").mkdir(parents=True)
    (built / "TokenAuthorizer" / "rules.toml").write_text("schema = 1\n", encoding="utf-8")
    return built


def stamp_of(arguments: list[str]) -> str:
    """The stamp in a command."""
    (found,) = [each for each in arguments if each.startswith("CodeStamp=")]
    return found.partition("=")[2]


def test_the_stamp_joins_the_parameters_of_samconfig(tree: Path) -> None:
    """SAM takes overrides from one place: those of samconfig.toml are passed on, with the new stamp."""
    made = command([], CONFIG, tree)
    assert made[:3] == ["--parameter-overrides", "Issuer=https://id.example.com/", "Audience=two words"]
    assert len(made) == 4
    assert len(stamp_of(made)) == 64


def test_parameters_of_the_command_line_come_first(tree: Path) -> None:
    """As with SAM itself, overrides on the command line replace those of the file; the rest passes through."""
    made = command(
        ["--stack-name", "s", "--parameter-overrides", "Issuer=x", "--no-confirm-changeset"], CONFIG, tree
    )
    assert made[:-1] == ["--stack-name", "s", "--no-confirm-changeset", "--parameter-overrides", "Issuer=x"]
    assert divided(["--parameter-overrides=A=1 B=2"]) == ([], ["A=1", "B=2"])


def test_the_stamp_changes_with_every_input_and_with_nothing_else(tree: Path) -> None:
    """A changed issuer, a changed file and a renamed file each publish anew; the same inputs do not."""
    first = stamp_of(command([], CONFIG, tree))
    assert stamp_of(command([], CONFIG, tree)) == first
    assert stamp_of(command(["--config-env", "prod"], CONFIG, tree)) != first
    (tree / "TokenAuthorizer" / "rules.toml").write_text("schema = 2\n", encoding="utf-8")
    changed = stamp_of(command([], CONFIG, tree))
    assert changed != first
    (tree / "TokenAuthorizer" / "rules.toml").rename(tree / "TokenAuthorizer" / "other.toml")
    assert stamp_of(command([], CONFIG, tree)) not in {first, changed}


def test_a_guided_deployment_always_publishes(tree: Path) -> None:
    """Its answers are not known when the stamp is made, and may name another issuer."""
    assert stamp_of(command(["--guided"], CONFIG, tree)) != stamp_of(command(["--guided"], CONFIG, tree))


def publish(tmp_path: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Runs tools/publish with an aws CLI that writes down what it is told."""
    script(
        tmp_path / "bin" / "aws",
        f'printf "%s\\n" "$*" >>{tmp_path}/calls\n'
        'case "$*" in *publish-layer-version*) echo arn:aws:lambda:eu-west-1:123456789012:layer:l:7;; esac',
    )
    dist = tmp_path / "dist"
    dist.mkdir()
    sums = []
    for architecture in ("arm64", "x86_64"):
        (dist / f"layer-{architecture}.zip").write_bytes(architecture.encode())
        sums.append(f"{hashlib.sha256(architecture.encode()).hexdigest()}  layer-{architecture}.zip\n")
    (dist / "SHA256SUMS").write_text(environment.pop("SUMS", "".join(sums)), encoding="utf-8")
    finished = subprocess.run(
        [ROOT / "tools" / "publish"],
        env={"PATH": f"{tmp_path}/bin:{os.defpath}", "DIST": str(dist), **environment},
        check=False, text=True, capture_output=True,
    )  # fmt: skip
    calls = tmp_path / "calls"
    return finished, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_publishing_to_an_organisation(tmp_path: Path) -> None:
    """Each architecture in each region: a version, a permission for the organisation, the ARN in SSM."""
    finished, calls = publish(tmp_path, REGIONS="eu-west-1 us-east-1", ORGANISATION="o-abc")
    assert finished.returncode == 0, finished.stderr
    assert [call.split()[:2] for call in calls] == [
        ["lambda", "publish-layer-version"], ["lambda", "add-layer-version-permission"], ["ssm", "put-parameter"]
    ] * 4  # fmt: skip
    assert "--compatible-architectures arm64 --compatible-runtimes python3.12 python3.13 python3.14" in calls[0]
    assert calls[1].endswith("--principal * --organization-id o-abc")
    assert "--version-number 7" in calls[1]
    assert "--name /lambda-authorizer/layer-arn/arm64" in calls[2]
    assert all("--region us-east-1" in call for call in calls[6:])


def test_publishing_to_accounts_opens_it_to_no_other(tmp_path: Path) -> None:
    """A permission for everybody is never made without an organisation's id."""
    _, calls = publish(tmp_path, REGIONS="eu-west-1", ACCOUNTS="111111111111 222222222222")
    permissions = [call for call in calls if "add-layer-version-permission" in call]
    assert len(permissions) == 4
    assert all("--principal *" not in call for call in permissions)


def test_a_zip_that_is_not_the_one_built_is_not_published(tmp_path: Path) -> None:
    """The hashes of dist/SHA256SUMS are checked first."""
    finished, calls = publish(tmp_path, REGIONS="eu-west-1", SUMS=f"{'0' * 64}  layer-arm64.zip\n")
    assert finished.returncode != 0
    assert calls == []


def test_an_organisation_and_accounts_contradict_each_other(tmp_path: Path) -> None:
    """Who may use the layer is said once."""
    finished, calls = publish(tmp_path, REGIONS="eu-west-1", ACCOUNTS="111111111111", ORGANISATION="o-abc")
    assert finished.returncode == 2
    assert "not both" in finished.stderr
    assert calls == []
