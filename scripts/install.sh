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

# An npm package holds the Node that the product runs on. On platforms without that package the
# machine's own Node is used, which must be 22.18 or newer.
NODE=node_modules/.bin/node
if ! [ -x "$NODE" ] || ! "$NODE" --version >/dev/null 2>&1; then
  NODE=$(command -v node)
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
