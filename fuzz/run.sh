#!/bin/sh
# Fuzzes every target in turn: fuzz/run.sh [SECONDS [TARGET...]]; ten minutes in all by default.
# atheris lives in an environment of its own (.tools/atheris). Inputs that were found interesting stay in
# .local/fuzz/corpus and are used again; what breaks a target is kept in .local/fuzz/findings, and the run fails.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- token claims introspection key_set issuer_table event arn

home=.tools/atheris
stamp=$(cksum <fuzz/requirements.txt)
if [ "$(cat "$home/.stamp" 2>/dev/null)" != "$stamp" ]; then
    for candidate in "${FUZZ_PYTHON:-}" python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[23].*/bin/python3; do
        [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null || continue
        echo "fuzz: making $home with $("$candidate" -V)" >&2
        "$candidate" -m venv --clear "$home"
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r fuzz/requirements.txt && break
        rm -rf "$home"
    done
    [ -d "$home" ] || { echo "fuzz: skipped: no Python 3.12 or 3.13 that atheris has a wheel for" >&2; exit 0; }
    printf '%s\n' "$stamp" >"$home/.stamp"
fi

mkdir -p .local/fuzz/findings
each=$((seconds / $#))
[ "$each" -gt 0 ] || each=1
for target in "$@"; do
    echo "fuzz: $target for $each s" >&2
    "$home/bin/python" fuzz/harness.py "$target" ".local/fuzz/corpus/$target" \
        -max_total_time="$each" -timeout=5 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix=".local/fuzz/findings/$target-" 2>".local/fuzz/$target.log" ||
        { tail -40 ".local/fuzz/$target.log" >&2; echo "fuzz: $target failed; its input is in .local/fuzz/findings" >&2; exit 1; }
    sed -n 's/^stat::number_of_executed_units: */fuzz:   inputs tried: /p' ".local/fuzz/$target.log" >&2
done
echo "fuzz: nothing found in $seconds s" >&2
