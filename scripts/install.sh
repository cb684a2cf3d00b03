# shellcheck shell=bash
# Installs what demo.sh and test.sh need, with or without root. They source it in the project's
# folder.

# Install packages if the lock file is newer than what is installed.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed: https://nodejs.org" >&2; exit 1; }
  echo "Installing packages…" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
fi

# On Linux (x64, arm64) npm installs the Node that PM3K runs on. Elsewhere the machine's own is used.
NODE=node_modules/.bin/node
if ! [ -x "$NODE" ] || ! "$NODE" --version >/dev/null 2>&1; then
  NODE=$(command -v node)
fi
# Older versions lack `await using`, or leave `import.meta.main` false in TypeScript files.
if ! "$NODE" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 24 || (a == 24 && b >= 3) ? 0 : 1)'; then
  echo "PM3K runs on Node.js 24.3 or newer; $NODE is $("$NODE" --version)." >&2
  exit 1
fi

# Installs a Debian package; fails where that is not possible.
install_package() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "Installing $1…" >&2
  { apt-get install -y --no-install-recommends "$1" || { apt-get update && apt-get install -y --no-install-recommends "$1"; }; } >/tmp/pm3k-apt.log 2>&1
}

if ! command -v ffmpeg >/dev/null || ! command -v ffprobe >/dev/null; then
  if ! install_package ffmpeg; then
    # npm's builds are older, and lack their executable bit where install scripts are blocked.
    case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
    for name in ffmpeg ffprobe; do
      chmod u+x "node_modules/@$name-installer/linux-$arch/$name"
      PATH=$PWD/node_modules/@$name-installer/linux-$arch:$PATH
    done
    export PATH
    echo "Using the ffmpeg that npm ships." >&2
  fi
fi
