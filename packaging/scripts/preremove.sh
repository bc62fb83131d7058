#!/bin/sh
# dpkg: remove, upgrade, deconfigure; rpm: 0 on removal, 1 on upgrade.
set -e

extension=/usr/lib/osquery/extensions/live_audit.ext
list=/etc/osquery/extensions.load

unregister() {
  [ -e "$list" ] || return 0
  if grep -qxF "$extension" "$list"; then
    # Written into the same file, which keeps its owner, mode and links.
    rest=$(mktemp)
    grep -vxF "$extension" "$list" >"$rest" || true
    cat "$rest" >"$list"
    rm -f "$rest"
  fi
  # Ours alone: an empty list is as good as none.
  [ -s "$list" ] || rm -f "$list"
  rmdir /etc/osquery 2>/dev/null || true
}

case "$1" in
  remove | 0)
    unregister
    if [ -d /run/systemd/system ]; then
      systemctl --no-reload disable --now live-audit.service || true
    fi
    # End what goes on capturing in the kernel. While another process collects (osqueryd's), it says so.
    "$extension" collect --release || true
    ;;
esac
