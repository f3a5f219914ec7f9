"""Everything that is measured, put into place below `.local/bench`: interpreter, layer, functions, peers, keys.

Laws of this file: a process that is timed gets an environment of its own, with nothing of the caller's (a stray
`.pth` file or certificate variable changes every start); layer and function are those that `sam build` made.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode
from py_compile import compile as compile_file
from typing import Any, NamedTuple

from tests.e2e import built

from benchmarks.shapes import ALGORITHMS, AUDIENCE, ISSUER
from lambda_authorizer.testing import tls
from lambda_authorizer.testing.issuer import FakeIssuer, SigningKey

HERE = Path(__file__).resolve().parent
HOME = built.ROOT / ".local" / "bench"
PEERS = HERE / "peers"
LIFETIME = 30 * 86_400

RULES = f"""
schema = 1
[[issuer]]
name = "main"
url = "{ISSUER}"
jwks = "${{JWKS}}"
audience = ["{AUDIENCE}"]
preset = "oidc"
"""
RULE = """
[[rule]]
name = "rule {number}"
allow = ["{route}"]
scopes = ["orders:read"]
"""


class Fixtures(NamedTuple):
    """Keys, tokens and certificates, made anew for each run."""

    folder: Path
    tokens: Mapping[str, str]
    jwks: Mapping[str, Any]  # every key
    repeated: Mapping[str, list[str]]  # many different tokens of one algorithm


def claims(number: int) -> dict[str, object]:
    """Return sixteen claims, as a user pool puts them into an access token."""
    now = int(time.time())
    return {
        "sub": f"5e3c9a0e-8d2b-4b44-9c1f-{number:012d}",
        "client_id": "4pvqqexampleclientid1234567",
        "origin_jti": f"0b7d2f64-5a0a-4a39-8e0f-{number:012d}",
        "event_id": f"6c1d8f7a-0e3b-4e52-b0aa-{number:012d}",
        "token_use": "access",
        "scope": "openid profile email orders:read orders:write",
        "auth_time": now,
        "nbf": now - 5,
        "exp": now + LIFETIME,
        "jti": f"9a4b1c2d-3e4f-4a5b-8c6d-{number:012d}",
        "username": "jane.doe@example.test",
        "groups": ["admins", "ops", "readers"],
        "version": 2,
    }


def fixtures(repeats: int = 1200) -> Fixtures:
    """Make keys, tokens and a loopback authority with a hashed directory of roots."""
    folder = HOME / "fixtures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    issuer = FakeIssuer(ISSUER, audience=AUDIENCE, algorithm="RS256")
    keys = {name: SigningKey(name, f"{name}-1") for name in ALGORITHMS}
    spare = SigningKey("RS256", "RS256-2")
    tokens = {}
    repeated = {}
    for name, key in keys.items():
        issuer.keys = [key]
        tokens[name] = issuer.mint(claims(0))
        repeated[name] = [issuer.mint(claims(number)) for number in range(1, repeats if name == "RS256" else 2)]
        (folder / f"token_{name}.txt").write_text(tokens[name])
    (folder / "tokens.txt").write_text("\n".join(repeated["RS256"]))
    jwks = {"keys": [*(key.jwk for key in keys.values()), spare.jwk]}
    (folder / "all.json").write_text(json.dumps(jwks))
    # Two RSA keys: what a user pool serves.
    (folder / "jwks.json").write_text(json.dumps({"keys": [keys["RS256"].jwk, spare.jwk]}))
    tls.authority(folder)
    hashed(folder)
    return Fixtures(folder, tokens, jwks, repeated)


def hashed(folder: Path) -> None:
    """Write the usual roots and ours into a directory under their hashes, as Linux distributions ship it."""
    import certifi

    roots = folder / "roots"
    roots.mkdir()
    mark = "-----END CERTIFICATE-----\n"
    bundle = Path(certifi.where()).read_text() + (folder / "authority.pem").read_text()
    for number, text in enumerate(bundle.split(mark)[:-1]):
        (roots / f"{number}.pem").write_text(text[text.index("-----BEGIN") :] + mark)
    subprocess.run(["openssl", "rehash", str(roots)], check=True, capture_output=True)


def clean_python() -> Path:
    """Return an interpreter whose site-packages are empty."""
    home = HOME / f"clean-{sys.implementation.cache_tag}"
    python = home / "bin" / "python"
    if not python.exists():
        venv.EnvBuilder(with_pip=False, symlinks=True).create(home)
    return python


def bare_environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that is timed."""
    return {"PATH": "/usr/bin:/bin", "LANG": "en_US.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}


def function_folder(name: str, routes: int = 10) -> Path:
    """Return a function's folder: the shipped handler, and rules of so many routes, compiled as by a build."""
    folder = HOME / "functions" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(built.BUILD / "TokenAuthorizer" / "token_authorizer.py", folder)
    shutil.copytree(built.BUILD / "TokenAuthorizer" / "__pycache__", folder / "__pycache__")
    # The no-op of the goals is what people deploy, a source file; the other has bytecode, as our functions do.
    for plain in (folder / "noop.py", folder / "noop_compiled.py"):
        plain.write_text("def lambda_handler(event, context):\n    return {'ok': True}\n")
    compile_file(str(plain), doraise=True, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    shutil.copy(HERE / "drive.py", folder)
    listed = ["GET /orders/{id}"]
    listed += [f"GET /area{number // 25}/thing{number}/{{id}}" for number in range(1, routes)]
    text = RULES + "".join(RULE.format(number=number, route=route) for number, route in enumerate(listed))
    (folder / "rules.toml").write_text(text)
    (folder / "routes.json").write_text(json.dumps(listed))  # what the API has, as `check --template` writes it
    subprocess.run(
        [
            sys.executable,
            "-m",
            "lambda_authorizer.rules.compile",
            str(folder / "rules.toml"),
            str(folder / "rules.compiled.jsonl"),
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": str(built.ROOT / "layers" / "authorizer")},
    )
    return folder


def function_environment(folder: Path, telemetry: str, **more: str) -> dict[str, str]:
    """Return the environment of the function in a folder."""
    path = [folder, *built.layer_paths(), built.runtime_client()]
    return bare_environment(
        PYTHONPATH=os.pathsep.join(map(str, path)),
        LAMBDA_TASK_ROOT=str(folder),
        AUTHORIZER_RESPONSE="policy",
        AUTHORIZER_RESULT_TTL="300",
        AUTHORIZER_TELEMETRY=telemetry,
        POWERTOOLS_LOG_LEVEL="INFO",
        AWS_LAMBDA_FUNCTION_NAME="bench",
        AWS_LAMBDA_FUNCTION_VERSION="1",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512",
        AWS_REGION="eu-west-1",
        **more,
    )


class Node(NamedTuple):
    """Node.js and the peers it runs, or why it cannot."""

    program: str
    version: str


def node() -> Node | None:
    """Return Node.js with the peers installed and bundled; None where there is no Node.js."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if not program or not npm:
        return None
    modules = PEERS / "node_modules"
    if not (modules / ".package-lock.json").exists():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=PEERS, check=True)
    out = HOME / "peers"
    out.mkdir(parents=True, exist_ok=True)
    for name in ("aws-jwt-verify.js", "jsonwebtoken.js", "jose.mjs"):
        subprocess.run(
            [
                str(modules / ".bin" / "esbuild"),
                str(PEERS / name),
                "--bundle",
                "--minify",
                "--platform=node",
                "--target=node20",
                "--format=cjs",
                "--log-level=error",
                f"--outfile={out / name.split('.')[0]}.js",
            ],
            check=True,
        )
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return Node(program, version)


def peer_versions() -> dict[str, str]:
    """Return the version of each Node package that was installed."""
    lock = json.loads((PEERS / "package-lock.json").read_text())
    return {
        name.removeprefix("node_modules/"): about["version"]
        for name, about in lock["packages"].items()
        if name.removeprefix("node_modules/") in {"aws-jwt-verify", "jose", "jsonwebtoken", "jwks-rsa", "esbuild"}
    }
