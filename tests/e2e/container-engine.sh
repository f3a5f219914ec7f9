#!/bin/sh
# A private container engine and a base image for `sam local`, for machines that have neither.
#
#   container-engine.sh up              start the engine; nothing is installed into the system
#   container-engine.sh image 3.13      make the image that SAM CLI asks for, out of this machine's CPython 3.13
#   container-engine.sh env             print the line that points docker and SAM CLI at the engine (for eval)
#   container-engine.sh down            remove its containers and stop it
#
# Exit code 3 of `up`: no engine can run here; the reason is printed.
#
# Debian's packages of docker.io are unpacked below STATE, not installed. The daemon has its own socket, data and process id
# file there; it makes no firewall rule and no route, so containers reach this host and nothing beyond it.
# The image is a stand-in for AWS's: interpreter and C library are this machine's, the runtime client is PyPI's awslambdaric.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
state=${STATE:-$root/.local/engine}
packages="docker.io containerd runc tini busybox-static"
export DOCKER_HOST="unix://$state/docker.sock"
export PATH="$state/root/usr/bin:$state/root/usr/sbin:$state/root/bin:$PATH"

say() { printf 'engine: %s\n' "$*" >&2; }
cannot() { say "$*"; exit 3; }
alive() { [ -s "$state/docker.pid" ] && kill -0 "$(cat "$state/docker.pid")" 2>/dev/null; }

fetch() {
    [ -x "$state/root/usr/sbin/dockerd" ] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || cannot "no Debian packages here to take an engine from"
    mkdir -p "$state/debs" "$state/root"
    say "fetching $packages (65 MB, unpacked below .local)"
    # shellcheck disable=SC2086
    (cd "$state/debs" && { apt-get download -q $packages || { apt-get update -q && apt-get download -q $packages; }; }) \
        >"$state/fetch.log" 2>&1 || cannot "the packages cannot be fetched: $(tail -1 "$state/fetch.log")"
    for deb in "$state"/debs/*.deb; do dpkg-deb -x "$deb" "$state/root"; done
}

up() {
    if alive; then say "already up"; return; fi
    [ "$(uname -s)" = Linux ] || cannot "a container engine of our own needs Linux"
    [ "$(id -u)" = 0 ] || cannot "a container engine of our own needs root"
    fetch
    rm -f "$state/docker.pid"
    # In a session of its own, so that Ctrl-C does not stop it before its containers are removed.
    setsid dockerd --data-root "$state/data" --exec-root "$state/exec" --pidfile "$state/docker.pid" --host "$DOCKER_HOST" \
        --iptables=false --ip-forward=false --ip-masq=false >"$state/dockerd.log" 2>&1 </dev/null &
    tries=0
    until docker version >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 80 ] || { tail -5 "$state/dockerd.log" >&2; down; cannot "the daemon did not start"; }
        sleep 0.25
    done
    say "up"
}

down() {
    alive || return 0
    pid=$(cat "$state/docker.pid")
    # shellcheck disable=SC2046
    set -- $(docker ps -aq 2>/dev/null || true)
    [ $# = 0 ] || docker rm -f "$@" >/dev/null
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 80 ] || { kill -9 "$pid"; break; }
        sleep 0.25
    done
    say "down"
}

image_name() { # VERSION: asks the SAM CLI of this checkout
    "$root/.tools/sam/bin/python" -c '
import sys
from samcli.local.docker.lambda_image import LambdaImage, Runtime
print(LambdaImage._INVOKE_REPO_PREFIX + "/" + Runtime.get_image_name_tag("python" + sys.argv[1], "x86_64"))' "$1"
}

image() { # VERSION
    version=$1
    tag=$(image_name "$version")
    if docker image inspect "$tag" >/dev/null 2>&1; then say "$tag is there"; return; fi
    python=$("$root/tools/find-python" "$version") || cannot "no Python $version to make the image of"
    prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT INT TERM
    say "making $tag of $("$python" -V)"
    for folder in usr/bin usr/lib usr/lib64 usr/sbin etc/ssl/certs etc/pki/tls/certs tmp proc sys dev run opt var/lang/bin \
        var/lang/lib var/runtime var/task var/rapid; do mkdir -p "$tree/$folder"; done
    for folder in bin lib lib64 sbin; do ln -s "usr/$folder" "$tree/$folder"; done
    chmod 1777 "$tree/tmp"

    # The interpreter and its standard library, without tests, windows and packages.
    cp -L "$prefix/bin/python$version" "$tree/var/lang/bin/python$version"
    ln -s "python$version" "$tree/var/lang/bin/python3"
    cp -L "$prefix"/lib/libpython"$version"*.so* "$tree/var/lang/lib/" 2>/dev/null || true
    tar -C "$prefix/lib" --exclude='*/test' --exclude='*/tests' --exclude='*/idlelib' --exclude='*/tkinter' \
        --exclude='*/turtledemo' --exclude='*/ensurepip' --exclude='*/config-*' --exclude='*/site-packages' \
        --exclude='*/dist-packages' --exclude='_tkinter*' --exclude='*.a' -cf - "python$version" | tar -C "$tree/var/lang/lib" -xf -
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$tree/var/runtime" awslambdaric

    # Every library that these need, and the few that compiled wheels expect to find.
    { find "$tree/var" -name '*.so*' -type f; echo "$tree/var/lang/bin/python$version"; } | xargs ldd 2>/dev/null |
        awk '/=> \//{print $3}' | grep -v "^$prefix\|^$tree" | sort -u >"$tree/libraries"
    ldconfig -p | awk '/x86-64/{print $NF}' |
        grep -E '/lib(gcc_s|stdc\+\+|resolv|nss_(files|dns)|pthread|dl|rt|util|m|c)\.so\.[0-9]+$' >>"$tree/libraries"
    while read -r library; do cp -L "$library" "$tree/usr/lib/"; done <"$tree/libraries"
    rm "$tree/libraries"
    cp -L /lib64/ld-linux-x86-64.so.2 "$tree/usr/lib64/"

    # SAM CLI's Dockerfile runs mv, chmod, cp and rm.
    cp -L "$(command -v busybox)" "$tree/usr/bin/busybox"
    for applet in sh mv chmod cp rm ls cat mkdir; do ln -s busybox "$tree/usr/bin/$applet"; done
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
    printf 'root:x:0:\n' >"$tree/etc/group"
    printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"

    cat >"$tree/var/runtime/bootstrap" <<BOOTSTRAP
#!/bin/sh
export AWS_EXECUTION_ENV="\${AWS_EXECUTION_ENV:-AWS_Lambda_python$version}"
exec \${AWS_LAMBDA_EXEC_WRAPPER:+"\$AWS_LAMBDA_EXEC_WRAPPER"} /var/lang/bin/python$version /var/runtime/bootstrap.py
BOOTSTRAP
    cat >"$tree/var/runtime/bootstrap.py" <<'BOOTSTRAP'
# The search order of the managed runtime: the function, the layers, the runtime's own modules.
import os
import site
import sys

task = os.environ.setdefault("LAMBDA_TASK_ROOT", "/var/task")
layers = ["/opt/python/lib/python%d.%d/site-packages" % sys.version_info[:2], "/opt/python"]
sys.path[:] = [task, *layers, *(path for path in sys.path if path != "/var/runtime")]
for path in (task, *layers):
    site.addsitedir(path)
sys.path.append("/var/runtime")
os.chdir(task)
from awslambdaric.__main__ import main  # noqa: E402

main(["bootstrap", os.environ.get("_HANDLER", "")])
BOOTSTRAP
    chmod 755 "$tree/var/runtime/bootstrap"
    tar -C "$tree" --owner=0 --group=0 --numeric-owner -cf - . | docker import \
        --change 'ENV LANG=en_US.UTF-8' --change 'ENV TZ=UTC' \
        --change 'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin' \
        --change 'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib' \
        --change 'ENV LAMBDA_TASK_ROOT=/var/task' --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
        --change 'WORKDIR /var/task' - "$tag" >/dev/null
}

case ${1:-} in
up) up ;;
image) image "${2:-3.13}" ;;
env) printf 'export DOCKER_HOST=%s PATH=%s\n' "$DOCKER_HOST" "$PATH" ;;
down) down ;;
*) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
