#!/usr/bin/env bash
# Builds the release site into dist/, unless dist/ is newer than every source.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"
STAMP=dist/.release-build

sources=()
for source in src style public index.html Trunk.toml Cargo.toml Cargo.lock .cargo .ci/finish.py .ci/link.rs; do
    [ -e "$source" ] && sources+=("$source")
done
if [ -f "$STAMP" ] && [ -z "$(find "${sources[@]}" -newer "$STAMP" -print -quit)" ]; then
    note "dist/ is newer than every source: nothing to build."
    exit 0
fi

"$ROOT/.ci/setup.sh" site
. "$ROOT/.ci/env.sh"
own_target
began="$(mktemp)"
trap 'rm -f "$began"' EXIT

# Trunk would start both at once, and two compilations of this size do not share two cores well.
# Profile, features and target as in index.html: Trunk then finds both done.
for module in page worker; do
    if [ -d "$TARGET/wasm32-unknown-unknown/$module-release/deps" ]; then
        say "Building the $module module"
    elif [ "$module" = page ]; then
        say "Building the page module for the first time (about 4 minutes on 2 cores)"
    else
        say "Building the worker module for the first time: it holds the inference engine (about 6 minutes on 2 cores)"
    fi
    cargo build --locked --target wasm32-unknown-unknown --profile "$module-release" --bin "$module" \
        --no-default-features --features "$module"
done
say "Bundling dist/ (under a minute)"
trunk build --release
cp -p "$began" "$STAMP"
