#!/usr/bin/env bash
# What `make demo` runs: builds every part, boots it, asks kcheck inside the guest, and takes a container through a
# checkpoint and back. Ends with a table; the guest's own account lies in $OUT/demo.json.
# KERNEL=debian takes the distribution's kernel out of its package instead of building one, with its modules in the image.
# Variables: BIN, OUT, CRIU_VERSION, KERNEL, MAKE.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BIN:=build/release/bin}" "${OUT:=out}" "${CRIU_VERSION:=default}" "${KERNEL:=}" "${MAKE:=make}"

if [ "$KERNEL" = debian ]; then
  # Before the minutes that compiling the tools takes.
  for program in apt-get apt-cache; do
    command -v "$program" > /dev/null && continue
    echo "demo: KERNEL=debian takes the kernel out of Debian's packages, and $program is not here; \`make demo\` builds one from source" >&2
    exit 3
  done
fi

names=() results=() seconds=()
verdict=FAILED
started=$(date +%s.%N)
elapsed() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

# step NAME COMMAND…: runs it with its output shown, and remembers how long it took.
step() {
  local name=$1 begin
  shift
  printf '\n== %s\n' "$name"
  begin=$(date +%s.%N)
  names+=("$name") seconds+=("-") results+=("failed")
  "$@"
  seconds[-1]=$(elapsed "$begin") results[-1]=done
}

table() {
  local i
  printf '\n%-28s %9s  %s\n' "step" "seconds" "result"
  for i in "${!names[@]}"; do printf '%-28s %9s  %s\n' "${names[i]}" "${seconds[i]}" "${results[i]}"; done
  printf '%-28s %9s  %s\n' "total" "$(elapsed "$started")" "$verdict"
}
trap table EXIT

size_of() { du --apparent-size -Lb "$1" | awk '{ printf "%.1f MB", $1 / 1e6 }'; }
in_guest() { "$BIN/guest-run" --kernel "$OUT/vmlinux.container" --image "$OUT/demo.img" --timeout 180 "$@"; }

step "install what is missing" "$MAKE" deps-if-missing
step "build the tools" "$MAKE" tools
step "guest kernel" "$MAKE" guest-kernel
release=$(readlink "$OUT/vmlinux.container" | cut -d- -f2-)
results[-1]="Linux $release, vmlinuz $(size_of "$OUT/vmlinuz.container")"
[ ! -d "$OUT/lib/modules/$release" ] || results[-1]+=", the distribution's"
step "static CRIU" "$MAKE" criu CRIU_VERSION="$CRIU_VERSION"
version=$("$BIN/criu-builder" resolve "$CRIU_VERSION")
results[-1]="CRIU $version, $(size_of "$OUT/criu-$version")"
step "root image" "$MAKE" rootfs RECIPE=demo CRIU_VERSION="$CRIU_VERSION"
results[-1]="demo.img $(size_of "$OUT/demo.img")"
step "kcheck in the guest" in_guest -- kcheck --criu="$version"
results[-1]="ready for CRIU $version"
rm -f "$OUT/demo.json"
step "checkpoint and restore" in_guest --put "$BIN/demo-guest:/run/demo-guest:755" --put "$BIN/demo-workload:/run/demo-workload:755" \
  --get "/run/demo.json:$OUT/demo.json" -- /run/demo-guest --criu /usr/sbin/criu --workload /run/demo-workload \
  --work /run/demo --json /run/demo.json
results[-1]="container restored; account in $OUT/demo.json"
verdict=OK
