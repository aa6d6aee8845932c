#!/usr/bin/env bash
# Trains the models anew, in a virtual environment of their own. Nobody needs this to build or run the lab.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$ROOT"
if [ $# = 0 ]; then
    sed -n '/^## Run/,$p' training/README.md
    die "make models needs review files: make models ARGS='--domain clothing=… --out public/models', as above."
fi
VENV="$CACHE/venv-training"
if [ ! -f "$VENV/.done" ] || [ training/requirements.txt -nt "$VENV/.done" ]; then
    say "Installing the training packages (several minutes: torch is large)"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --requirement training/requirements.txt
    touch "$VENV/.done"
fi
say "Training (about an hour on 2 cores)"
exec "$VENV/bin/python" training/main.py "$@"
