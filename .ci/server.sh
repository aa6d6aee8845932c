#!/usr/bin/env bash
# Builds the server with the site inside and every backend, and starts it. `make server` builds the site before.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"
own_target
[ -x "$TARGET/release/rollout-lab" ] || say "Building the server for the first time (about 12 minutes on 2 cores)"
cargo build --locked --release --bin rollout-lab --features embed-site,sagemaker
exec "$TARGET/release/rollout-lab" serve "$@"
