#!/usr/bin/env bash
# Every check of the project, cheap ones first. A failing step does not hide those after it.
# The last line adds up what the runners counted; a failed step that counts nothing (format, lints, build) is one failure.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"

LOG="$(mktemp)"
trap 'rm -f "$LOG"' EXIT
TIMES=()
BROKEN=0
# A count of failures explains a runner's exit status only where it printed one.
step() { # step NAME COMMAND...
    local name="$1" began=$SECONDS before after status mark=ok
    shift
    say "$name"
    before="$(counted failed)"
    "$@" 2>&1 | tee -a "$LOG"
    status="${PIPESTATUS[0]}"
    after="$(counted failed)"
    if [ "$status" != 0 ]; then
        mark=FAILED
        if [ "$before" = "$after" ]; then BROKEN=$((BROKEN + 1)); fi
    fi
    TIMES+=("$(printf '%-44s %5ss  %s' "$name" "$((SECONDS - began))" "$mark")")
    return "$status"
}

# Adds up cargo's ("test result: …") and node's ("# pass 3" or "ℹ pass 3") own counts.
counted() { # counted passed|failed|skipped
    sed 's/\x1b\[[0-9;]*m//g' "$LOG" | awk -v want="$1" '
        /^test result: / {
            for (i = 1; i < NF; i++) {
                if ($(i + 1) ~ /^passed;/) passed += $i
                if ($(i + 1) ~ /^failed;/) failed += $i
                if ($(i + 1) ~ /^ignored;/) skipped += $i
            }
        }
        /^(#|ℹ) pass [0-9]+$/ { passed += $3 }
        /^(#|ℹ) (fail|cancelled) [0-9]+$/ { failed += $3 }
        /^(#|ℹ) (skipped|todo) [0-9]+$/ { skipped += $3 }
        END { print (want == "passed" ? passed : want == "failed" ? failed : skipped) + 0 }'
}

wasm_clippy() { # wasm_clippy MODULE
    cargo clippy --locked --target wasm32-unknown-unknown --no-default-features --features "$1" --lib --bin "$1" -- -D warnings
}
# The core alone, without tract: in Node, it must say on wasm32 what it says natively.
wasm_tests() {
    cargo test --locked --target wasm32-unknown-unknown --no-default-features --test wasm
}
browser_tests() {
    node --test --test-reporter=spec --test-concurrency=1 tests/browser/*.test.mjs
}

"$ROOT/.ci/setup.sh" test || exit 1
. "$ROOT/.ci/env.sh"
own_target

step "Format" cargo fmt --check
step "Lints: native" cargo clippy --locked --all-targets --features plot -- -D warnings
step "Lints: the page (wasm32)" wasm_clippy page
step "Lints: the worker (wasm32)" wasm_clippy worker
step "Tests: native" cargo test --locked --features plot
[ -f tests/wasm.rs ] && step "Tests: wasm32 in Node" wasm_tests
if step "Release site" .ci/build.sh; then
    step "Tests: browser, on the release site" browser_tests
else
    say "The browser tests are left out: there is no site to test"
fi

say "Time taken"
printf '    %s\n' "${TIMES[@]}"
failed=$(($(counted failed) + BROKEN))
skipped="$(counted skipped)"
printf '\n%s passed, %s failed' "$(counted passed)" "$failed"
if [ "$skipped" != 0 ]; then printf ', %s skipped' "$skipped"; fi
printf '\n'
[ "$failed" = 0 ]
