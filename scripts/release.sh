#!/usr/bin/env bash
# What `make release` runs: what a release pipeline takes as it is, in $OUT/release/VERSION (docs/release.md). The same
# commit, tools and inputs give the same bytes.
# Variables: BUILD, OUT, MAKE; VERSION (default: the project's with -dev behind it, the only one that is replaced);
# PARTS (default: all but the initrd; the tools are always made); KEY, a secret key of minisign or openssl; AGENT, KERNEL_VERSION, CRIU_VERSION.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BUILD:=build/release}" "${OUT:=out}" "${MAKE:=make}" "${VERSION:=}" "${KEY:=}" "${AGENT:=}"
: "${PARTS:=tools kernel criu image extension}" "${KERNEL_VERSION:=6.12}" "${CRIU_VERSION:=default}"
. scripts/release/archive.sh
. scripts/release/signature.sh
. scripts/release/kata.sh

fail() {
  echo "release: $2" >&2
  exit "$1"
}

# --- What was asked for, before anything takes time.
project=$(sed -n 's/^project(criu-guest VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
rehearsal=
[ -n "$VERSION" ] || { VERSION=$project-dev rehearsal=1; }
[[ $VERSION =~ ^[0-9A-Za-z][0-9A-Za-z.+~-]*$ && $VERSION != latest ]] ||
  fail 2 "VERSION='$VERSION' is no version: letters, digits and .+~-, as in 1.4.0 or 1.4.0-rc1"
has() { [[ " $PARTS " == *" $1 "* ]]; }
all_parts=(tools kernel criu image extension initrd)
for part in $PARTS; do
  [[ " ${all_parts[*]} " == *" $part "* ]] || fail 2 "PARTS: there is no part '$part'; there are: ${all_parts[*]}"
done
# What one part is made of is one, too.
! has initrd || PARTS+=" image"
if has image || has extension; then PARTS+=" criu"; fi
asked=" $PARTS tools " PARTS=
for part in "${all_parts[@]}"; do [[ $asked != *" $part "* ]] || PARTS+=${PARTS:+ }$part; done
place=$OUT/release/$VERSION
[ -n "$rehearsal" ] || [ ! -e "$place" ] || fail 1 "$place exists already, and stays as it is; take another VERSION, or remove it first"
for program in git jq zstd sha256sum nm; do
  command -v $program > /dev/null || fail 3 "no $program here; 'scripts/deps.sh release' installs it"
done
key_is=
if [ -n "$KEY" ]; then
  [ -f "$KEY" ] && [ -r "$KEY" ] || fail 3 "KEY=$KEY: there is no such file that can be read"
  key_is=$(key_kind "$KEY")
  case $key_is in
    *-secret) command -v "${key_is%-secret}" > /dev/null || fail 3 "KEY=$KEY is of ${key_is%-secret}, which is not here; 'scripts/deps.sh release' installs it" ;;
    *-public) fail 1 "KEY=$KEY is the public half: a release is signed with the secret one" ;;
    *) fail 1 "KEY=$KEY is no secret key of minisign (minisign -G) or openssl (openssl genpkey -algorithm ed25519)" ;;
  esac
fi
[ -z "$AGENT" ] || [ -f "$AGENT" ] || fail 3 "AGENT=$AGENT: there is no such file"
git rev-parse --verify --quiet HEAD > /dev/null || fail 1 "no git checkout; a release is made of a commit"
if [ -n "$(git status --porcelain)" ]; then
  echo "release: there are changes that no commit holds; commit or stash them first:" >&2
  git status --short >&2
  exit 1
fi
commit=$(git rev-parse HEAD)
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
machine=$(uname -m)
name=criu-guest-$VERSION
bin=$BUILD/bin

mkdir -p "$OUT/release"
work=$(mktemp -d "$OUT/.release.XXXXXX")
trap 'rm -rf "$work"' EXIT
work=$(realpath "$work")
to=$work/release
mkdir "$to"
umask 022

if [ -n "$KEY" ]; then
  case $key_is in minisign-*) public=release.pub ;; *) public=release.pem ;; esac
  # Where it asks for a password, the question is to be seen.
  said=$work/log
  ! key_asks "$KEY" || said=/dev/stderr
  public_of "$key_is" "$KEY" "$to/$public" 2> "$said" ||
    fail 1 "KEY=$KEY cannot be used: it is no Ed25519 key, is damaged, or that was not its password"
fi

# --- The source and the tools; and beside that, what Kata takes and what binds it.
tools_part() {
  git archive --format=tar --prefix="$name/" HEAD | gzip -9n > "$to/$name.tar.gz"
  DESTDIR="$work/root" cmake --install "$BUILD" --prefix "/$name" --strip > /dev/null
  pack "$work/root" "$name" "$to/$tools" "$time"
  for tool in kcheck guest-checkpoint; do
    cp "$work/root/$name/bin/$tool" "$to/$tool-linux-$machine"
  done
  members "$to/$tools" > "$work/tools.members"
  # What is released is what was tried: the tools start from where they were unpacked, and find their recipes.
  tar -C "$work" -xf "$to/$tools"
  "$work/$name/bin/kcheck" --version > /dev/null
  "$work/$name/bin/guest-checkpoint" --version > /dev/null
  "$work/$name/bin/criu-builder" list > /dev/null
  "$work/$name/bin/rootfs-builder" build demo --dry-run --set criu=/bin/true --set kcheck=/bin/true > /dev/null
}
tools=$name-linux-$machine.tar.gz
tools_part &
beside=$!
trap 'kill $beside 2> /dev/null || true; wait $beside 2> /dev/null || true; rm -rf "$work"' EXIT
kata_parts
wait $beside || fail 3 "the tools that $BUILD installs could not be packed, or do not start"
! has criu || cp "$OUT/criu-$criu" "$to/criu-$criu-linux-$machine"

# --- What all this is: the bill of materials, where it comes from, and the manifest.
(cd "$to" && sha256sum -- *) | sed 's/^\([0-9a-f]*\)  \(.*\)$/\2 \1/' |
  while read -r file sha256; do printf '%s %s %s\n' "$file" "$sha256" "$(stat -c %s "$to/$file")"; done |
  jq -Rn '[inputs | split(" ") | {name: .[0], sha256: .[1], size: (.[2] | tonumber)}]' > "$work/files"
archives > "$work/archives"
jq -n --arg version "$VERSION" --arg project "$project" --arg commit "$commit" --argjson time "$time" --arg machine "$machine" \
  --arg parts "$PARTS" --arg system "$system" --arg zstd "$(zstd -V | grep -o 'v[0-9.]*' | head -n 1)" \
  --arg compiler "$("$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$BUILD/CMakeCache.txt")" --version | head -n 1)" \
  --slurpfile files "$work/files" --slurpfile archives "$work/archives" --slurpfile bound "$work/bound" \
  --slurpfile packages "$work/packages" \
  '{version: $version, project: $project, commit: $commit, time: ($time | todate), machine: $machine,
    parts: ($parts | split(" ")), system: $system, zstd: $zstd, compiler: $compiler,
    files: $files[0], archives: $archives[0], bound: $bound[0], packages: $packages[0]}' > "$work/all"
jq -f scripts/release/components.jq "$work/all" > "$work/components"
id=$(digest "$work/components")
jq --arg id "$id" -f scripts/release/cyclonedx.jq "$work/components" > "$to/sbom.cdx.json"
jq --arg id "$id" -f scripts/release/spdx.jq "$work/components" > "$to/sbom.spdx.json"
jq -f scripts/release/provenance.jq "$work/all" > "$to/provenance.json"
for file in sbom.cdx.json sbom.spdx.json provenance.json; do
  printf '%s %s %s\n' $file "$(digest "$to/$file")" "$(stat -c %s "$to/$file")"
done | jq -Rn '[inputs | split(" ") | {name: .[0], sha256: .[1], size: (.[2] | tonumber)}]' > "$work/described"
jq --slurpfile described "$work/described" -f scripts/release/manifest.jq "$work/all" > "$work/manifest"
# Its own digest, so that it is known which of the two is wrong where it and SHA256SUMS differ.
jq --arg self "$(digest "$work/manifest")" '. + {self: $self}' "$work/manifest" > "$to/manifest.json"
(cd "$to" && LC_ALL=C && sha256sum -- * > "$work/SHA256SUMS")
mv "$work/SHA256SUMS" "$to/SHA256SUMS"
if [ -n "$KEY" ]; then
  sign "$key_is" "$KEY" "$to/SHA256SUMS" "$VERSION" 2> "$said" || fail 1 "KEY=$KEY did not sign"
  signed_by "${key_is%-secret}-public" "$to/$public" "$to/SHA256SUMS" || fail 3 "the signature made with KEY=$KEY does not verify"
fi

# --- Under its name at once, or not at all.
chmod 755 "$to"
if [ -n "$rehearsal" ] && [ -e "$place" ]; then mv -T "$place" "$work/replaced"; fi
mv -nT "$to" "$place"
[ ! -e "$to" ] || fail 1 "$place appeared meanwhile, and stays as it is"
ln -sfn "$VERSION" "$OUT/release/latest"
cat "$place/SHA256SUMS"
jq -r '.missing[] | "missing: \(.part): \(.reason)"' "$place/manifest.json"
echo "$place: $(wc -l < "$place/SHA256SUMS") files, $([ -n "$KEY" ] && echo "signed by ${key_is%-secret}" || echo "not signed (KEY=FILE)"); check it by: make release-verify DIR=$place"
