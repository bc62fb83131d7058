#!/bin/sh
# Builds shells of several versions into build/shells, for test/live/shell-versions.test.ts and fish.test.ts:
# upstream's releases of bash from 4.4 on, each with its own readline linked in, and one that uses the machine's
# libreadline.so; and of fish 4, where there is cargo.
# Not a part of set-up: it takes minutes, gcc, make and, for one of them, libreadline-dev.
# usage: build-shells.sh [GIT_REPOSITORY_OF_BASH [GIT_REPOSITORY_OF_FISH]]
set -eu
cd "$(dirname "$0")/.."
repository=${1:-https://git.savannah.gnu.org/git/bash.git}
fish_repository=${2:-https://github.com/fish-shell/fish-shell.git}
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

# build_fish VERSION: stripped, as distributions ship it
build_fish() {
  [ ! -x "$into/fish-$1/bin/fish" ] || return 0
  printf '==> fish-%s\n' "$1"
  mkdir -p "$work/fish-$1" "$into/fish-$1/bin"
  git -C "$work/fish.git" archive "$1" | tar -x -C "$work/fish-$1"
  (
    cd "$work/fish-$1"
    FISH_BUILD_VERSION=$1 PREFIX=/usr cargo build --release --no-default-features --bin fish
  ) >"$work/fish-$1.log" 2>&1 || {
    tail -n 20 "$work/fish-$1.log" >&2
    exit 1
  }
  strip -o "$into/fish-$1/bin/fish" "$work/fish-$1/target/release/fish"
}

if command -v cargo >/dev/null; then
  git clone --quiet --bare "$fish_repository" "$work/fish.git"
  build_fish 4.0.2
  build_fish 4.3.3
fi
