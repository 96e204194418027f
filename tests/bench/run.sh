#!/usr/bin/env bash
# What `make bench` runs: each figure against its limit, or against a peer measured in the same run. Medians.
# Variables: BIN, PROGRAMS (what `make` builds), OUT, MAKE, RUNS (default 5), BENCH_ONLY (a word of the section's name).
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${BIN:=build/release/bin}" "${PROGRAMS:=kcheck kernel-builder criu-builder rootfs-builder guest-run guest-checkpoint demo-guest demo-workload}" "${OUT:=out}" "${MAKE:=make}" "${RUNS:=5}" "${BENCH_ONLY:=}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# seconds COMMAND…: wall time of one run; its output goes to $work/last
seconds() {
  local begin
  begin=$(date +%s.%N)
  "$@" > "$work/last" 2>&1 || { cat "$work/last" >&2; return 1; }
  awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f\n", b - a }'
}
repeat() { local i; for ((i = 0; i < RUNS; i++)); do seconds "$@"; done | median; }
# row WHAT FIGURE UNIT LIMIT NOTE
row() {
  local verdict
  [ -n "$2" ] || { echo "bench: $1: nothing was measured" >&2; exit 1; }
  verdict=$(awk -v f="$2" -v l="$4" 'BEGIN { print (f <= l) ? "met" : "MISSED" }')
  printf '%-46s %9s %-4s limit %-6s %-7s %s\n' "$1" "$2" "$3" "$4" "$verdict" "${5:-}"
}
# peak_kib COMMAND…: peak memory of one run, whose answer may be no
peak_kib() { /usr/bin/env python3 -c 'import resource,subprocess,sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
if status > 1: sys.exit("bench: %s: status %d" % (sys.argv[1], status))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"; }
wanted() { [ -z "$BENCH_ONLY" ] || [[ $1 == *$BENCH_ONLY* ]]; }
megabytes() { stat -Lc %s "$1" | awk '{ printf "%.2f", $1 / 1e6 }'; }
in_guest() { "$BIN/guest-run" --kernel "$OUT/vmlinux.container" --image "$OUT/demo.img" "$@"; }

"$MAKE" guest-kernel > "$work/last" 2>&1 || { cat "$work/last"; exit 1; }
"$MAKE" rootfs RECIPE=demo > "$work/last" 2>&1 || { cat "$work/last"; exit 1; }
version=$("$BIN/criu-builder" resolve default)
echo "medians of $RUNS runs; $(nproc) cores"

if wanted size; then
  row "vmlinuz" "$(megabytes "$OUT/vmlinuz.container")" MB 8
  row "kcheck, static" "$(megabytes "$BIN/kcheck")" MB 6
  row "demo image" "$(megabytes "$OUT/demo.img")" MB 64
fi

if wanted compile; then
  # What a first `make` costs, and the tests' programs on top: from nothing, without a compiler cache. The processor's
  # seconds say the same on a machine that is busy with other things.
  compiled() {  # TARGET…: wall seconds, and those of the processor
    local TIMEFORMAT='%R %U %S'
    { time CCACHE_DISABLE=1 ninja -C "$work/build" "$@" > "$work/last" 2>&1; } 2>&1 | awk '{ printf "%.0f %.0f\n", $1, $2 + $3 }'
  }
  CCACHE_DISABLE=1 cmake -S . -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release > "$work/last" 2>&1
  read -r tools tools_cpu < <(compiled $PROGRAMS)
  read -r rest rest_cpu < <(compiled all)
  [ -x "$work/build/bin/kcheck" ] && [ -x "$work/build/bin/unit_kcheck" ] || { cat "$work/last" >&2; exit 1; }
  row "compiling the tools" "$tools" s 180 "$tools_cpu s of the processor"
  row "compiling all programs, with the tests'" "$((tools + rest))" s 420 "$((tools_cpu + rest_cpu)) s of the processor"
  rm -rf "$work/build"
fi

if wanted boot; then
  row "boot to the guest's command (TCG), demo image" "$(repeat in_guest --accel tcg -- true)" s 4 "whole guest-run, with power off"
fi

if wanted image; then
  build() {
    "$BIN/rootfs-builder" build demo -o "$work/demo.img" --set criu="$OUT/criu-$version" --set kcheck="$BIN/kcheck"
  }
  build > "$work/last" 2>&1
  ours=$(repeat build)
  row "demo image written" "$ours" s 0.3
fi

if wanted images; then
  # shellcheck source=tests/bench/images.sh
  . tests/bench/images.sh
  image_bench
fi

if wanted kcheck; then
  in_guest --accel tcg --get /run/times:"$work/times" -- sh -c \
    "kcheck --criu=$version > /dev/null; for i in \$(seq $RUNS); do kcheck --criu=$version --format json; done > /run/times" || true
  sed -n 's/.*start-up in \([0-9.]*\) ms.*/\1/p' "$work/times" > "$work/milliseconds"
  [ -s "$work/milliseconds" ] || { echo "bench: kcheck reported no times" >&2; exit 1; }
  row "kcheck --criu, start-up probes in the guest (TCG)" "$(median < "$work/milliseconds")" ms 150
  sed -n 's/.*in all in \([0-9.]*\) ms.*/\1/p' "$work/times" > "$work/milliseconds"
  row "kcheck --criu, all probes" "$(median < "$work/milliseconds")" ms 1000
fi

if wanted tree; then
  # kcheck looks at everything; the tree, a process of its own each, at nothing.
  cat > "$work/tree.sh" <<'END'
/run/lab-guest forest 500 40 > /run/ready & root=$!
until [ "$(wc -l < /run/ready)" = 500 ]; do sleep 0.2; done
for i in $(seq $RUNS); do
  begin=$(cut -d' ' -f1 /proc/uptime); kcheck tree $root --criu 4.2.1 > /run/report || exit 1
  echo "$begin $(cut -d' ' -f1 /proc/uptime)"
done
grep -o '[0-9]* processes.*open files' /run/report >&2
END
  in_guest --accel tcg --put "$BIN/lab-guest:/run/lab-guest:755" --put "$work/tree.sh:/run/tree.sh" --env RUNS="$RUNS" -- sh /run/tree.sh \
    2> "$work/tree" | awk '{ print $2 - $1 }' > "$work/times" || { cat "$work/tree" >&2; exit 1; }
  row "kcheck tree in the guest (TCG)" "$(median < "$work/times")" s 1 "$(tail -n 1 "$work/tree")"
  # Here, without an emulator: 100 tasks with 300 files each, kcheck alone.
  setsid "$BIN/lab-guest" forest 100 300 > "$work/ready" & forest=$!
  until [ "$(wc -l < "$work/ready")" = 100 ]; do sleep 0.2; done
  look() { "$BIN/kcheck" tree $forest --criu 4.2.1 || [ $? = 1 ]; }
  ours=$(repeat look)
  row "kcheck tree here, for each open file" "$(awk -v s="$ours" 'BEGIN { printf "%.1f", s * 1e6 / 30000 }')" us 10 \
    "$(grep -o '[0-9]* processes.*open files' "$work/last"), $ours s"
  row "kcheck tree here, memory for each open file" "$(peak_kib "$BIN/kcheck" tree $forest --criu 4.2.1 | awk '{ printf "%.0f", $1 * 1024 / 30000 }')" B 1024
  kill -- -$forest
  # Rounds of a process that maps memory all the time: alone, while kcheck looks at another process without a pause, and
  # while it looks at this one, by turns. What the second loses to the first is the price of a busy neighbour on this
  # machine (shared caches, clock, memory), whatever the neighbour does; what the third loses to the second is kcheck's.
  sleep 600 & other=$!
  looked_at() {
    "$BIN/lab-guest" busy 2 >> "$work/$1" & busy=$!
    while kill -0 $busy 2> /dev/null; do "$BIN/kcheck" tree "$([ "$1" = other ] && echo $other || echo $busy)" --criu 4.2.1 > /dev/null 2>&1 || true; done
  }
  for ((i = 0; i < RUNS; i++)); do
    "$BIN/lab-guest" busy 2 >> "$work/alone"
    looked_at other
    looked_at itself
  done
  kill $other
  lost() { awk -v a="$(median < "$work/$1")" -v w="$(median < "$work/$2")" 'BEGIN { d = (a - w) / a * 100; printf "%.2f", d < 0 ? 0 : d }'; }
  row "rounds a busy process loses under kcheck tree" "$(lost other itself)" % 1 "$(lost alone other) % more to a busy neighbour"
fi

if wanted checkpoint; then
  # shellcheck source=tests/bench/checkpoint.sh
  . tests/bench/checkpoint.sh
fi

if wanted kconfig; then
  # shellcheck source=tests/bench/kconfig.sh
  . tests/bench/kconfig.sh
fi

if wanted criu; then
  # The same tree, both without ccache: criu-builder's whole run against a plain make of the same target.
  export CCACHE_DISABLE=1
  source=$("$BIN/criu-builder" fetch "$version" 2>/dev/null | awk '{ print $NF }')
  plain() {
    rm -rf "$work/plain" && mkdir "$work/plain" && tar -C "$work/plain" --strip-components=1 -xf "$source" &&
      make -C "$work/plain" -j"$(nproc)" criu NO_GNUTLS=1
  }
  ours() { "$BIN/criu-builder" --cache "$work/cache-$RANDOM$RANDOM" build "$version" -o "$work" --source "$source"; }
  RUNS=${CRIU_RUNS:-3}
  peer=$(repeat plain)
  mine=$(repeat ours)
  row "static CRIU $version, ratio to plain make" "$(awk -v a="$mine" -v b="$peer" 'BEGIN { printf "%.2f", a / b }')" x 1.15 "$mine s against $peer s"
fi
