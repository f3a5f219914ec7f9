"""Warm work in one Python process, on request: the same protocol as peers/warm.mjs.

The first line of output lists the cases; then each line of input is {"case", "count"} and each line of output the
nanoseconds that one operation took.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet as JoserfcKeys

from benchmarks import shapes
from benchmarks.work import Case, handlers, ours, raw

DRAIN = """
import fcntl, os, time
fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, 1 << 20)
while os.read(0, 1 << 20):
    time.sleep(0.004)
"""


def peers(token: str, jwk: dict[str, Any], algorithm: str) -> dict[str, Case]:
    """Return the other libraries' verification, each with its key kept and the same claims checked."""
    key = jwt.PyJWK(jwk)
    registry = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": shapes.ISSUER},
        aud={"essential": True, "value": shapes.AUDIENCE},
        exp={"essential": True},
    )
    jose_keys = JoserfcKeys.import_key_set({"keys": [jwk]})

    def by_joserfc() -> None:
        registry.validate(joserfc_jwt.decode(token, jose_keys, algorithms=[algorithm]).claims)

    cases: dict[str, Case] = {
        f"PyJWT {algorithm}": lambda: jwt.decode(
            token, key, algorithms=[algorithm], audience=shapes.AUDIENCE, issuer=shapes.ISSUER
        ),
        f"joserfc {algorithm}": by_joserfc,
    }
    try:
        from aws_lambda_powertools.utilities.auth_alpha import JWTVerifier
    except ImportError:
        return cases
    verifier = JWTVerifier(
        issuer=shapes.ISSUER, audience=shapes.AUDIENCE, algorithms=[algorithm], jwks={"keys": [jwk]}
    )
    return {**cases, f"Powertools auth_alpha {algorithm}": lambda: verifier.verify(token)}


def main(folder: Path, function: Path) -> None:
    """Serve until standard input ends."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    # The records go where Lambda's go: into a pipe that somebody else drains. This reader looks every few ms:
    # one that sleeps in `read` is woken by each write, and what that costs the writer is the kernel's affair.
    with subprocess.Popen([sys.executable, "-c", DRAIN], stdin=subprocess.PIPE) as drain:
        assert drain.stdin
        os.dup2(drain.stdin.fileno(), 1)
        drain.stdin.close()
        os.chdir(function)
        jwks = json.loads((folder / "all.json").read_text())
        cases: dict[str, Case] = {}
        for algorithm in shapes.ALGORITHMS:
            token = (folder / f"token_{algorithm}.txt").read_text()
            jwk = next(key for key in jwks["keys"] if key["kid"] == f"{algorithm}-1")
            cases[f"raw {algorithm}"] = raw(algorithm, token, jwk)
            cases[f"lambda_authorizer {algorithm}"] = ours(token, jwks, algorithm)
            cases.update(peers(token, jwk, algorithm))
        cases.update(handlers(folder, function, (folder / "tokens.txt").read_text().split()))
        works = {}
        for name, run in cases.items():
            try:
                run()
            except Exception as error:  # noqa: BLE001 - a peer without the algorithm is left out, and said so
                sys.stderr.write(f"left out: {name}: {type(error).__name__}: {error}\n")
            else:
                works[name] = run
        out.write(json.dumps(list(works)) + "\n")
        for line in sys.stdin:
            asked = json.loads(line)
            run, count = works[asked["case"]], range(asked["count"])
            began = time.perf_counter_ns()
            for _ in count:
                run()
            out.write(f"{(time.perf_counter_ns() - began) / len(count)}\n")
        os.close(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
