#!/usr/bin/env bash
# release-verify.sh [DIR]: what `make release-verify` runs. Is the release in DIR, to the last bit, what its manifest says?
# Offline, of nothing but the release itself; each file that differs, is missing or is too much is named, one a line.
# Exit status: 0 it is; 1 it is not; 2 the call's words are off; 3 it could not be looked at.
# Variables: OUT; PUBKEY, the public key of minisign or openssl that it must be signed by.
set -euo pipefail
house=$(cd "$(dirname "$0")/.." && pwd)
. "$house/scripts/release/archive.sh"
. "$house/scripts/release/signature.sh"
: "${OUT:=out}" "${PUBKEY:=}"

fail() {
  echo "release-verify: $2" >&2
  exit "$1"
}
[ $# -le 1 ] || fail 2 "one directory at most: release-verify.sh [DIR]"
dir=${1:-$OUT/release/latest}
[ -d "$dir" ] || fail 3 "$dir: there is no such directory; 'make release' makes $OUT/release/VERSION"
for program in jq zstd sha256sum gzip tar; do
  command -v $program > /dev/null || fail 3 "no $program here; 'scripts/deps.sh release' installs it"
done
public_is=
if [ -n "$PUBKEY" ]; then
  [ -f "$PUBKEY" ] && [ -r "$PUBKEY" ] || fail 3 "PUBKEY=$PUBKEY: there is no such file that can be read"
  PUBKEY=$(realpath -- "$PUBKEY")
  public_is=$(key_kind "$PUBKEY")
  case $public_is in
    *-public) ;;
    *-secret) fail 1 "PUBKEY=$PUBKEY is the secret half: keep it to yourself, and give the public one" ;;
    *) fail 1 "PUBKEY=$PUBKEY is no public key of minisign or openssl (Ed25519)" ;;
  esac
fi
cd -- "$dir" 2> /dev/null || fail 3 "$dir cannot be entered"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

faults=0
differs() {
  faults=$((faults + 1))
  printf '%s: %s\n' "$(printf %q "$1")" "$2"
}
finish() {
  [ $faults = 0 ] || { echo "$dir: $faults $([ $faults = 1 ] && echo fault || echo faults), this is not what was released"; exit 1; }
}

# --- What is there.
declare -A is summed bound
files=()
shopt -s nullglob dotglob
for file in *; do
  if [ -L "$file" ] || [ ! -f "$file" ]; then
    differs "$file" "too much, and no plain file"
  elif [ ! -r "$file" ]; then
    fail 3 "$dir/$file cannot be read"
  else
    files+=("$file")
  fi
done
shopt -u nullglob dotglob
# With a zero byte behind each: no line of it is a word of ours, whatever the names are.
while IFS= read -r -d '' line; do is[${line:66}]=${line:0:64}; done < <([ ${#files[@]} = 0 ] || sha256sum -z -- "${files[@]}")

# --- SHA256SUMS: one line of one form for each file but itself and its signature.
if [ -z "${is[SHA256SUMS]:-}" ]; then
  differs SHA256SUMS missing
else
  number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    if [[ $line =~ ^([0-9a-f]{64})\ \ ([0-9A-Za-z][0-9A-Za-z.+~_-]*)$ && -z ${summed[${BASH_REMATCH[2]}]:-} ]]; then
      summed[${BASH_REMATCH[2]}]=${BASH_REMATCH[1]}
    else
      differs SHA256SUMS "line $number is not as it was written"
    fi
  done < <(tr '\0' '?' < SHA256SUMS)
  # Nothing between the lines either.
  for file in "${!summed[@]}"; do echo "${summed[$file]}  $file"; done | LC_ALL=C sort -k 2 | cmp -s - SHA256SUMS ||
    [ $faults != 0 ] || differs SHA256SUMS "is not written as it was"
fi

# --- The manifest is what it was when it says so itself, and is written as it was: else it is not asked.
manifest=
archives=()
if [ -n "${is[manifest.json]:-}" ] && jq -r 'select(.schema == "criu-guest.release/1") | .self,
    (.files[] | "\(.sha256) \(.name)"), (.archives[] | "archive \(.file)")' manifest.json > "$work/manifest" 2> /dev/null &&
  jq . manifest.json | cmp -s - manifest.json &&
  [ "$(jq 'del(.self)' manifest.json | digest)" = "$(head -n 1 "$work/manifest")" ]; then
  manifest=1
  while read -r sha256 file; do
    if [ "$sha256" = archive ]; then archives+=("$file"); else bound[$file]=$sha256; fi
  done < <(tail -n +2 "$work/manifest")
  bound[manifest.json]=${is[manifest.json]}
fi

# --- Each file against both.
for file in $(printf '%s\n' "${!summed[@]}" "${!bound[@]}" | LC_ALL=C sort -u); do
  if [ -z "${is[$file]:-}" ]; then
    if [ -n "${bound[$file]:-}" ] || [ -z "$manifest" ]; then differs "$file" missing; else differs SHA256SUMS "speaks of $file, which the manifest does not know"; fi
  elif [ -n "$manifest" ] && [ "${bound[$file]:-}" = "${is[$file]}" ]; then
    [ "${summed[$file]:-}" = "${is[$file]}" ] || differs SHA256SUMS "says something else of $file than the manifest, and $file itself"
  elif [ -n "$manifest" ] && [ -z "${bound[$file]:-}" ]; then
    differs "$file" "too much: the manifest does not know it"
  elif [ "${summed[$file]:-}" = "${is[$file]}" ] && [ -n "$manifest" ]; then
    differs "$file" "differs from what the manifest says (SHA256SUMS was made anew)"
  elif [ "${summed[$file]:-}" != "${is[$file]}" ]; then
    differs "$file" "differs: SHA-256 ${is[$file]}, $(stat -c %s -- "$file") bytes; it was ${bound[$file]:-${summed[$file]}}"
  fi
done
for file in "${files[@]}"; do
  case $file in SHA256SUMS | SHA256SUMS.minisig | SHA256SUMS.sig | manifest.json) continue ;; esac
  [ -n "${summed[$file]:-}${bound[$file]:-}" ] || differs "$file" "too much: neither SHA256SUMS nor the manifest knows it"
done
if [ -z "${is[manifest.json]:-}" ]; then
  [ -n "${summed[manifest.json]:-}" ] || differs manifest.json missing
elif [ -z "$manifest" ] && [ "${summed[manifest.json]:-}" = "${is[manifest.json]}" ]; then
  differs manifest.json "is not what 'make release' wrote"
elif [ -z "$manifest" ] && [ -z "${summed[manifest.json]:-}" ]; then
  differs manifest.json "is not in SHA256SUMS"
fi

# --- The signature, of the key that was given, or of the one that came along.
signed=
for kind in minisign openssl; do
  [ $kind = minisign ] && signature=SHA256SUMS.minisig public=release.pub || signature=SHA256SUMS.sig public=release.pem
  if [ -z "${is[$signature]:-}" ]; then
    [ -z "${bound[$public]:-}" ] || differs "$signature" "missing: this release was signed"
    continue
  fi
  if [ -n "$manifest" ] && [ -z "${bound[$public]:-}" ]; then
    differs "$signature" "too much: this release was not signed"
    continue
  fi
  command -v $kind > /dev/null || fail 3 "the signature is of $kind, which is not here; 'scripts/deps.sh release' installs it"
  signed=$kind
  if [ -n "${is[$public]:-}" ] && ! signed_by $kind-public "$PWD/$public" "$PWD/SHA256SUMS"; then
    differs "$signature" "is no signature of SHA256SUMS by $public"
  fi
done
if [ -n "$PUBKEY" ]; then
  if [ -z "$signed" ]; then
    differs SHA256SUMS "not signed, and PUBKEY=$PUBKEY was to have signed it"
  elif [ "$public_is" != "$signed-public" ]; then
    differs SHA256SUMS "signed by $signed, and PUBKEY=$PUBKEY is of ${public_is%-public}"
  elif ! signed_by "$public_is" "$PUBKEY" "$PWD/SHA256SUMS"; then
    differs SHA256SUMS "not signed by PUBKEY=$PUBKEY"
  fi
fi
[ -n "$manifest" ] || finish

# --- The archives: each member; of an archive that differs, which. Where other files differ, whole archives are whole.
checked=0 broken=$faults
for file in "${archives[@]}"; do
  [ -n "${is[$file]:-}" ] || continue
  [ "$broken" = 0 ] || [ "${bound[$file]}" != "${is[$file]}" ] || continue
  jq -c --arg file "$file" '.archives[] | select(.file == $file) | .members[]' manifest.json > "$work/wanted"
  checked=$((checked + $(wc -l < "$work/wanted")))
  if ! members "$file" > "$work/found" && [ "${bound[$file]}" = "${is[$file]}" ]; then
    differs "$file" "does not unpack"
  elif ! cmp -s "$work/wanted" "$work/found"; then
    while IFS= read -r line; do differs "$file" "$line"; done < <(jq -nr --slurpfile wanted "$work/wanted" --slurpfile found "$work/found" '
      ($wanted | map({key: .path, value: .}) | from_entries) as $w | ($found | map({key: .path, value: .}) | from_entries) as $f
      | ($w + $f | keys[]) as $path | select($w[$path] != $f[$path])
      | "member \($path) " + (if $f[$path] == null then "is missing" elif $w[$path] == null then "is too much" else "differs" end)' 2> /dev/null)
  fi
done
[ $faults = 0 ] || finish

# --- What the files say of each other. All of them are as they were written: were they written right?
while IFS=$'\t' read -r where what; do differs "$where" "$what"; done < <(
  {
    jq -c '.bound | to_entries[] | select(.value | type == "object") | ["manifest.json", .key, .value.file, .value.member // "", .value.sha256]' manifest.json
    jq -c '.bound.reports // [] | .[] | ["manifest.json", "report", .file, "", .sha256]' manifest.json
    jq -c '.components[] | select(.hashes) | (.properties // [] | map({key: .name, value}) | from_entries) as $at
      | select($at["criu-guest:file"]) | ["sbom.cdx.json", ."bom-ref", $at["criu-guest:file"], $at["criu-guest:member"] // "", .hashes[0].content]' sbom.cdx.json
    jq -c '.packages[] | select(.packageFileName) | (.packageFileName | split("!")) as $at
      | ["sbom.spdx.json", .SPDXID, $at[0], $at[1] // "", .checksums[0].checksumValue]' sbom.spdx.json
    jq -c '.subject + .predicate.runDetails.byproducts | .[] | ["provenance.json", "subject", .name, "", .digest.sha256]' provenance.json
  } | jq -r --slurpfile manifest manifest.json '
    ($manifest[0] | (.files | map({key: "\(.name)!", value: .sha256}))
      + [.archives[] | .file as $file | .members[] | {key: "\($file)!\(.path | ltrimstr("./"))", value: .sha256}] | from_entries) as $known
    | select($known["\(.[2])!\(.[3])"] != .[4] or .[4] == null)
    | [.[0], "\(.[1]): \(.[2]) \(.[3]) has another SHA-256"] | @tsv')
while IFS=$'\t' read -r file verdict; do
  [ -n "${is[$file]:-}" ] || continue
  [ "$(jq -r '.subjects[0].verdict' "$file")" = "$verdict" ] || differs "$file" "has another verdict than the manifest says"
done < <(jq -r '.bound.reports // [] | .[] | [.file, .verdict] | @tsv' manifest.json)
for file in kata-static-*.tar.zst; do
  [ -f "$file" ] || continue
  name=${file#kata-static-} name=${name%.tar.zst}
  [ "$(cat "$name-sha256sum" 2> /dev/null)" = "${is[$file]}  $file" ] || differs "$name-sha256sum" "does not fit $file"
  [ -s "$name-version" ] || differs "$name-version" "missing"
  while read -r member sha256; do
    [ "$sha256" = "${is[${member##*/}]:-}" ] || differs "${member##*/}" "is not what $file holds"
  done < <(jq -r --arg file "$file" '.archives[] | select(.file == $file) | .members[] | select(.path | test("/root_hash_[^/]*$")) | "\(.path) \(.sha256)"' manifest.json)
done
while read -r file sha256; do
  [[ $(cat "$file" 2> /dev/null) == "root_hash=$sha256,"* ]] || differs "$file" "has another root hash than the manifest says"
done < <(jq -r '.bound | (.image // empty | "root_hash_base.txt \(.root_hash)"), (.extension // empty | "root_hash_criu-extension.txt \(.root_hash)")' manifest.json)
finish
{
  jq -j '"criu-guest \(.version), commit \(.commit[0:12]): "' manifest.json
  echo "${#is[@]} files, $checked members of archives, $(jq '.components | length' sbom.cdx.json) components: all as the manifest says"
  if [ -z "$signed" ]; then
    echo "not signed"
  elif [ -n "$PUBKEY" ]; then
    echo "signed by $PUBKEY ($signed)"
  else
    echo "signed ($signed) by the key that came along: whose that is, only PUBKEY=FILE tells"
  fi
}
