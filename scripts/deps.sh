#!/bin/sh
# deps.sh [tools] [check]: installs what is missing of packages.txt and, but for `tools`, of packages-tests.txt; without
# root and sudo it prints the command that does, and exits 3. With `check` it installs nothing: exit status 0 when nothing
# is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lists="$here/packages.txt $here/packages-tests.txt"
if [ "${1:-}" = tools ]; then
  lists=$here/packages.txt
  shift
fi
# shellcheck disable=SC2086  # a list of files
wanted=$(sed 's/#.*//' $lists | sort -u)
# One query for all: `make` asks at every call. An unknown name is missing too.
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | sed -n 's/ installed$//p' | sort -u)
missing=
for package in $wanted; do
  case "
$installed
" in *"
$package
"*) ;; *) missing="$missing $package" ;; esac
done
if [ -z "$missing" ]; then
  [ "${1:-}" = check ] || echo "deps: nothing is missing"
  exit 0
fi
[ "${1:-}" != check ] || exit 1
echo "deps: missing:$missing"
if [ "$(id -u)" = 0 ]; then
  sudo=
elif command -v sudo >/dev/null 2>&1; then
  sudo=sudo
else
  echo "deps: neither root nor sudo here; have someone run: apt-get update && apt-get install -y --no-install-recommends$missing" >&2
  exit 3
fi
$sudo apt-get update -q
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
