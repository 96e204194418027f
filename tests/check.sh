#!/usr/bin/env bash
# What `make check` runs: builds everything the tests need, runs them, and says how many passed, failed and were
# skipped, and why. `check.sh long` adds the exhaustive ones.
# Variables: BUILD, OUT, MAKE.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BUILD:=build/release}" "${OUT:=out}" "${MAKE:=make}"
mode=${1:-}
started=$(date +%s)
# Set or not is what the tests ask, and an empty value is set.
unset CG_CHECK_LONG
test_seconds=300 fuzz_seconds=20
[ "$mode" != long ] || { export CG_CHECK_LONG=1; test_seconds=14400 fuzz_seconds=600; }

section() {
  local now
  now=$(date +%s)
  [ -z "$current" ] || times+="$(printf '%6d s  %s' $((now - began)) "$current")"$'\n'
  current=$1 began=$now
  printf '\n== %s (%d s so far)\n' "$1" $((now - started))
}
current='' began=$started times=''

# summary JUNIT…: prints the skipped tests with their reasons, then the closing line; fails when a test did.
summary() {
  awk '
    function attribute(name) { return match($0, " " name "=\"[^\"]*\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : "" }
    /<testcase / { name = attribute("name"); status = attribute("status"); reason = ""; take = 0 }
    / Skipped$|: Skipped/ { take = 1; next }
    take && /[^ ]/ { if (reason == "") reason = $0; take = 0 }
    /<\/testcase>/ {
      if (status == "run") passed++
      else if (status == "notrun" || status == "disabled") { skipped++; why[reason]++ }
      else { failed++; print "failed: " name }
    }
    END {
      for (reason in why) printf "skipped %d: %s\n", why[reason], reason == "" ? "no reason given" : reason
      printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
      exit failed > 0
    }' "$@"
}

section "tools"
"$MAKE" test-programs

failures=0
section "release"
if [ -z "$(git status --porcelain 2> /dev/null || echo none)" ]; then
  # The rest of it is made of kernel and image, which come later: the guest tests make a whole one.
  "$MAKE" release OUT="$OUT" PARTS=tools && "$MAKE" release-verify OUT="$OUT" || failures=1
else
  echo "left out: only a commit is released, and there are changes (or no git checkout)"
fi

section "unit, image, hostile-input and browser tests"
ctest --test-dir "$BUILD" -L 'unit|image|browser' --output-on-failure --output-junit "$PWD/$BUILD/quick.xml" -j "$(nproc)" --timeout "$test_seconds" || failures=1
[ $failures = 0 ] || { summary "$BUILD/quick.xml" || true; exit 1; }

section "fuzzers"
tests/fuzz/run.sh $fuzz_seconds || failures=1

if [ "$mode" = long ]; then
  section "Debian package, installed in clean roots"
  scripts/deps.sh package || failures=1
  ctest --test-dir "$BUILD" -L package --output-on-failure --output-junit "$PWD/$BUILD/package.xml" --timeout 3600 || failures=1
  section "mutants"
  "$MAKE" mutate || failures=1
fi

section "guest kernel"
"$MAKE" guest-kernel
section "demo: a container checkpointed and restored"
"$MAKE" demo

section "the lab"
lab_failed=0
if [ "$mode" = long ]; then
  LAB_CRIU=all "$MAKE" lab || lab_failed=1
  BIN="$BUILD/bin" OUT="$OUT" MAKE="$MAKE" lab/kernels.sh || lab_failed=1
else
  # The two versions whose source Debian serves.
  LAB_CRIU="4.1.1 4.2.1" "$MAKE" lab || lab_failed=1
fi

section "guest tests"
# A guest has one processor's worth of work.
ctest --test-dir "$BUILD" -L vm --output-on-failure --output-junit "$PWD/$BUILD/vm.xml" -j "$(nproc)" --timeout 3600 || failures=1

section "done"
printf '%smake check took %d s\n' "$times" $(($(date +%s) - started))
[ $lab_failed = 0 ] || { echo "the lab failed: see its table above"; failures=1; }
long_results=()
[ "$mode" != long ] || long_results=("$BUILD/package.xml")
summary "$BUILD/quick.xml" "$BUILD/vm.xml" "${long_results[@]}"
exit $failures
