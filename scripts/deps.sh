#!/bin/sh
# deps.sh [tools|package|release|site] [check]: installs what is missing of packages.txt and, but for `tools`, of
# packages-tests.txt, packages-release.txt and packages-site.txt; with `package`, `release` or `site` of
# packages-package.txt, packages-release.txt or packages-site.txt alone. Without root and sudo it prints the command that
# does, and exits 3. With
# `check` it installs nothing: exit status 0 when nothing is missing. Where there is no apt it looks for the things
# themselves (packages-elsewhere.txt), and says what they are called where this is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scope=all
case ${1:-} in tools | package | release | site)
  scope=$1
  shift
  ;;
esac
mode=${1:-}

# Is it there? By the third column of packages-elsewhere.txt.
is_there() {
  case $1 in
    cmd:*) PATH="$PATH:/usr/sbin:/sbin" command -v "${1#cmd:}" > /dev/null 2>&1 ;;
    pc:*) pkg-config --exists "${1#pc:}" 2> /dev/null ;;
    h:*) printf '#include <%s>\n' "${1#h:}" | ${CXX:-g++} -E -x c++ - > /dev/null 2>&1 ;;
    *) true ;;
  esac
}

# elsewhere FILE: what is missing, and the command that installs it by this distribution's own names.
elsewhere() {
  system=$(sed -n 's/^ID_LIKE=//p; s/^ID=//p' "${DEPS_OS_RELEASE:-/etc/os-release}" 2> /dev/null | tr -d '"' | tr '\n' ' ')
  needed='' wanted='' fedora='' arch='' alpine=''
  while read -r name for seen on_fedora on_arch on_alpine; do
    case $name in '' | '#'*) continue ;; esac
    [ $scope = all ] || [ "$for" = tools ] || continue
    ! is_there "$seen" || continue
    wanted="$wanted $name(${seen#*:})"
    [ "$for" != tools ] || needed="$needed $name"
    [ "$on_fedora" = - ] || fedora="$fedora $on_fedora"
    [ "$on_arch" = - ] || arch="$arch $on_arch"
    [ "$on_alpine" = - ] || alpine="$alpine $on_alpine"
  done < "$1"
  if [ -z "$wanted" ]; then
    [ "$mode" = check ] || echo "deps: nothing is missing"
    return 0
  fi
  if [ "$mode" = check ]; then
    [ -n "$needed" ] || return 0
    return 1
  fi
  {
    echo "deps: there is no apt-get here, and these are missing, by Debian's names (and what was looked for):$wanted"
    case " $system" in
      *" fedora "* | *" rhel "* | *" centos "*) echo "deps: have root run: dnf install$fedora" ;;
      *" arch "*) echo "deps: have root run: pacman -S --needed$arch" ;;
      *" alpine "*) echo "deps: have root run: apk add$alpine" ;;
      *) printf 'deps: they are called\n  Fedora: %s\n  Arch:   %s\n  Alpine: %s\n' "${fedora# }" "${arch# }" "${alpine# }" ;;
    esac
    [ -n "$needed" ] || echo "deps: the tools are built without them"
  } >&2
  [ -n "$needed" ] || return 0
  return 3
}

if [ $scope = package ] && ! command -v apt-get > /dev/null 2>&1; then
  echo "deps: a Debian package is made on Debian; there is no apt-get here" >&2
  exit 3
fi
# release.sh and site/build.sh themselves say what they miss, by the programs' names.
if { [ $scope = release ] || [ $scope = site ]; } && ! command -v apt-get > /dev/null 2>&1; then
  exit 0
fi
if ! command -v dpkg-query > /dev/null 2>&1 || ! command -v apt-get > /dev/null 2>&1; then
  status=0
  elsewhere "$here/packages-elsewhere.txt" || status=$?
  exit $status
fi

case $scope in
  tools) set -- "$here/packages.txt" ;;
  package) set -- "$here/packages-package.txt" ;;
  release) set -- "$here/packages-release.txt" ;;
  site) set -- "$here/packages-site.txt" ;;
  *) set -- "$here/packages.txt" "$here/packages-tests.txt" "$here/packages-release.txt" "$here/packages-site.txt" ;;
esac
wanted=$(sed 's/#.*//' "$@" | sort -u)
# One query for all: `make` asks at every call. An unknown name is missing too.
# shellcheck disable=SC2086  # a list of names
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2> /dev/null | sed -n 's/ installed$//p' | sort -u)
missing=
for package in $wanted; do
  case "
$installed
" in *"
$package
"*) ;; *) missing="$missing $package" ;; esac
done
if [ -z "$missing" ]; then
  [ "$mode" = check ] || echo "deps: nothing is missing"
  exit 0
fi
[ "$mode" != check ] || exit 1
echo "deps: missing:$missing"
if [ "$(id -u)" = 0 ]; then
  sudo=
elif command -v sudo > /dev/null 2>&1; then
  sudo=sudo
else
  echo "deps: neither root nor sudo here; have someone run: apt-get update && apt-get install -y --no-install-recommends$missing" >&2
  exit 3
fi
# What apt says is shown only where it fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed() {
  echo "deps: $1; the end of what it said:" >&2
  tail -n 12 "$log" | sed 's/^/  /' >&2
  echo "deps: bring these packages here by other means, or a way to the distribution's archive:$missing" >&2
  exit 3
}
"$here/progress.sh" "deps: asking for the lists of packages" "$log" $sudo apt-get update -q || failed "apt-get update failed"
# Without a way to the archive apt-get update warns and ends well: the installation then tells.
# shellcheck disable=SC2086  # a list of names
"$here/progress.sh" "deps: installing" "$log" $sudo env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends $missing || failed "apt-get install failed"
