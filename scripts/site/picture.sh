#!/usr/bin/env bash
# picture.sh LOG PICTURE: draws the end of a `make demo` whose output is in LOG. One that failed is not drawn.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
log=$1 picture=$2
command -v jq > /dev/null || { echo "demo-picture: no jq here; 'scripts/deps.sh site' installs it" >&2; exit 3; }
[ -r "$log" ] || { echo "demo-picture: $log cannot be read" >&2; exit 3; }
grep -q '^total .* OK$' "$log" || { echo "demo-picture: $log is of no demo that ended well" >&2; exit 1; }
trap 'rm -f "$picture.part"' EXIT
jq -Rrnf "$here/picture.jq" "$log" > "$picture.part"
mv "$picture.part" "$picture"
echo "$picture: $(wc -l < "$picture") lines, $(stat -c %s "$picture") bytes"
