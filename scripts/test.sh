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

# Two halves side by side, each with a database server of its own: most tests wait for something.
tallies=$(mktemp -d)
half() { PM3K_TALLY=$tallies/$1 "$NODE" node_modules/mocha/bin/mocha.js "${@:2}"; }
half plugins --ignore 'test/*.test.ts' --ignore 'test/!(plugins|storms)/**' >"$tallies/log" 2>&1 &
plugins=$!
trap 'kill $plugins 2>/dev/null; rm -rf "$tallies"' EXIT
half core --ignore 'test/plugins/**' --ignore 'test/storms/**'
wait $plugins
cat "$tallies/log"
# A half that ended without its numbers has failed; so have checks that did not hold.
for name in core plugins; do [ -s "$tallies/$name" ] || echo "0 1 0" >"$tallies/$name"; done
echo "0 $status 0" | cat - "$tallies/core" "$tallies/plugins" | awk '
  { passed += $1; failed += $2; skipped += $3 }
  END {
    printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    exit failed > 0
  }'
