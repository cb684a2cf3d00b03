# shellcheck shell=bash
# Sourced by backup.sh and restore.sh: runs a script from the project's folder, as `npm start` is.
# Expects the project's root in `root`.

# Paths are meant from where the caller stands.
call_script() {
  local script=$1 node=$root/node_modules/.bin/node arg
  local -a args=()
  shift
  for arg in "$@"; do
    case $arg in -* | /*) args+=("$arg") ;; *) args+=("$PWD/$arg") ;; esac
  done
  "$node" --version >/dev/null 2>&1 || node=$(command -v node)
  cd "$root"
  exec "$node" "scripts/backup/$script" ${args[@]+"${args[@]}"}
}
