# The configuration side of kcheck, sourced by run.sh. Whole processes: each figure is the mean of a batch, and of
# several batches the median, because one run is too short for date.

# per_run MANY COMMAND...: milliseconds of one run; an exit status of 1 is an answer
per_run() {
  local many=$1 begin i
  shift
  begin=$(date +%s%N)
  for ((i = 0; i < many; i++)); do "$@" > "$work/last" 2>&1 || [ $? = 1 ] || { cat "$work/last" >&2; return 1; }; done
  awk -v a="$begin" -v b="$(date +%s%N)" -v n="$many" 'BEGIN { printf "%.2f\n", (b - a) / 1e6 / n }'
}
batches() { local i; for ((i = 0; i < RUNS; i++)); do per_run "$@"; done | median; }

# A configuration of 300 kB: the guest's own, and as many lines more as a distribution's has.
config=$work/config-300k
tree=$(ls -d "${CRIU_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/criu-guest}"/kernel/*/ | head -1)
cp "$(ls "$OUT"/config-*-* | head -1)" "$config"
for ((i = 0; $(stat -c %s "$config") < 300000; i += 200)); do
  for ((j = i; j < i + 200; j++)); do echo "# CONFIG_DRIVER_OF_A_DISTRIBUTION_$j is not set"; done >> "$config"
done
quick=$(batches 20 "$BIN/kcheck" config "$config")
row "kcheck config, 300 kB" "$quick" ms 5
# kernel-hardening-checker is in no archive here: its 144 ms were measured on this kind of machine.
row "kcheck config, ratio to kernel-hardening-checker" "$(awk -v a="$quick" 'BEGIN { printf "%.3f", a / 144 }')" x 0.05 "144 ms, an earlier measurement"
row "kcheck config on the bzImage" "$(batches 3 "$BIN/kcheck" config "$OUT/vmlinuz.container")" ms 100
why=$(batches 5 "$BIN/kcheck" why MEMBARRIER --config "$config" --tree "$tree")
row "kcheck why, the whole tree" "$why" ms 100
if /usr/bin/python3 -c 'import kconfiglib' 2> /dev/null; then
  kconfiglib() {
    (cd "$tree" && ARCH=x86 SRCARCH=x86 srctree=. CC=gcc LD=ld KERNELVERSION=6.12 CC_VERSION_TEXT=gcc RUSTC=rustc \
      /usr/bin/python3 "$OLDPWD/tests/kconfig/kconfiglib_view.py" --no-shell "$config")
  }
  peer=$(batches 1 kconfiglib)
  row "kcheck why, ratio to kconfiglib without shells" "$(awk -v a="$why" -v b="$peer" 'BEGIN { printf "%.3f", a / b }')" x 0.067 "$why ms against $peer ms"
else
  echo "kcheck why against kconfiglib: python3-kconfiglib is not installed"
fi
