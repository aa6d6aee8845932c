# Sourced by the other scripts: where tools and build results lie, and the words they speak to the reader with.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/rollout-lab"
TOOLS="$CACHE/tools"
export ROOT CACHE TOOLS

# Pinned: the same versions stand in Cargo.toml (wasm-bindgen) and Trunk.toml (all three).
RUST_VERSION=1.95.0
TRUNK_VERSION=0.21.14
WASM_BINDGEN_VERSION=0.2.130
BINARYEN_VERSION=132
# Cuts the page into parts; it must understand what wasm_split_helpers of Cargo.toml writes.
WASM_SPLIT_VERSION=0.2.4

# A toolchain that setup.sh had to install because the active one is another release.
if [ -z "${RUSTUP_TOOLCHAIN:-}" ] && [ -f "$TOOLS/toolchain" ]; then
    RUSTUP_TOOLCHAIN="$(cat "$TOOLS/toolchain")"
    export RUSTUP_TOOLCHAIN
fi

export PATH="$TOOLS/bin:$PATH"
export TRUNK_SKIP_VERSION_CHECK=true
export CARGO_TERM_PROGRESS_WHEN="${CARGO_TERM_PROGRESS_WHEN:-never}"
# Trunk takes NO_COLOR=1 for a mistake.
if [ -n "${NO_COLOR:-}" ]; then export NO_COLOR=true; fi

# Compiled dependencies outlive a checkout where a cache is kept.
if [ -z "${CARGO_TARGET_DIR:-}" ] && { [ -d "$CACHE/target" ] || [ "${CI:-}" = true ]; }; then
    export CARGO_TARGET_DIR="$CACHE/target"
fi
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
    printf '\nrollout-lab: %s\n' "$*" >&2
    exit 1
}

# Cargo judges a package's own files by date alone and names two checkouts' results alike: with a shared
# target folder it would take another checkout's code for ours. So our own results go when the checkout changes.
own_target() {
    mkdir -p "$TARGET"
    if [ "$(cat "$TARGET/.checkout" 2>/dev/null)" != "$ROOT" ]; then
        rm -rf "$TARGET"/*/.fingerprint/rollout-lab-* "$TARGET"/*/*/.fingerprint/rollout-lab-*
        printf '%s\n' "$ROOT" >"$TARGET/.checkout"
    fi
}
