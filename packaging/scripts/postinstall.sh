#!/bin/sh
# dpkg: configure [OLD-VERSION]; rpm: 1 on install, 2 on upgrade.
set -e

extension=/usr/lib/osquery/extensions/live_audit.ext
list=/etc/osquery/extensions.load

# One line, added once; all others stay as they are.
register() {
  [ -d /etc/osquery ] || install -d -m 0755 /etc/osquery
  [ -e "$list" ] || install -m 0644 /dev/null "$list"
  if ! grep -qxF "$extension" "$list"; then
    # A last line without its newline must not get ours glued to it.
    [ ! -s "$list" ] || [ -z "$(tail -c 1 "$list")" ] || echo >>"$list"
    echo "$extension" >>"$list"
  fi
}

start() {
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload || true
  if [ "$1" = new ]; then
    systemctl enable live-audit.service || true
    systemctl start live-audit.service || true
  else
    systemctl try-restart live-audit.service || true
  fi
}

case "$1" in
  configure)
    register
    if [ -z "$2" ]; then start new; else start old; fi
    ;;
  1)
    register
    start new
    ;;
  2)
    register
    start old
    ;;
esac
