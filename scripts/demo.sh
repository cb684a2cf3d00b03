#!/usr/bin/env bash
# The demo on a bare machine: installs what is missing, starts everything, prints the address to open.
# With --once it walks the main job by itself and exits 0.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh
exec "$NODE" scripts/demo.ts "$@"
