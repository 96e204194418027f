#!/usr/bin/env bash
# What `make package` runs: a Debian package of the installed tools, recipes, fragments, manual pages and completions in
# $OUT/packages. The same build tree gives the same bytes. lintian, where it is here, must find nothing that
# cmake/debian.cmake does not list.
# Variables: BUILD, OUT, SOURCE_DATE_EPOCH (default: the commit's time).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BUILD:=build/release}" "${OUT:=out}"
for program in cpack dpkg-deb dpkg-shlibdeps file; do
  command -v $program > /dev/null || { echo "package: no $program here; 'scripts/deps.sh package' installs it" >&2; exit 3; }
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}
export SOURCE_DATE_EPOCH
mkdir -p "$OUT"
work=$(mktemp -d "$OUT/.package.XXXXXX")
trap 'rm -rf "$work"' EXIT
work=$(realpath "$work")
umask 022
cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$work/made" > "$work/log" 2>&1 || { s=$?; tail -n 20 "$work/log" >&2; exit $s; }
deb=$(echo "$work"/made/*.deb)
if command -v lintian > /dev/null; then
  found=$(lintian --tag-display-limit 0 --fail-on none --allow-root "$deb" 2> "$work/log") || { cat "$work/log" >&2; exit 3; }
  said=$(grep -E '^[EW]: ' <<< "$found" || true)
  if [ -n "$said" ]; then
    printf 'package: lintian finds what cmake/debian.cmake does not list:\n%s\n' "$said" >&2
    exit 1
  fi
else
  echo "package: lintian is not here and was not asked" >&2
fi
mkdir -p "$OUT/packages"
rm -f "$OUT"/packages/criu-guest_*.deb
mv "$deb" "$OUT/packages/"
deb=$OUT/packages/${deb##*/}
printf '%s  %s bytes\n  Depends: %s\n' "$deb" "$(stat -c %s "$deb")" "$(dpkg-deb -f "$deb" Depends)"
