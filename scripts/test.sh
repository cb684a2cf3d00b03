#!/usr/bin/env bash
# Types, lint and all tests; its last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/install.sh
command -v chromium >/dev/null || install_package chromium || echo "NO CHROMIUM: the browser tests do not run here." >&2

export PATH=$PWD/node_modules/.bin:$PATH
status=0
tsc --noEmit || status=1
biome check . || status=1
bash -n scripts/*.sh plugins/media/*.sh || status=1
[ $status = 0 ] || echo "Types, lint or scripts have faults; see above." >&2

# More files at once than there are cores: most tests wait for something.
tally=$(mktemp)
trap 'rm -f "$tally"' EXIT
mapfile -t files < <("$NODE" test/support/test-files.ts)
PM3K_TALLY=$tally "$NODE" node_modules/mocha/bin/mocha.js --parallel --jobs "${JOBS:-3}" "${files[@]}"
# A run that ended without its numbers has failed; so have checks that did not hold.
[ -s "$tally" ] || echo "0 1 0" >"$tally"
echo "0 $status 0" | cat - "$tally" | awk '
  { passed += $1; failed += $2; skipped += $3 }
  END {
    printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    exit failed > 0
  }'
