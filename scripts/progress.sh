#!/bin/sh
# progress.sh WHAT LOG COMMAND...: runs the command with all that it says in LOG, and tells meanwhile that it is alive: on a
# terminal one line that moves, elsewhere a line every half minute (PROGRESS_SECONDS). Its exit status is the command's.
set -eu
what=$1 log=$2
shift 2
"$@" > "$log" 2>&1 < /dev/null &
command=$!
[ -t 2 ] && terminal=1 pause=1 || terminal='' pause=${PROGRESS_SECONDS:-30}
wipe() { [ -z "$terminal" ] || printf '\r\033[K' >&2; }
ended() {
  wipe
  kill "$command" 2> /dev/null || true
  wait "$command" 2> /dev/null || true
  exit "$1"
}
trap 'ended 130' INT
trap 'ended 143' TERM
started=$(date +%s)
told=$started
while kill -0 "$command" 2> /dev/null; do
  now=$(date +%s)
  if [ $((now - told)) -ge "$pause" ]; then
    told=$now
    # ninja says how far it is.
    far=$(tail -n 1 "$log" 2> /dev/null | sed -n 's/^\[\([0-9]*\)\/\([0-9]*\)\].*/, \1 of \2/p')
    if [ -n "$terminal" ]; then
      printf '\r\033[K%s%s, %d s' "$what" "$far" $((now - started)) >&2
    else
      printf '%s%s, %d s\n' "$what" "$far" $((now - started)) >&2
    fi
  fi
  sleep 0.2 2> /dev/null || sleep 1
done
wipe
status=0
wait "$command" || status=$?
exit $status
