#!/usr/bin/env bash
# What `make check-long` runs of the lab: kernels built with one thing off (or on), and the cases that show it, for every
# CRIU version that can be had.
# Variables: BIN, OUT, MAKE, LAB_KERNELS (names of lab/kernels/*.conf; default: all).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BIN:=build/release/bin}" "${OUT:=out}" "${MAKE:=make}" "${LAB_KERNELS:=}"
status=0
for conf in lab/kernels/*.conf; do
  name=$(basename "$conf" .conf)
  [[ -z $LAB_KERNELS || " $LAB_KERNELS " == *" $name "* ]] || continue
  printf '\n== kernel %s: %s\n' "$name" "$(sed -n '1s/^# //p' "$conf")"
  "$BIN/kernel-builder" build 6.12 -o "$OUT/kernels/$name" --fragments "$conf"
  LAB_KERNEL="$OUT/kernels/$name/vmlinux.container" LAB_CASES="$(sed -n 's/^# cases: //p' "$conf")" LAB_CRIU="${LAB_CRIU:-all}" \
    BIN="$BIN" OUT="$OUT" MAKE="$MAKE" lab/run.sh || status=1
done
exit $status
