"""The misbehaving issuer, started once for all chaos tests."""

import datetime as dt
import hashlib
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lambda_authorizer.testing.tls import authority

HERE = Path(__file__).parent


class Chaos(NamedTuple):
    """Where the misbehaving issuer listens."""

    ports: dict[str, int]
    ca_directory: str
    ca_file: str

    def url(self, path: str, listener: str = "http") -> str:
        """Return the address of a behaviour."""
        scheme = "http" if listener == "http" else "https"
        return f"{scheme}://127.0.0.1:{self.ports[listener]}/{path}"

    def tell(self, path: str, body: bytes | None = None) -> bytes:
        """Give the issuer an order, over its plain port."""
        with urllib.request.urlopen(self.url(path), body, timeout=10) as answer:
            return bytes(answer.read())

    def requests(self) -> int:
        """Return how many requests the keys have had."""
        return int(self.tell("count"))


def hashed_name(common_name: str) -> str:
    """Return the file name under which OpenSSL looks for the root of this subject.

    It is the first four bytes, little-endian, of the SHA-1 of the canonical subject: UTF-8, in lower case.
    """
    value = common_name.lower().encode()
    string = bytes([0x0C, len(value)]) + value
    pair = bytes.fromhex("0603550403") + string
    sequence = bytes([0x30, len(pair)]) + pair
    digest = hashlib.sha1(bytes([0x31, len(sequence)]) + sequence, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}.0"


@pytest.fixture(scope="session")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    """Run the misbehaving issuer."""
    folder = tmp_path_factory.mktemp("chaos")
    arguments = []
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    for name, begin in {"https": start, "other": start, "expired": start - dt.timedelta(days=3)}.items():
        (folder / name).mkdir()
        files = authority(folder / name, begin)
        arguments.append(f"{name}={files.certificate},{files.key}")
    roots = folder / "roots"
    roots.mkdir()
    shutil.copy(folder / "https" / "authority.pem", roots / hashed_name("Test authority"))
    shutil.copy(folder / "expired" / "authority.pem", roots / hashed_name("Test authority").replace(".0", ".1"))
    with subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ports = json.loads(process.stdout.readline())
        yield Chaos(ports, str(roots), str(folder / "https" / "authority.pem"))
        process.stdin.close()
        process.wait(10)
