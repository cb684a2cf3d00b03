#!/bin/sh
# fluent-ffmpeg takes a path, no arguments before its own.
exec "$(dirname "$0")/caged.sh" ffmpeg "$@"
