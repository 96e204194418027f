# What every client begins with: a program outside of the tree that sees its state before and after. Whatever fails ends
# it; its last line is what held.
set -euo pipefail
TREE=$(cat "$WORK/pid")

within() { # SECONDS COMMAND…: until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "not in time: $*" >&2; return 1; }
    sleep 0.2
  done
}

# Everything is as it shall be when the checkpoint is taken; returns when the tree runs again.
checkpoint() {
  echo ready
  read -r _
  TREE=$(cat "$WORK/pid")
}

knock() { : <> "/dev/tcp/127.0.0.1/$1"; }

# connect PORT: a connection, as descriptor 5.
connect() {
  within 200 knock "$1"
  exec 5<> "/dev/tcp/127.0.0.1/$1"
}

# ask LINE: sends it, and has the answer's first line in $answer.
ask() {
  printf '%s\r\n' "$1" >&5
  read -r -t 60 -u 5 answer || { echo "no answer to $1" >&2; return 1; }
  answer=${answer%$'\r'}
}

# same LINE ANSWER
same() {
  ask "$1"
  [ "$answer" = "$2" ] || { echo "$1: $answer, not $2" >&2; return 1; }
}

# A server that answers each line with the next number and a name that it has drawn by lot when it started.
counts_on() { # PORT
  connect "$1"
  ask next
  local name=${answer#1 }
  same next "2 $name"
  checkpoint
  same next "3 $name"
  echo "the connection of before is answered with the next number"
}
