#!/bin/sh
# Builds bash of several versions into build/shells, for test/live/shell-versions.test.ts: upstream's releases
# from 4.4 on, each with its own readline linked in, and one that uses the machine's libreadline.so.
# Not a part of set-up: it takes minutes, gcc, make and, for the last one, libreadline-dev.
# usage: build-shells.sh [GIT_REPOSITORY]
set -eu
cd "$(dirname "$0")/.."
repository=${1:-https://git.savannah.gnu.org/git/bash.git}
into=$PWD/build/shells
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build_bash NAME TAG [CONFIGURE_OPTION...]
build_bash() {
  name=$1 tag=$2
  shift 2
  [ ! -x "$into/$name/bin/bash" ] || return 0
  printf '==> %s from %s\n' "$name" "$tag"
  mkdir -p "$work/$name"
  git -C "$work/bash.git" archive "$tag" | tar -x -C "$work/$name"
  (
    cd "$work/$name"
    # 4.4 and 5.0 are of a time when an undeclared function was no error.
    CFLAGS='-O2 -std=gnu89 -w' ./configure --prefix=/usr --without-bash-malloc --disable-nls "$@"
    make
  ) >"$work/$name.log" 2>&1 || {
    tail -n 20 "$work/$name.log" >&2
    exit 1
  }
  mkdir -p "$into/$name/bin"
  cp "$work/$name/bash" "$into/$name/bin/bash"
}

git clone --quiet --bare "$repository" "$work/bash.git"
build_bash bash-4.4 bash-4.4
build_bash bash-5.0 bash-5.0
build_bash bash-5.1 bash-5.1
build_bash bash-5.2 bash-5.2
build_bash bash-5.3 bash-5.3
build_bash bash-5.2-libreadline bash-5.2 --with-installed-readline
