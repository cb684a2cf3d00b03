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
PM3K_CHECKS=$status "$NODE" node_modules/mocha/bin/mocha.js
