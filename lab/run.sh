#!/usr/bin/env bash
# What `make lab` runs: every case of lab/cases.toml in a guest, for the CRIU versions that can be had. Prints the table
# of both answers, and fails when they differ. The answers, one object a line, lie in $OUT/lab-*.jsonl.
# Variables: BIN, OUT, MAKE, LAB_CRIU (versions, or "all"), LAB_CASES (ids; default: all), LAB_KERNEL (default: the guest
# kernel), LAB_ACROSS (not empty: what each version dumped is restored by each; the cases in which nothing is changed).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BIN:=build/release/bin}" "${OUT:=out}" "${MAKE:=make}" "${LAB_CRIU:=3.17.1 3.19 4.1.1 4.2.1 4.3}" "${LAB_CASES:=}" "${LAB_KERNEL:=}" "${LAB_ACROSS:=}"
[ "$LAB_CRIU" != all ] || LAB_CRIU=$(basename -s .toml recipes/criu/*.toml)

[ -n "$LAB_KERNEL" ] || { "$MAKE" guest-kernel; LAB_KERNEL=$OUT/vmlinux.container; }
"$MAKE" rootfs RECIPE=demo
"$BIN/rootfs-builder" build runtimes -o "$OUT/runtimes.img"
puts=() criu=()
for version in $LAB_CRIU; do
  if "$BIN/criu-builder" build "$version" -o "$OUT" > "$OUT/lab-criu.log" 2>&1; then
    puts+=(--put "$OUT/criu-$version:/run/criu-$version:755")
    # A distribution's binary has its libraries beside it.
    for file in "$OUT/criu-$version.d"/*; do
      [ ! -f "$file" ] || puts+=(--put "$file:/run/criu-$version.d/${file##*/}:755")
    done
    criu+=(--criu "$version=/run/criu-$version")
  elif grep -q 'no source could be had' "$OUT/lab-criu.log"; then
    echo "CRIU $version left out: its source is neither in the cache nor to be had here"
  else
    cat "$OUT/lab-criu.log" >&2
    exit 3
  fi
done
[ ${#criu[@]} -gt 0 ] || { echo "lab: no CRIU could be built" >&2; exit 3; }

started=$(date +%s)
# One guest a processor, each with its share of the cases.
ids=${LAB_CASES:-$(sed -n 's/^id = "\(.*\)"/\1/p' lab/cases.toml)}
across=()
if [ -n "$LAB_ACROSS" ]; then
  across=(--across)
  ids=${LAB_CASES:-$(awk -F'"' '/^id = / { id = $2 } /^change = \["nothing"\]/ { print id }' lab/cases.toml)}
fi
guests=$(nproc)
answers=() pids=()
for ((guest = 0; guest < guests; guest++)); do
  share=$(tr ' ' '\n' <<< "$ids" | awk -v n="$guests" -v k="$guest" 'NF && count++ % n == k')
  [ -n "$share" ] || continue
  answers+=("$OUT/lab-$guest.jsonl")
  # shellcheck disable=SC2086  # a list of ids
  "$BIN/guest-run" --kernel "$LAB_KERNEL" --image "$OUT/demo.img" --disk "$OUT/runtimes.img:ro" --timeout 3600 --cpus 1 \
    --put "$BIN/lab-guest:/run/lab-guest:755" --put "$BIN/kcheck:/run/kcheck:755" --put lab/cases.toml:/run/cases.toml "${puts[@]}" \
    -- /run/lab-guest run --cases /run/cases.toml --kcheck /run/kcheck "${criu[@]}" "${across[@]}" $share > "$OUT/lab-$guest.jsonl" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
printf 'ok: dumped, restored, counts on; S: CRIU does not start; D: the dump is refused; H: it hangs; R: the restore fails\n'
printf 'A→B: without options, and with those that kcheck proposes; *: kcheck said otherwise; -: not on this kernel\n\n'
status=0
"$BIN/lab-guest" table --cases lab/cases.toml "${answers[@]}" || status=$?
echo "the lab took $(($(date +%s) - started)) s"
exit $status
