#!/usr/bin/env bash
# Every bench, one table: the engine natively and in the browser, page weight and start, inference beside onnxruntime-web.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"
"$ROOT/.ci/setup.sh" bench
. "$ROOT/.ci/env.sh"
"$ROOT/.ci/build.sh"
own_target

benches() {
    if grep -q '^\[\[bench\]\]' Cargo.toml; then
        say "Native benches, without tract (about 2 minutes the first time)"
        cargo bench --locked --no-default-features --bench '*'
    fi
    say "Server: a shadow's failures, and changes under load"
    ISOLATION_REQUESTS="${ISOLATION_REQUESTS:-200000}" cargo test --locked --release --test server_isolation -- --nocapture --test-threads=1
    if command -v nginx >/dev/null && command -v wrk >/dev/null; then
        say "Server: beside nginx, and Envoy where it is installed"
        cargo build --locked --release --bin rollout-lab
        python3 tests/python/routers.py "$TARGET/release/rollout-lab" --rounds 5
    else
        note "The server is not compared: nginx and wrk are not installed."
    fi
    for bench in tests/browser/*.bench.mjs; do
        say "$(basename "$bench" .bench.mjs)"
        node "$bench"
    done
}
benches 2>&1 | python3 .ci/table.py
