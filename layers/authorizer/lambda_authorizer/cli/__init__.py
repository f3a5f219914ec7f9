"""The command line `lambda-authorizer`: what the tester and the deployer run before AWS does.

Laws of this package: results on standard output, everything else on standard error; colours only where a terminal
looks; bad input gets one sentence that names file, key, found and allowed, and never a traceback; a command that
cannot do its work never says that all is well.
"""

import sys

EXTRA = "lambda-authorizer-toolkit[cli]"


def main() -> None:
    """Run the command line, or say in one sentence which extra is missing."""
    try:
        from lambda_authorizer.cli.app import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("lambda_authorizer"):
            raise
        sys.stderr.write(f"lambda-authorizer: {missing.name} is not installed; pip install '{EXTRA}'\n")
        sys.exit(2)
    run()
