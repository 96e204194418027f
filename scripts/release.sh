#!/usr/bin/env bash
# What `make release` runs: the committed source and the installed tools as archives, with their SHA-256, in
# $OUT/release. The same commit gives the same source archive, byte for byte; the tools' depends on compiler and
# libraries, too.
# Variables: BUILD, OUT.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BUILD:=build/release}" "${OUT:=out}"

git rev-parse --verify --quiet HEAD > /dev/null || { echo "release: no git checkout; a release is made of a commit" >&2; exit 1; }
if [ -n "$(git status --porcelain)" ]; then
  echo "release: there are changes that no commit holds; commit or stash them first:" >&2
  git status --short >&2
  exit 1
fi
version=$(sed -n 's/^project(criu-guest VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
name=criu-guest-$version
mkdir -p "$OUT"
work=$(mktemp -d "$OUT/.release.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/release"

git archive --format=tar --prefix="$name/" HEAD | gzip -9n > "$work/release/$name.tar.gz"
DESTDIR="$(realpath "$work")/root" cmake --install "$BUILD" --prefix "/$name" --strip > /dev/null
# Owners, times and order are the same whoever makes it, and when.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" --mode=go-w \
  -C "$work/root" -c "$name" | gzip -9n > "$work/release/$name-linux-$(uname -m).tar.gz"
(cd "$work/release" && sha256sum -- *.tar.gz > SHA256SUMS)
chmod 755 "$work/release"

# What is released is what was tried: the tools start from where they were unpacked, and find their recipes.
tar -C "$work" -xf "$work/release/$name-linux-$(uname -m).tar.gz"
"$work/$name/bin/kcheck" --version > /dev/null
"$work/$name/bin/guest-checkpoint" --version > /dev/null
"$work/$name/bin/criu-builder" list > /dev/null
"$work/$name/bin/rootfs-builder" build demo --dry-run --set criu=/bin/true --set kcheck=/bin/true > /dev/null

rm -rf "$OUT/release"
mv "$work/release" "$OUT/release"
cat "$OUT/release/SHA256SUMS"
