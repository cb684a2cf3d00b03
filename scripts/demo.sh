#!/usr/bin/env bash
# Runs the demo on a bare machine: installs what is missing, starts it, and prints its address.
# With --once it posts one video by itself and exits with 0.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh
exec "$NODE" scripts/demo.ts "$@"
