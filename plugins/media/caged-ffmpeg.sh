#!/bin/sh
# Runs ffmpeg in the cage. fluent-ffmpeg takes a program's path only, without arguments.
exec "$(dirname "$0")/caged.sh" ffmpeg "$@"
