# shellcheck shell=bash
# Runs a script in the project's folder, as `npm start` does. backup.sh and restore.sh source this
# and set `root` to that folder.

# Relative paths start from the caller's folder.
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
