#!/usr/bin/env bash
# Makes an encrypted backup of database and media; `scripts/backup.sh --help` prints its usage.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/backup/call.sh"
call_script main.ts "$@"
