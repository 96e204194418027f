#!/usr/bin/env bash
# What `make proof` runs: each row in a guest of its own, as many at once as there are processors. What came of a row lies in
# $OUT/proof/rows/, and a row that has an answer there is not asked again, unless it is named.
# Variables: BIN, OUT, MAKE; ROWS (names, or patterns of the shell: "redis/*/6.12/*"), PROOF_CRIU, PROOF_KERNELS; DOCS=1 puts
# the tables into docs/proof.md and README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BIN:=build/release/bin}" "${OUT:=out}" "${MAKE:=make}" "${ROWS:=}" "${PROOF_CRIU:=4.1.1 4.2.1 4.3}" "${PROOF_KERNELS:=6.12}" "${DOCS:=}"
answers=$OUT/proof/rows
mkdir -p "$answers"

declare -A kernel=()
for version in $PROOF_KERNELS; do
  if [ "$version" = "${KERNEL_VERSION:-6.12}" ]; then
    "$MAKE" guest-kernel
    kernel[$version]=$OUT/vmlinux.container
  else
    "$BIN/kernel-builder" build "$version" -o "$OUT/proof/kernel-$version"
    kernel[$version]=$OUT/proof/kernel-$version/vmlinux.container
  fi
done
criu=()
for version in $PROOF_CRIU; do
  if "$BIN/criu-builder" build "$version" -o "$OUT" > "$OUT/proof/criu.log" 2>&1; then
    criu+=("$version")
  elif grep -q 'no source could be had' "$OUT/proof/criu.log"; then
    echo "CRIU $version left out: its source is neither in the cache nor to be had here"
  else
    cat "$OUT/proof/criu.log" >&2
    exit 3
  fi
done
[ ${#criu[@]} -gt 0 ] || { echo "proof: no CRIU could be built" >&2; exit 3; }
"$BIN/rootfs-builder" build proof -o "$OUT/proof.img"

# wanted NAME: is it to be run?
wanted() {
  local pattern
  if [ -n "$ROWS" ]; then
    for pattern in $ROWS; do
      # shellcheck disable=SC2053  # a pattern
      [[ $1 != $pattern ]] || return 0
    done
    return 1
  fi
  [ ! -s "$answers/${1//\//,}.json" ]
}

# one NAME: in a guest of its own.
one() {
  local name=$1 version release place file status=0 puts=() init=none began=$SECONDS
  IFS=/ read -r _ version release place <<< "$name"
  file=$answers/${name//\//,}
  puts=(--put "$OUT/criu-$version:/run/criu/criu-$version:755")
  # A distribution's binary has its libraries beside it.
  for put in "$OUT/criu-$version.d"/*; do
    [ ! -f "$put" ] || puts+=(--put "$put:/run/criu/criu-$version.d/${put##*/}:755")
  done
  [ "$place" != systemd ] || init=auto
  "$BIN/guest-run" --kernel "${kernel[$release]}" --image "$OUT/proof.img" --init $init --timeout 1200 --memory 2048 --cpus 1 \
    --console "$file.console" \
    --put "$BIN/proof-guest:/run/proof-guest:755" --put "$BIN/guest-checkpoint:/usr/bin/guest-checkpoint:755" \
    --put "$BIN/demo-workload:/usr/bin/demo-workload:755" --put proof/workloads.toml:/run/workloads.toml --put proof/client.sh:/run/client.sh \
    "${puts[@]}" -- /run/proof-guest run "$name" --workloads /run/workloads.toml --client /run/client.sh --criu "/run/criu/criu-$version" \
    > "$file.new" 2> "$file.log" || status=$?
  if [ $status = 0 ]; then
    mv "$file.new" "$file.json"
    printf '%-36s %5d s  %s\n' "$name" $((SECONDS - began)) "$(sed -n 's/.*"result":"\([^"]*\)".*/\1/p' "$file.json")"
  else
    printf '%-36s %5d s  no answer, status %d; see %s.log\n' "$name" $((SECONDS - began)) $status "$file"
    return 1
  fi
}

# shellcheck disable=SC2086  # a list of versions
mapfile -t rows < <("$BIN/proof-guest" rows --criu "${criu[@]}" --kernel $PROOF_KERNELS | while read -r name; do
  ! wanted "$name" || echo "$name"
done)
[ -z "$ROWS" ] || [ ${#rows[@]} -gt 0 ] || { echo "proof: no row is called $ROWS; proof-guest rows lists them" >&2; exit 2; }
failures=0 running=0
for name in "${rows[@]}"; do
  if [ $running -ge "$(nproc)" ]; then
    wait -n || failures=$((failures + 1))
    running=$((running - 1))
  fi
  one "$name" &
  running=$((running + 1))
done
while [ $running -gt 0 ]; do
  wait -n || failures=$((failures + 1))
  running=$((running - 1))
done

shopt -s nullglob
all=("$answers"/*.json)
[ ${#all[@]} -gt 0 ] || exit 1
"$BIN/proof-guest" table "${all[@]}" > "$OUT/proof/table.md"
"$BIN/proof-guest" table --short "${all[@]}" > "$OUT/proof/short.md"
cat "$OUT/proof/table.md"
# between FILE TABLE: puts it between the two marks that the page has.
between() {
  awk -v table="$2" '
    /^<!-- proof: / { print; while ((getline line < table) > 0) print line; inside = 1; next }
    /^<!-- end -->/ { inside = 0 }
    !inside' "$1" > "$1.new"
  mv "$1.new" "$1"
}
if [ -n "$DOCS" ]; then
  cat "${all[@]}" > docs/proof.jsonl
  between docs/proof.md "$OUT/proof/table.md"
  between README.md "$OUT/proof/short.md"
fi
[ $failures = 0 ] && ! grep -L -e '"result":"restored"' -e '"result":"refused"' "${all[@]}" | grep -q .
