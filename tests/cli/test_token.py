"""`lambda-authorizer token`: tokens, the key set beside them, and no private key on disk unasked."""

import json
import stat
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from lambda_authorizer.jwk import parse_key_set
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.table import issuer_from_table
from lambda_authorizer.tokens.verify import verify_token

NOW = 4_000_000_000


def _verified(text: str, folder: Path, now: float, name: str = "jwks.json") -> dict[str, object]:
    keys = parse_key_set((folder / name).read_text(encoding="utf-8"))
    issuer = issuer_from_table(
        {"name": "m", "url": "https://issuer.example/", "audience": ["https://api.example"]}, file="f", key="k"
    )
    token = parse_token(text.strip())
    key = keys.candidates(token.key_id, token.algorithm)[0]
    return dict(verify_token(token, key, issuer, now).values)


def _times(text: str) -> dict[str, float]:
    import base64

    payload = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_a_token_is_trusted_by_the_key_set_beside_it(lambda_authorizer: Run, folder: Path) -> None:
    """The token alone is on standard output, so that it can be piped; what trusts it is said beside."""
    result = lambda_authorizer("token", "--claims", '{"sub": "c-1", "scope": "a b"}', "--expires", "5m")
    assert result.code == 0
    assert result.out.count("\n") == 1
    times = _times(result.out)
    assert times["exp"] - times["iat"] == 300
    assert _verified(result.out, folder, times["iat"] + 1)["sub"] == "c-1"
    assert "ISSUER=https://issuer.example/ AUDIENCE=https://api.example JWKS=file:jwks.json" in result.err


def test_no_private_key_reaches_the_disk_unasked(lambda_authorizer: Run, folder: Path) -> None:
    """Only the key set is written, and it holds public members alone."""
    before = set(folder.iterdir())
    assert lambda_authorizer("token").code == 0
    assert set(folder.iterdir()) - before == {folder / "jwks.json"}
    assert all("d" not in key for key in json.loads((folder / "jwks.json").read_text(encoding="utf-8"))["keys"])
    assert lambda_authorizer("token", "--jwks", "-").err == ""


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "PS256", "Ed25519"])
def test_a_kept_key_signs_again(lambda_authorizer: Run, folder: Path, algorithm: str) -> None:
    """With --key the same key set trusts tokens of two runs, and only its owner can read the key."""
    first = lambda_authorizer("token", "--key", "key.pem", "--algorithm", algorithm)
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    keys = (folder / "jwks.json").read_text(encoding="utf-8")
    second = lambda_authorizer("token", "--key", "key.pem", "--algorithm", algorithm)
    assert (folder / "jwks.json").read_text(encoding="utf-8") == keys
    for result in (first, second):
        assert parse_token(result.out.strip()).key_id == json.loads(keys)["keys"][0]["kid"]
    if algorithm == "ES256":
        assert _verified(first.out, folder, _times(first.out)["iat"] + 1)["sub"] == "tester"


def test_several_claims_make_several_tokens_of_one_key(lambda_authorizer: Run, folder: Path) -> None:
    """One line a token; a file of claims is read with @."""
    (folder / "claims.json").write_text('{"sub": "two"}', encoding="utf-8")
    result = lambda_authorizer("token", "--claims", '{"sub": "one"}', "--claims", "@claims.json")
    subjects = [_verified(line, folder, _times(line)["iat"] + 1)["sub"] for line in result.out.splitlines()]
    assert subjects == ["one", "two"]


def test_issuer_and_audience_come_from_the_rules(lambda_authorizer: Run) -> None:
    """`--rules` takes what the rules trust; an option overrules it."""
    given = ("--rules", "rules.toml", "--env", "ISSUER=https://i.example", "--env", "AUDIENCE=api")
    claims = _times(lambda_authorizer("token", *given).out)
    assert (claims["iss"], claims["aud"]) == ("https://i.example", "api")
    assert (
        _times(lambda_authorizer("token", *given, "--issuer", "https://o.example").out)["iss"]
        == "https://o.example"
    )


def test_bad_tokens_can_be_had_by_name(lambda_authorizer: Run) -> None:
    """The list says with which reason each is refused."""
    assert "bad-signature         invalid_signature\n" in lambda_authorizer("token", "--bad", "list").out
    expired = _times(lambda_authorizer("token", "--bad", "expired").out)
    assert expired["exp"] < expired["iat"]
    assert _times(lambda_authorizer("token", "--expires", "-1h").out)["exp"] < expired["iat"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--claims", "{"),
        ("--claims", "[]"),
        ("--claims", "@nowhere.json"),
        ("--expires", "soon"),
        ("--expires", ""),
        ("--expires", "99999999d"),
        ("--expires", "1²h"),
        ("--algorithm", "HS256"),
        ("--bad", "nonsense"),
        ("--jwks", "nowhere/jwks.json"),
        ("--key", "nowhere/key.pem"),
        ("--key", "rules.toml"),
        ("--env", "novalue"),
        ("--env-file", "rules.toml"),
    ],
)
def test_bad_options_are_said(lambda_authorizer: Run, arguments: tuple[str, ...]) -> None:
    """Wrong input is a sentence and exit code 2."""
    result = lambda_authorizer("token", *arguments)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


def test_a_key_of_another_kind_is_refused(lambda_authorizer: Run) -> None:
    """A stored key signs only the algorithm it is for."""
    assert lambda_authorizer("token", "--key", "key.pem").code == 0
    result = lambda_authorizer("token", "--key", "key.pem", "--algorithm", "RS256")
    assert (result.code, "private key in PEM that signs RS256" in result.err) == (2, True)


def test_variables_come_from_an_env_file(lambda_authorizer: Run, folder: Path) -> None:
    """A file as `sam local` takes it is merged; one that contradicts itself is refused."""
    (folder / "env.json").write_text(
        json.dumps({"A": {"ISSUER": "https://f.example"}, "AUDIENCE": "x"}), encoding="utf-8"
    )
    given = ("--rules", "rules.toml", "--env-file", "env.json")
    assert _times(lambda_authorizer("token", *given).out)["iss"] == "https://f.example"
    (folder / "env.json").write_text('{"A": {"X": "1"}, "B": {"X": "2"}}', encoding="utf-8")
    assert lambda_authorizer("token", *given).code == 2
