#!/usr/bin/env bash
# Puts a backup back while PM3K is stopped; `scripts/restore.sh --help` says how.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/backup/call.sh"
call_script restore.ts "$@"
