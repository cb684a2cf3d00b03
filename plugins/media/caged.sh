#!/bin/sh
# Runs ffmpeg or ffprobe with limits on memory, CPU time and output size, at low priority, offline.
set -eu
name=$1
shift
here=$(dirname "$0")
# memory in kilobytes, processor time in seconds, output in blocks of 512 bytes.
case $name in
  ffmpeg) given=${FFMPEG_PATH:-} memory=6291456 processor=7200 output=16777216 ;;
  ffprobe) given=${FFPROBE_PATH:-} memory=2097152 processor=60 output=0 ;;
  *) exit 64 ;;
esac
program=$given
[ -n "$program" ] || program=$(command -v "$name" || true)
if [ -z "$program" ]; then
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  program=$here/../../node_modules/@$name-installer/linux-$arch/$name
fi
# npm's program lacks its executable bit where install scripts are blocked.
[ -x "$program" ] || chmod u+x "$program" 2>/dev/null || true
[ -x "$program" ] || { echo "no $name found" >&2; exit 127; }
# The program gets none of our environment, which holds secrets.
set -- env -i PATH="$PATH" LC_ALL=C "$program" "$@"
# ffmpeg is killed with its parent; else it would go on for hours after a kill of the worker.
if setpriv --pdeathsig KILL true 2>/dev/null; then
  set -- setpriv --pdeathsig KILL "$@"
fi
# No network, where the system allows that; ffmpeg's protocols are limited to files in any case.
if unshare --net true 2>/dev/null; then
  set -- unshare --net "$@"
elif unshare --map-root-user --net true 2>/dev/null; then
  set -- unshare --map-root-user --net "$@"
fi
ulimit -c 0
ulimit -d $memory
ulimit -t $processor
ulimit -f $output
exec nice -n 10 "$@"
