# Sourced by release.sh and release-verify.sh: how an archive of a release is made, and what is in one.

# pack FOLDER TOP ARCHIVE TIME: the tree FOLDER/TOP as a tar, compressed as the archive's name says. Order, owners, times
# and modes do not depend on who packs it, and where.
pack() {
  local compress=(gzip -6n)  # -9: three times as long, half a percent smaller
  # Threads, but as many for everyone: their number is no part of the bytes, that there are any is.
  case $3 in *.zst) compress=(zstd -q -10 -T2) ;; esac
  tar --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$4" --mode=u+rwX,go+rX,go-w -C "$1" -c "$2" |
    "${compress[@]}" > "$3"
}

# unpacked ARCHIVE: its tar on standard output.
unpacked() {
  case $1 in
    *.zst) zstd -q -d -c -- "$1" ;;
    *) gzip -d -c -- "$1" ;;
  esac
}

# members ARCHIVE: one line of JSON for each member, in their order. Nothing of it is written to the disk but, where the
# archive has them, folders and links into an empty folder that goes away.
members() {
  local archive place status=0
  archive=$(realpath -- "$1")
  place=$(mktemp -d)
  mkdir "$place/tree"
  # One reading: the list goes to a file, the digests to another. (TAR_FILENAME is of the command that tar starts.)
  unpacked "$archive" 2> /dev/null |
    LC_ALL=C TZ=UTC tar -C "$place/tree" --numeric-owner --quoting-style=escape --full-time --index-file="$place/list" \
      --no-same-owner --no-same-permissions --delay-directory-restore \
      --to-command='sha256sum; printf "%s\n" "$TAR_FILENAME"' -xvv > "$place/read" 2> /dev/null || status=$?
  { cat "$place/list" && echo == && cat "$place/read"; } 2> /dev/null | jq -cRn '
    def kind: {"-": "file", "d": "directory", "l": "link"}[.] // .;
    [inputs] | index("==") as $middle | .[:$middle] as $listed | .[$middle + 1:] as $read
    | ([range(0; $read | length; 2) | {key: $read[. + 1], value: $read[.][:64]}] | from_entries) as $digests
    | $listed[]
    | capture("^(?<type>.)(?<mode>\\S+) (?<owner>\\S+) +(?<size>[0-9]+) (?<time>\\S+ \\S+) (?<path>.*)$")
    | .type |= kind
    | if .type == "link" then (.path | split(" -> ")) as $way | .path = $way[0] | .target = $way[1] else . end
    | {path: (.path | rtrimstr("/")), type, mode, owner, time}
      + (if .type == "file" then {size: (.size | tonumber), sha256: ($digests[.path] // error("no digest of \(.path)"))} else {} end)
      + (if .target then {target} else {} end)' 2> /dev/null || status=$?
  chmod -R u+rwX "$place"
  rm -rf "$place"
  return $status
}

# digest FILE, or of standard input.
digest() {
  sha256sum -- "${1:--}" | sed 's/^\\//; s/ .*//'
}
