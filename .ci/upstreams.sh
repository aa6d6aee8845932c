#!/usr/bin/env bash
# Real model servers behind variants, in virtual environments of their own; not a part of `make test`: they take 2 GB.
#   upstreams.sh              triton kserve kserve_v1 mlserver moto
#   upstreams.sh NAME...      some of them, or torch; the first serves in production, the second is its shadow
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"
own_target
[ $# -gt 0 ] || set -- triton kserve kserve_v1 mlserver moto

# venv NAME: the environment of that name, with the versions that tests/upstreams/requirements pins.
venv() {
    local at="$CACHE/venv-$1" wanted="tests/upstreams/requirements/$1.txt"
    if [ ! -f "$at/.done" ] || [ "$wanted" -nt "$at/.done" ]; then
        say "Installing $1 (about 1 minute)" >&2
        python3 -m venv "$at"
        "$at/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
        touch "$at/.done"
    fi
    printf '%s\n' "$at/bin"
}

FEATURES=()
COMMANDS=()
for name in "$@"; do
    bin="$(venv "${name%_v1}")"
    case "$name" in
    triton)
        # Its stub asks for libpython by name: another one than this Python's does not fit its library.
        lib="$("$bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')"
        COMMANDS+=("$name=LD_LIBRARY_PATH='$lib' exec '$bin/python' tests/upstreams/on_triton.py")
        ;;
    kserve | kserve_v1) COMMANDS+=("$name=exec '$bin/python' tests/upstreams/on_kserve.py") ;;
    mlserver) COMMANDS+=("$name=MLSERVER_HTTP_PORT=\$PORT exec '$bin/mlserver' start tests/upstreams/on_mlserver") ;;
    torch) COMMANDS+=("$name=exec '$bin/python' tests/gpu/torch_server.py") ;;
    moto)
        COMMANDS+=("$name='$bin/moto_server'")
        FEATURES=(--features sagemaker)
        ;;
    *) die "upstreams.sh knows triton, kserve, kserve_v1, mlserver, torch and moto, not $name" ;;
    esac
done
say "Building the program (with the AWS SDK about 8 minutes the first time on 2 cores)"
cargo build --locked --bin rollout-lab "${FEATURES[@]}"
exec python3 tests/python/upstreams.py "$TARGET/debug/rollout-lab" "${COMMANDS[@]}"
