#!/usr/bin/env bash
# run.sh SECONDS [TARGET…]: compiles the fuzzers with clang, in a build tree of their own, and runs each one for
# SECONDS, two at a time. What they learn is kept in build/fuzz/corpus and used the next time; an input that
# breaks one is kept in build/fuzz/broken and fails the run. Without clang it says so and ends with 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
shift || true
build=build/fuzz
if ! command -v clang++-19 > /dev/null; then
  echo "fuzzers skipped: no clang++-19 here (scripts/packages.txt names the packages)"
  exit 0
fi

started=$(date +%s)
cmake --preset fuzz > /dev/null
ninja -C $build --quiet fuzzers | { grep -v -e '^ninja: ' -e '^-- ' || true; }
echo "fuzzers compiled in $(($(date +%s) - started)) s"

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for corpus in tests/fuzz/*/corpus; do targets+=("$(basename "$(dirname "$corpus")")"); done
fi

run_one() {
  local name=$1 learned=$build/corpus/$1 broken=$build/broken/$1 log=$build/$1.log
  mkdir -p "$learned" "$broken"
  local dictionary=tests/fuzz/$name/dictionary
  # What toml++ held when an assertion of its own ended it is not given back (lib/base/toml/toml_parser.cpp).
  if ASAN_OPTIONS=detect_leaks=0 $build/bin/"${name}"_fuzz "$learned" "tests/fuzz/$name/corpus" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="$broken/" -print_final_stats=1 -verbosity=1 \
    $([ ! -f "$dictionary" ] || echo "-dict=$dictionary") > "$log" 2>&1; then
    printf 'ok      %-22s %9d inputs, %d kept\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$(ls "$learned" | wc -l)"
  else
    printf 'BROKEN  %s: see %s; the input:\n' "$name" "$log"
    ls -t "$broken"/* | head -1
    grep -m 1 -E '^(fuzz:|SUMMARY:|.*runtime error:)' "$log" || true
    return 1
  fi
}
export -f run_one
export build seconds
printf '%s\n' "${targets[@]}" | xargs -P 2 -I '{}' bash -c 'run_one {}'
