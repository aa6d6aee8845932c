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
    for bench in tests/browser/*.bench.mjs; do
        say "$(basename "$bench" .bench.mjs)"
        node "$bench"
    done
}
benches 2>&1 | python3 .ci/table.py
