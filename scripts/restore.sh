#!/usr/bin/env bash
# Restores a backup while PM3K is stopped; `scripts/restore.sh --help` prints its usage.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/backup/call.sh"
call_script restore.ts "$@"
