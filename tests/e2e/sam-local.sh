#!/bin/sh
# `make sam-local`: the built functions in real containers, by `sam local invoke` and `sam local start-api`.
#
# Uses the container engine that is there; else starts a private one, where it can (container-engine.sh). Where neither runs,
# it says so and ends with 0: nothing is shown, and nothing is pretended.
set -eu
cd "$(dirname "$0")/../.."
here=tests/e2e
own=

finish() {
    code=$?
    trap - EXIT INT TERM
    [ -z "$own" ] || sh $here/container-engine.sh down
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip() {
    echo "skipped: no container engine ($*)"
    exit 0
}

# SAM CLI asks STS who it is when it finds keys, and waits for the answer.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE || true
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

if command -v docker >/dev/null 2>&1 && docker version >/dev/null 2>&1; then
    echo "container engine: $(docker version --format '{{.Server.Version}}') of this machine"
    pull=
else
    case "$(uname -m)" in x86_64 | amd64) ;; *) skip "the private engine's image is made for x86_64 only" ;; esac
    code=0
    sh $here/container-engine.sh up || code=$?
    [ "$code" != 3 ] || skip "none is running, and a private one cannot run here"
    [ "$code" = 0 ] || exit "$code"
    own=yes
    eval "$(sh $here/container-engine.sh env)"
    echo "container engine: $(docker version --format '{{.Server.Version}}'), private, below .local/engine"
    pull=--skip-pull-image
    version=
    for version in 3.13 3.12 3.14; do
        tools/find-python $version >/dev/null 2>&1 && break
    done
    sh $here/container-engine.sh image "$version"
    export RUNTIME="python$version"
fi
PYTHONPATH=.:layers/authorizer .venv/bin/python -m tests.e2e.sam_local $pull "$@"
PYTHONPATH=.:layers/authorizer .venv/bin/python -m tests.e2e.sam_local_airline $pull
