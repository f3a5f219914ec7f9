#!/bin/sh
# The functions behind serverless-offline on osls, and the same list through the simulator. Needs Node.js 20.19 or newer.
set -eu
cd "$(dirname "$0")/../.."
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    echo "skipped: no Node.js 20.19 or newer"
    exit 0
fi
if [ ! tests/offline/node_modules/.package-lock.json -nt tests/offline/package-lock.json ]; then
    echo "offline: npm ci (half a minute, once)" >&2
    npm ci --prefix tests/offline --no-progress --loglevel=error >&2
fi
PYTHONPATH=layers/authorizer exec .venv/bin/python -m tests.offline.run "$@"
