#!/bin/sh
# Runs ffmpeg or ffprobe with limits: memory, processor time, size of what it writes, low priority.
set -eu
name=$1
shift
here=$(dirname "$0")
case $name in
  ffmpeg) given=${FFMPEG_PATH:-} ;;
  ffprobe) given=${FFPROBE_PATH:-} ;;
  *) exit 64 ;;
esac
program=$given
[ -n "$program" ] || program=$(command -v "$name" || true)
if [ -z "$program" ]; then
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  program=$here/../../node_modules/@$name-installer/linux-$arch/$name
fi
# A path of npm's may lack its executable bit, where install scripts are blocked.
[ -x "$program" ] || chmod u+x "$program" 2>/dev/null || true
[ -x "$program" ] || { echo "no $name found" >&2; exit 127; }
# Ends with whoever started it: ffmpeg would go on for hours after a kill of its parent.
if command -v setpriv >/dev/null && setpriv --pdeathsig KILL true 2>/dev/null; then
  set -- setpriv --pdeathsig KILL "$program" "$@"
else
  set -- "$program" "$@"
fi
# 6 GiB of memory, two hours of processor time, 8 GiB of output.
if command -v prlimit >/dev/null; then
  exec prlimit --data=6442450944 --cpu=7200 --fsize=8589934592 --core=0 -- nice -n 10 "$@"
fi
exec nice -n 10 "$@"
