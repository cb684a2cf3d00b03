#!/bin/sh
# What the image needs of Debian: ffmpeg, unshare and setpriv (util-linux), certificates; and a /data for the user it runs as.
set -eu
apt-get update
apt-get install -y --no-install-recommends ffmpeg util-linux ca-certificates
rm -rf /var/lib/apt/lists/*
mkdir -p /data
chown node:node /data
