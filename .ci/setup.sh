#!/usr/bin/env bash
# Installs what is missing, in pinned versions, and nothing twice.
#   setup.sh site      what a release build needs: the wasm32 target, trunk, wasm-bindgen, wasm-split, wasm-opt
#   setup.sh test      the same, and Chromium and the browser tests' node packages
#   setup.sh bench     the same, and the rival engine of the comparison
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
WANTED="${1:-site}"
BIN="$TOOLS/bin"
mkdir -p "$BIN"

has() { command -v "$1" >/dev/null 2>&1; }

# The minimal Rust toolchain: rustup's active one where it is of the pinned release, else the pinned one.
rust() {
    has cargo || die "Rust is missing. Install rustup from https://rustup.rs and run this again."
    local active
    active="$(rustc --version | cut -d' ' -f2)"
    if [ "${active%.*}" != "${RUST_VERSION%.*}" ]; then
        if has rustup && { rustup run "$RUST_VERSION" rustc --version >/dev/null 2>&1 || {
            say "Installing Rust $RUST_VERSION beside Rust $active (about 1 minute)"
            rustup toolchain install "$RUST_VERSION" --profile minimal --component rustfmt --component clippy
        }; }; then
            printf '%s\n' "$RUST_VERSION" >"$TOOLS/toolchain"
            export RUSTUP_TOOLCHAIN="$RUST_VERSION"
        elif [ "$(printf '%s\n%s\n' "$RUST_VERSION" "$active" | sort -V | head -1)" = "$RUST_VERSION" ]; then
            note "Rust $active is newer than the pinned $RUST_VERSION, which could not be installed; going on with it."
        else
            die "Rust $active is too old and $RUST_VERSION could not be installed: rustup toolchain install $RUST_VERSION"
        fi
    fi
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ]; then
        has rustup || die "Rust's wasm32-unknown-unknown target is missing, and there is no rustup to install it with."
        say "Installing Rust's wasm32 target (under a minute)"
        rustup target add wasm32-unknown-unknown
    fi
    if [ "$WANTED" != site ]; then
        for part in clippy rustfmt; do
            cargo "${part/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$part"
        done
    fi
}

version_is() { # version_is PROGRAM WANTED: the program runs and says that version
    [ "$("$1" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)*' | head -1)" = "$2" ]
}

platform() {
    case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo "x86_64-unknown-linux-$1" ;;
    Linux-aarch64 | Linux-arm64) echo "aarch64-unknown-linux-$2" ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    *) return 1 ;;
    esac
}

# prebuilt URL PROGRAM...: unpacks the programs from a release archive. False when it cannot be had, never fatal.
prebuilt() {
    local url="$1" scratch program found
    shift
    has curl && has tar || return 1
    scratch="$(mktemp -d)"
    if curl --silent --fail --location --proto '=https' --connect-timeout 5 --speed-limit 10000 --speed-time 15 \
        --max-time 180 --output "$scratch/archive.tar.gz" "$url" && tar -xzf "$scratch/archive.tar.gz" -C "$scratch"; then
        for program in "$@"; do
            found="$(find "$scratch" -type f -name "$program" | head -1)"
            if [ -z "$found" ]; then
                rm -rf "$scratch"
                return 1
            fi
            install -m 755 "$found" "$BIN/$program"
        done
        rm -rf "$scratch"
        return 0
    fi
    rm -rf "$scratch"
    return 1
}

# from_source CRATE VERSION [--locked]: a quicker compile than the crate's own release profile asks for.
from_source() {
    local crate="$1" version="$2"
    shift 2
    env -u RUSTFLAGS CARGO_TARGET_DIR="$CACHE/build-tools" CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo install --quiet --root "$TOOLS" --force "$crate" --version "=$version" "$@"
}

trunk_tool() {
    version_is trunk "$TRUNK_VERSION" && return
    say "Fetching trunk $TRUNK_VERSION, which bundles the site (seconds)"
    if prebuilt "https://github.com/trunk-rs/trunk/releases/download/v$TRUNK_VERSION/trunk-$(platform gnu gnu).tar.gz" trunk &&
        version_is "$BIN/trunk" "$TRUNK_VERSION"; then return; fi
    say "No prebuilt trunk to be had: compiling it, once (about 10 minutes on 2 cores)"
    rm -f "$BIN/trunk"
    from_source trunk "$TRUNK_VERSION" --locked || from_source trunk "$TRUNK_VERSION"
}

wasm_bindgen_tool() {
    version_is wasm-bindgen "$WASM_BINDGEN_VERSION" && version_is wasm-bindgen-test-runner "$WASM_BINDGEN_VERSION" && return
    local name
    name="wasm-bindgen-$WASM_BINDGEN_VERSION-$(platform musl gnu || true)"
    say "Fetching wasm-bindgen $WASM_BINDGEN_VERSION, which joins wasm to JavaScript (seconds)"
    if prebuilt "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/$WASM_BINDGEN_VERSION/$name.tar.gz" \
        wasm-bindgen wasm-bindgen-test-runner && version_is "$BIN/wasm-bindgen" "$WASM_BINDGEN_VERSION"; then return; fi
    say "No prebuilt wasm-bindgen to be had: compiling it, once (about 3 minutes on 2 cores)"
    rm -f "$BIN/wasm-bindgen" "$BIN/wasm-bindgen-test-runner"
    # Not --locked: its lock file names a crate version that has been withdrawn.
    from_source wasm-bindgen-cli "$WASM_BINDGEN_VERSION"
}

wasm_split_tool() {
    # The program does not tell its version: cargo noted which one it installed.
    has wasm-split-cli && grep -q "\"wasm_split_cli_support $WASM_SPLIT_VERSION " "$TOOLS/.crates2.json" 2>/dev/null && return
    say "Compiling wasm-split-cli $WASM_SPLIT_VERSION, which cuts the page into parts, once (under a minute)"
    from_source wasm_split_cli_support "$WASM_SPLIT_VERSION" --features build-binary
}

node_tool() {
    has node && has npm || die "Node.js >= 20 with npm is missing: see https://nodejs.org"
    [ "$(node --version | grep -oE '[0-9]+' | head -1)" -ge 20 ] || die "Node.js $(node --version) is too old: 20 or newer is needed."
}

wasm_opt_tool() {
    version_is wasm-opt "$BINARYEN_VERSION" && return
    say "Fetching wasm-opt $BINARYEN_VERSION, which shrinks the page's module (seconds)"
    npm install --prefix "$TOOLS/npm" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "binaryen@$BINARYEN_VERSION.0.0"
    printf '#!/bin/sh\nexec node "%s/npm/node_modules/binaryen/bin/wasm-opt" "$@"\n' "$TOOLS" >"$BIN/wasm-opt"
    chmod +x "$BIN/wasm-opt"
    version_is wasm-opt "$BINARYEN_VERSION" || die "wasm-opt does not run from $BIN"
}

chromium_browser() {
    [ -n "$(node "$ROOT/tests/browser/browser.mjs")" ] && return
    if has apt-get; then
        local sudo=()
        if [ "$(id -u)" != 0 ]; then
            has sudo && sudo -n true 2>/dev/null && sudo=(sudo -n) ||
                die "The browser tests need Chromium: sudo apt-get install chromium (or set CHROMIUM=/path/to/it)."
        fi
        say "Installing Chromium for the browser tests (about 1 minute)"
        "${sudo[@]}" apt-get update -qq
        DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
    fi
    [ -n "$(node "$ROOT/tests/browser/browser.mjs")" ] ||
        die "The browser tests need Chromium or Chrome, and none was found: install it, or set CHROMIUM=/path/to/it."
}

# node_packages [--omit=optional]: npm ci, when the lock file or the wish has changed since the last time.
node_packages() {
    local folder="$ROOT/tests/browser" stamp
    stamp="$folder/node_modules/.rollout-lab"
    if [ -f "$stamp" ] && [ ! "$folder/package-lock.json" -nt "$stamp" ] &&
        { [ "$(cat "$stamp")" = "all" ] || [ "$(cat "$stamp")" = "${1:-all}" ]; }; then return; fi
    say "Fetching the browser tests' node packages (seconds)"
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "$@")
    printf '%s\n' "${1:-all}" >"$stamp"
}

rust
node_tool
wasm_bindgen_tool
wasm_split_tool
trunk_tool
wasm_opt_tool
case "$WANTED" in
site) ;;
test)
    node_packages --omit=optional
    chromium_browser
    ;;
bench)
    node_packages
    chromium_browser
    ;;
*) die "setup.sh knows site, test and bench, not $WANTED" ;;
esac
rm -rf "$CACHE/build-tools"
