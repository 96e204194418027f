# The image lines of `make bench`; run.sh sources it. Everything lies in memory ($IMAGE_WORK, default a directory of
# /dev/shm), so neither side waits for a disk. BENCH_LONG=1 adds what takes a peer minutes.
rb() { "$BIN/rootfs-builder" -q "$@"; }
# at_least WHAT OURS PEER FACTOR NOTE: PEER seconds are FACTOR times OURS or more.
at_least() {
  awk -v w="$1" -v o="$2" -v p="$3" -v f="$4" -v n="${5:-}" 'BEGIN {
    r = p / o; printf "%-46s %9.1f %-4s least %-6s %-7s %s\n", w, r, "x", f, (r >= f) ? "met" : "MISSED", o " s against " p " s" (n ? "; " n : "") }'
}
# many DIRECTORY FILES FOLDERS BYTES
many_files() { python3 -c 'import os,sys
top, files, folders, size = sys.argv[1], *map(int, sys.argv[2:])
body = os.urandom(size)
for d in range(folders): os.makedirs(f"{top}/d{d}", exist_ok=True)
for i in range(files):
  with open(f"{top}/d{i % folders}/file{i}", "wb") as f: f.write(body)' "$@"; }

image_bench() {
  local tar ours peer copy
  w=${IMAGE_WORK:-$(mktemp -d /dev/shm/criu-guest-bench.XXXXXX)}  # the trap needs it after this function's end
  mkdir -p "$w"
  trap 'rm -rf "$work" "$w"' EXIT
  # against_copy WHAT OURS LIMIT: what $w/a.img took against copying it, which is as fast as bytes go.
  against_copy() {
    copy_image() { rm -f "$w/copy.img"; cp --sparse=always "$w/a.img" "$w/copy.img"; }
    row "$1, ratio to cp of the image" "$(awk -v a="$2" -v b="$(repeat copy_image)" 'BEGIN { printf "%.2f", a / b }')" x "$3" "$2 s"
    rm -f "$w/copy.img"
  }
  local mke2fs=(mke2fs -q -F -t ext4 -O ^resize_inode)

  # The kata image's base layer is the Debian tar.
  "$MAKE" rootfs > "$work/last" 2>&1 || echo "bench: no kata image: $(tail -n 1 "$work/last")"
  # The proof's is several times as large.
  tar=$(find "${CRIU_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/criu-guest}/rootfs" -name 'debian-*.tar' -size -400M -printf '%s %p\n' 2> /dev/null | sort -rn | head -1 | cut -d' ' -f2-)
  if [ -n "$tar" ]; then
    cp "$tar" "$w/debian.tar"
    mkdir "$w/tree"
    tar -C "$w/tree" -xf "$w/debian.tar" 2>/dev/null || true
    from_tar() { rm -f "$w/a.img"; rb create --from "$w/debian.tar" --size 600M -o "$w/a.img"; }
    from_tree() { rm -f "$w/a.img"; rb create --from "$w/tree" --size 600M -o "$w/a.img"; }
    peer_tree() { rm -f "$w/b.img"; "${mke2fs[@]}" -d "$w/tree" "$w/b.img" 600M; }
    peer_tar() { rm -rf "$w/untar" "$w/b.img"; mkdir "$w/untar"; tar -C "$w/untar" -xf "$w/debian.tar" 2>/dev/null; "${mke2fs[@]}" -d "$w/untar" "$w/b.img" 600M; }
    copy_tar() { rm -f "$w/copy.tar"; cp "$w/debian.tar" "$w/copy.tar"; }
    ours=$(repeat from_tar); copy=$(repeat copy_tar)
    at_least "Debian tar, against untar and mke2fs -d" "$ours" "$(repeat peer_tar)" 5
    peer=$(repeat peer_tree)
    at_least "Debian tar, against mke2fs -d of the tree" "$ours" "$peer" 6
    at_least "Debian tree, against mke2fs -d of the tree" "$(repeat from_tree)" "$peer" 1
    against_copy "Debian tar" "$ours" 1.3
    from_tree
    against_copy "Debian tree" "$(repeat from_tree)" 1.3
    row "Debian tar, ratio to cp of the tar" "$(awk -v a="$ours" -v b="$copy" 'BEGIN { printf "%.2f", a / b }')" x 2 "$ours s against $copy s"
    if command -v genext2fs > /dev/null; then
      peer_gen() { rm -f "$w/b.img"; genext2fs -b 600000 -N 40000 -d "$w/tree" "$w/b.img"; }
      at_least "Debian tree, against genext2fs" "$(repeat from_tree)" "$(RUNS=1 repeat peer_gen)" 1 "one run of the peer"
    fi
    rm -rf "$w/tree" "$w/untar" "$w"/*.img "$w/copy.tar"
  else
    echo "bench: no Debian tar in the cache ('make rootfs' makes one); its lines are left out"
  fi

  against() {  # WHAT FACTOR: the tree in $w/many
    many_ours() { rm -f "$w/a.img"; rb create --from "$w/many" -o "$w/a.img"; }
    many_peer() { rm -f "$w/b.img"; "${mke2fs[@]}" -N 200000 -d "$w/many" "$w/b.img" 2G; }
    ours=$(repeat many_ours)
    at_least "$1" "$ours" "$(RUNS=1 repeat many_peer)" "$2" "one run of the peer"
    [ -z "${3:-}" ] || against_copy "$1" "$ours" "$3"
  }
  many_files "$w/many" 60000 600 100; against "60,000 small files" 3.7 1.7; rm -rf "$w/many"
  many_files "$w/many" 20000 1 100; against "20,000 files in one directory" 84 2.0; rm -rf "$w/many"
  many_files "$w/many" 120000 1 100
  row "peak memory, 120,000 files" "$(peak_kib "$BIN/rootfs-builder" create --from "$w/many" -o "$w/a.img" | awk '{ printf "%.1f", $1 / 1000 }')" MB 100
  if [ -n "${BENCH_LONG:-}" ]; then against "120,000 files in one directory" 300; fi
  rm -rf "$w/many"
  # How the cost grows: microseconds and bytes for each file, against those of the row before.
  local files most=100000 before=
  [ -z "${BENCH_LONG:-}" ] || most=1000000
  for ((files = 1000; files <= most; files *= 10)); do
    many_files "$w/many" "$files" "$((files / 100))" 100
    grown() { rm -f "$w/a.img"; rb create --from "$w/many" -o "$w/a.img"; }
    ours=$(repeat grown)
    row "$files files, microseconds each" "$(awk -v s="$ours" -v n="$files" 'BEGIN { printf "%.1f", s * 1e6 / n }')" us \
      "$(awk -v b="${before:-1000}" 'BEGIN { printf "%.1f", b * 4 / 3 }')" "n log n from the row before: 4/3 of it"
    before=$(awk -v s="$ours" -v n="$files" 'BEGIN { print s * 1e6 / n }')
    [ "$files" -lt 100000 ] || row "$files files, memory each" \
      "$(peak_kib "$BIN/rootfs-builder" create --from "$w/many" -o "$w/a.img" | awk -v n="$files" '{ printf "%.0f", $1 * 1024 / n }')" B 1024
    rm -rf "$w/many" "$w/a.img"
  done
  if [ -n "${BENCH_LONG:-}" ]; then
    many_files "$w/many" 1000 10 4294967
    # By turns: the memory of a virtual machine is slow at its first use, and each side takes up what the other has freed.
    big_ours() { rb create --from "$w/many" -o "$w/a.img"; }
    big_peer() { "${mke2fs[@]}" -d "$w/many" "$w/b.img" 5G; }
    big_peer
    local i
    for i in 1 2 3; do
      rm -f "$w"/[ab].img && seconds big_ours >> "$w/ours"
      rm -f "$w"/[ab].img && seconds big_peer >> "$w/peer"
    done
    at_least "4 GiB in 1,000 files" "$(median < "$w/ours")" "$(median < "$w/peer")" 3
    row "peak memory, 4 GiB" "$(peak_kib "$BIN/rootfs-builder" create --from "$w/many" -o "$w/a.img" | awk '{ printf "%.1f", $1 / 1000 }')" MB 100
    rm -rf "$w/many" "$w"/*.img
  fi

  # Injection: on a disk, with fsync on both sides.
  local d=$work/inject
  mkdir -p "$d/empty"
  head -c 7000000 /dev/urandom > "$d/binary"
  rb create --from "$d/empty" --size 256M --form kata -o "$d/kata.img"
  fresh() { rm -f "$d/x.img"; cp --sparse=always "$d/kata.img" "$d/x.img"; sync "$d/x.img"; }
  timed() { local i; for ((i = 0; i < RUNS; i++)); do fresh; seconds "$@"; done | median; }
  by_debugfs() { debugfs -w -R "write $d/binary binary" "$d/x.img?offset=1048576" && sync "$d/x.img"; }
  by_copy() { cp --sparse=always "$d/x.img" "$d/y.img" && sync "$d/y.img"; }
  peer=$(timed by_debugfs)
  ours=$(timed rb inject "$d/x.img" "$d/binary:/binary" --in-place)
  row "7 MB into a 256 MB Kata image, in place" "$(awk -v a="$ours" -v b="$peer" 'BEGIN { printf "%.2f", a / b }')" x 3 "$ours s against debugfs $peer s"
  if command -v guestfish > /dev/null; then  # an appliance in a virtual machine; one run of it
    by_guestfish() { LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg guestfish --rw -a "$d/x.img" -m /dev/sda1 upload "$d/binary" /binary; }
    at_least "the same in place, against guestfish (TCG)" "$ours" "$(RUNS=1 timed by_guestfish)" 300 "one run of the peer"
  fi
  copy=$(timed by_copy)
  local atomic
  atomic=$(timed rb inject "$d/x.img" "$d/binary:/binary")
  row "the same, atomic" "$(awk -v a="$atomic" -v c="$copy" -v o="$ours" 'BEGIN { printf "%.2f", a / (1.5 * c + o) }')" x 1 "$atomic s; 1.5 times cp ($copy s) and in place"
}
