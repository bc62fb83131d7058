#!/bin/sh
# dpkg: remove, purge, upgrade; rpm: 0 on removal, 1 on upgrade. rpm has no purge: its state stays.
set -e

case "$1" in
  remove | 0)
    [ ! -d /run/systemd/system ] || systemctl daemon-reload || true
    ;;
  purge)
    rm -rf /var/lib/live-audit
    rmdir /etc/live-audit 2>/dev/null || true
    ;;
esac
