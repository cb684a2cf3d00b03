#!/bin/sh
# Installs the image's Debian packages: ffmpeg, util-linux for unshare and setpriv, certificates.
# Makes /data for the user that the image runs as.
set -eu
apt-get update
apt-get install -y --no-install-recommends ffmpeg util-linux ca-certificates
rm -rf /var/lib/apt/lists/*
mkdir -p /data
chown node:node /data
