"""Process start to first decision: load the handler, answer one event, leave at once.

Environment: TOKEN_FILE; MEMORY=1 adds the peak memory of this process to the answer; COMPILED=1 adds the source
files that were compiled.
"""

import os
import sys

compiled = []
if os.environ.get("COMPILED"):
    from importlib.machinery import SourceFileLoader

    original = SourceFileLoader.source_to_code

    def counting(self, data, path, **options):
        """Note the file, then compile it as ever."""
        compiled.append(os.fspath(path) if not isinstance(path, bytes) else path.decode())
        return original(self, data, path, **options)

    SourceFileLoader.source_to_code = counting

import json  # noqa: E402 - after the loader is watched

from token_authorizer import lambda_handler  # noqa: E402

with open(os.environ["TOKEN_FILE"]) as file:  # noqa: PTH123 - pathlib would be timed too
    token = file.read()
answer = lambda_handler(
    {"type": "TOKEN", "authorizationToken": "Bearer " + token, "methodArn": os.environ["METHOD_ARN"]}, None
)
said = {"allowed": '"Allow"' in json.dumps(answer)}
if os.environ.get("MEMORY"):
    with open("/proc/self/status") as file:  # noqa: PTH123 - as above
        said["peak_kb"] = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
if os.environ.get("COMPILED"):
    said["compiled"] = compiled
    said["modules"] = len(sys.modules)
os.write(2, json.dumps(said).encode())
os._exit(0)
