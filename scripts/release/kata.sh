# Sourced by release.sh: what Kata Containers takes, named as its own releases name it. Kernel, image and extension are
# made by the targets of the Makefile; what was made of the same inputs before is taken out of $OUT/.release-KEY.

share=opt/kata/share/kata-containers

# kata_parts: writes the archives, their sidecars, the drop-ins and the reports to $to; $work/bound is what belongs
# together, $work/packages what the image holds. Sets criu, the version, and made, the folder that keeps all this.
kata_parts() {
  system=$(. /etc/os-release && echo "${ID:-linux}-${VERSION_ID:-}")
  made=
  echo '{}' > "$work/bound"
  echo '[]' > "$work/packages"
  [ "$PARTS" != tools ] || return 0
  criu=$("$bin/criu-builder" resolve "$CRIU_VERSION" 2> "$work/log") || { cat "$work/log" >&2; fail 2 "CRIU_VERSION=$CRIU_VERSION: see above"; }
  ! has kernel || make_it kernel guest-kernel KERNEL_VERSION="$KERNEL_VERSION"
  ! has criu || make_it CRIU criu CRIU_VERSION="$criu"
  ! has criu || [ ! -d "$OUT/criu-$criu.d" ] ||
    fail 3 "CRIU $criu is to be had as a distribution's binary with libraries of its own only, which is not released"
  local key
  key=$(made_of | sha256sum | cut -c1-24)
  made=$OUT/.release-$key
  if [ ! -d "$made" ]; then
    mkdir "$work/made" "$work/tree" "$work/all-files"
    made_now "$work/made"
    # One of them is kept: what is made again and again is the same, or new.
    rm -rf "$OUT"/.release-????????????????????????
    mv -T "$work/made" "$made"
  fi
  cp "$made"/files/* "$to/"
  cp "$made/bound" "$made/packages" "$work/"
}

# make_it WHAT TARGET VARIABLES…: the tools are made already.
make_it() {
  local what=$1
  shift
  echo "release: $what" >&2
  $MAKE -o tools "$@" OUT="$OUT" BUILD="$BUILD" > "$work/log" || { cat "$work/log" >&2; fail 3 "no $what: 'make $1' says why"; }
}

# All that the results depend on.
made_of() {
  echo "$PARTS $time $criu $system"
  zstd -V
  sha256sum scripts/release.sh scripts/release/kata.sh scripts/release/archive.sh scripts/release/packages.jq "$bin/kcheck"
  ! has kernel || jq -c 'del(.seconds, .source.origin)' "$OUT/kernel.json"
  if has criu; then
    digest "$OUT/criu-$criu"
    digest "$bin/guest-checkpoint"
    digest "$bin/rootfs-builder"
    find recipes/rootfs -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    [ -z "$AGENT" ] || digest "$AGENT"
  fi
}

# bind NAME JSON: what belongs together, and by which digest.
bind() {
  jq --arg name "$1" --argjson value "$2" '.[$name] = $value' "$made_in/bound" > "$made_in/bound.new"
  mv "$made_in/bound.new" "$made_in/bound"
}

# component NAME VERSION: the tree $work/tree/NAME as kata-static-NAME.tar.zst, with the files that Kata's pipeline keeps
# beside it.
component() {
  local archive=kata-static-$1.tar.zst
  pack "$work/tree/$1" ./opt "$made_in/files/$archive" "$time"
  (cd "$made_in/files" && sha256sum "$archive" > "$1-sha256sum")
  echo "$2" > "$made_in/files/$1-version"
  echo "$system" > "$made_in/files/$1-builder-image-version"
  members "$made_in/files/$archive" > "$made_in/members/$archive"
}

# report NAME OF WORDS…: kcheck's word as JSON; where it is no, there is no release.
report() {
  local file=kcheck-$1.json of=$2 status=0
  shift 2
  # Where the files lie is nobody's business.
  (cd "$work/all-files" && "$kcheck" "$@" --criu "$criu" --format json) > "$made_in/files/$file" 2> "$work/log" || status=$?
  if [ $status != 0 ]; then
    cat "$work/log" >&2
    jq -r '.subjects[]? | "\(.name): \(.headline)", (.findings[] | select(.verdict == "FAIL") | "  \(.id): \(.title)")' \
      "$made_in/files/$file" >&2 || true
    fail $status "kcheck $1 does not say yes: this is not released"
  fi
  bind reports "$(jq --slurpfile bound "$made_in/bound" --arg file "$file" --arg sha256 "$(digest "$made_in/files/$file")" --argjson of "$of" \
    '($bound[0].reports // []) + [{file: $file, sha256: $sha256, of: $of, command, criu, verdict: .subjects[0].verdict, headline: .subjects[0].headline}]' \
    "$made_in/files/$file")"
}

# made_now FOLDER: FOLDER/files, FOLDER/bound and FOLDER/packages.
made_now() {
  made_in=$1
  kcheck=$(realpath "$bin/kcheck")
  mkdir "$made_in/files" "$made_in/members"
  echo '{}' > "$made_in/bound"
  echo '[]' > "$made_in/packages"
  ! has kernel || made_kernel
  ! has criu || made_criu
  ! has image || made_image
  ! has initrd || made_initrd
  ! has extension || made_extension
  if has image; then made_drop_ins; fi
}

made_kernel() {
  local tree=$work/tree/kernel/$share release file
  mkdir -p "$tree"
  release=$(jq -r '"\(.version)-\(.config_version)"' "$OUT/kernel.json")
  for file in vmlinux vmlinuz config; do cp "$OUT/$file-$release" "$tree/"; done
  # The file that the kernel's own build leaves (its scripts/mksysmap): the symbols of vmlinux but for those of no use.
  nm -n "$tree/vmlinux-$release" |
    sed -e '/ [aNUw] /d' -e '/ \$/d' -e '/ \.L/d' -e '/ __efistub_/d' -e '/ __crc_/d' -e '/ __kstrtab/d' -e '/ __kcfi_typeid_/d' \
      > "$tree/System.map-$release"
  ln -s "vmlinux-$release" "$tree/vmlinux.container"
  ln -s "vmlinuz-$release" "$tree/vmlinuz.container"
  jq -r '.files[] | "\(.sha256)  \(.name)"' "$OUT/kernel.json" | (cd "$tree" && sha256sum --quiet -c) ||
    fail 1 "$OUT/kernel.json speaks of other files than those beside it; make guest-kernel makes them anew"
  component kernel "$release-$(jq -r '.digest[:12]' "$OUT/kernel.json")"
  ln "$tree/vmlinux-$release" "$tree/config-$release" "$work/all-files/"
  bind kernel "$(jq --arg sha256 "$(digest "$tree/vmlinux-$release")" --arg member "$share/vmlinux-$release" \
    '{version, config_version, sha256: $sha256, file: "kata-static-kernel.tar.zst", member: $member, source_sha256: .source.sha256, compiler, made_of: .digest}' \
    "$OUT/kernel.json")"
  bind config "$(jq -n --arg sha256 "$(digest "$tree/config-$release")" --arg member "$share/config-$release" \
    '{sha256: $sha256, file: "kata-static-kernel.tar.zst", member: $member}')"
  kernel_file=vmlinux-$release
  report config '["config", "kernel"]' config "config-$release"
}

made_criu() {
  "$bin/criu-builder" build "$criu" -o "$OUT" --format json 2> /dev/null > "$work/criu"
  bind criu "$(jq --arg file "criu-$criu-linux-$machine" \
    '{version, sha256, file: $file, source_sha256, compiler, build_id}' "$work/criu")"
}

# image_holds IMAGE FOLDERS [AGENT]: digests of our programs in it; the CRIU is the one that is released.
image_holds() {
  local holds='{}' program at sha256
  for program in criu kcheck guest-checkpoint $3; do
    sha256=null
    for at in $2; do
      if "$bin/rootfs-builder" cat "$1" "$at/$program" > "$work/program" 2> /dev/null; then sha256=\"$(digest "$work/program")\"; fi
    done
    holds=$(jq -c --arg program $program --argjson sha256 "$sha256" '.[$program] = $sha256' <<< "$holds")
  done
  [ "$(jq -r .criu <<< "$holds")" = "$(jq -r .criu.sha256 "$made_in/bound")" ] || fail 1 "$1 holds another CRIU than $OUT/criu-$criu"
  echo "$holds"
}

# The disk image in Kata's own layout: with the header for a persistent memory device and a verity tree.
made_image() {
  local tree=$work/tree/rootfs-image/$share file holds distribution codename
  mkdir -p "$tree"
  make_it image rootfs -o criu RECIPE=kata CRIU_VERSION="$criu" AGENT="$AGENT"
  base=$OUT/kata-criu-$criu.img
  "$bin/rootfs-builder" cat "$base" /etc/os-release > "$work/os-release"
  distribution=$(sed -n 's/^ID=//p' "$work/os-release")
  codename=$(sed -n 's/^VERSION_CODENAME=//p' "$work/os-release")
  file=kata-$distribution-$codename.image
  "$bin/rootfs-builder" convert "$base" --form kata-dax --verity -q -o "$tree/$file" > /dev/null
  mv "$tree/$file.root_hash.txt" "$tree/root_hash_base.txt"
  cp "$tree/root_hash_base.txt" "$made_in/files/"
  ln -s "$file" "$tree/kata-containers.img"
  image_file=$file
  holds=$(image_holds "$base" "/usr/sbin /usr/bin" kata-agent)
  component rootfs-image "kata-criu-$criu-$(digest "$tree/$file" | cut -c1-12)"
  ln "$tree/$file" "$work/all-files/"
  bind image "$(jq -n --arg sha256 "$(digest "$tree/$file")" --arg member "$share/$file" --arg root "$(cut -d, -f1 "$tree/root_hash_base.txt" | cut -d= -f2)" \
    --arg distribution "$distribution-$codename" --argjson holds "$holds" \
    '{sha256: $sha256, file: "kata-static-rootfs-image.tar.zst", member: $member, root_hash: $root, system: $distribution, holds: $holds}')"
  "$bin/rootfs-builder" cat "$base" /var/lib/dpkg/status | jq -Rs --arg distribution "$distribution" --arg codename "$codename" \
    -f scripts/release/packages.jq > "$made_in/packages"
  if [ -n "${kernel_file:-}" ]; then
    report image '["image", "kernel", "criu"]' image "$file" --kernel "$kernel_file"
  else
    report image '["image", "criu"]' image "$file"
  fi
}

made_initrd() {
  local tree=$work/tree/rootfs-initrd/$share file=${image_file%.image}.initrd
  mkdir -p "$tree"
  "$bin/rootfs-builder" convert "$base" --form initrd -q -o "$tree/$file" > /dev/null
  ln -s "$file" "$tree/kata-containers-initrd.img"
  component rootfs-initrd "kata-criu-$criu-$(digest "$tree/$file" | cut -c1-12)"
  bind initrd "$(jq -n --arg sha256 "$(digest "$tree/$file")" --arg member "$share/$file" \
    '{sha256: $sha256, file: "kata-static-rootfs-initrd.tar.zst", member: $member}')"
}

made_extension() {
  local tree=$work/tree/rootfs-image-criu-extension/$share file=kata-criu-$criu-extension.image holds
  mkdir -p "$tree"
  make_it extension rootfs -o criu RECIPE=kata-extension CRIU_VERSION="$criu" AGENT=
  cp "$OUT/kata-extension.img" "$tree/$file"
  cp "$OUT/kata-extension.img.root_hash.txt" "$tree/root_hash_criu-extension.txt"
  cp "$tree/root_hash_criu-extension.txt" "$made_in/files/"
  ln -s "$file" "$tree/kata-containers-criu-extension.img"
  sed "s|^path = .*|path = \"/$share/$file\"|" "$OUT/kata-extension.img.kata.toml" > "$made_in/files/50-criu-extension.toml"
  holds=$(image_holds "$OUT/kata-extension.img" /bin "")
  component rootfs-image-criu-extension "criu-$criu-$(digest "$tree/$file" | cut -c1-12)"
  ln "$tree/$file" "$work/all-files/"
  bind extension "$(jq -n --arg sha256 "$(digest "$tree/$file")" --arg member "$share/$file" \
    --arg root "$(cut -d, -f1 "$tree/root_hash_criu-extension.txt" | cut -d= -f2)" --argjson holds "$holds" \
    '{sha256: $sha256, file: "kata-static-rootfs-image-criu-extension.tar.zst", member: $member, root_hash: $root, holds: $holds}')"
  report extension '["extension", "criu"]' image "$file"
}

# What Kata's configuration says of them: laid over it from config.d beside it.
made_drop_ins() {
  local line kernel=vmlinux.container
  [ -z "${kernel_file:-}" ] || kernel=$kernel_file
  {
    echo "# Kernel and image of criu-guest for Kata Containers with QEMU. This file goes into the folder config.d beside the"
    echo "# runtime's configuration file; another hypervisor has a section of its own name."
    echo "[hypervisor.qemu]"
    echo "kernel = \"/$share/$kernel\""
    echo "image = \"/$share/$image_file\""
  } > "$made_in/files/50-criu-guest.toml"
  line=$(cat "$work/tree/rootfs-image/$share/root_hash_base.txt")
  {
    sed '1s/.*/# Kernel and measured image of criu-guest for Kata Containers with QEMU. This file goes into the folder config.d beside the/' \
      "$made_in/files/50-criu-guest.toml"
    echo "# The kernel verifies what it reads of the root, which is then /dev/dm-0."
    echo "kernel_verity_params = \"$line\""
  } > "$made_in/files/50-criu-guest-measured.toml"
}

# archives: of each archive but the source's, what it holds.
archives() {
  local file
  for file in "$tools" $(cd "$to" && ls kata-static-*.tar.zst 2> /dev/null); do
    if [ "$file" = "$tools" ]; then cat "$work/tools.members"; else cat "$made/members/$file"; fi |
      jq -s --arg file "$file" '{file: $file, members: .}'
  done | jq -s .
}
