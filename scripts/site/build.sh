#!/usr/bin/env bash
# What `make site` runs: README.md, docs/ and what kcheck knows as pages in $OUT/site, which need no server and fetch
# nothing. The same sources give the same bytes.
# Variables: BIN, OUT.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
: "${BIN:=build/release/bin}" "${OUT:=out}"
export LC_ALL=C
for program in cmark-gfm jq awk; do
  command -v $program > /dev/null || { echo "site: no $program here; 'scripts/deps.sh site' installs it" >&2; exit 3; }
done
mkdir -p "$OUT"
work=$(mktemp -d "$OUT/.site.XXXXXX")
trap 'rm -rf "$work"' EXIT
site=$work/site
mkdir "$site"

# What is known, by the tool itself, so that the two say the same.
"$BIN/kcheck" show --format json > "$work/rows.json"
jq -cf "$here/rows.jq" "$work/rows.json" > "$work/known.json"
jq -r '.ids[] as [$id, $href] | "\($id)\tknown/\($href)"' "$work/known.json" > "$work/ids"

# The menu: LEVEL TAB PATH TAB LABEL, LEVEL "group" or "page"; a page of docs/ that it lacks comes last.
page_of() { local page=${1%.md}; case $page in README | */README) page=${page%README}index ;; esac; echo "$page.html"; }
while read -r path label; do
  case $path in
    '' | '#') ;;
    '##') printf 'group\t-\t%s\n' "$label" ;;
    'known/*') jq -r '"page\t\(.path)\t\(.label)"' "$work/known.json" ;;
    *) printf 'page\t%s\t%s\n' "$path" "$label" ;;
  esac
done < "$here/pages.txt" > "$work/menu"
for path in docs/*.md; do
  grep -q $'^page\t'"$path"$'\t' "$work/menu" || printf 'page\t%s\t%s\n' "$path" "$(basename "$path" .md)" >> "$work/menu"
done
{
  echo '<nav id="menu" aria-label="pages">'
  while IFS=$'\t' read -r level path label; do
    [ "$level" = page ] && printf '<a href="@UP@%s">%s</a>\n' "$(page_of "$path")" "$label" || printf '<h2>%s</h2>\n' "$label"
  done < "$work/menu"
  echo '</nav>'
} > "$work/menu.html"

# page PATH TITLE < BODY: the whole page.
up_of() { local folders=${1//[^\/]/}; printf '%s' "${folders//\//../}"; }
page() {
  local file up
  file=$(page_of "$1") up=$(up_of "$1")
  mkdir -p "$(dirname "$site/$file")"
  {
    cat << EOF
<!DOCTYPE html>
<html lang="en" data-up="$up"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>$2</title><link rel="stylesheet" href="${up}site.css">
<script defer src="${up}site.js"></script></head><body>
<header><a href="${up}index.html">criu-guest</a> <a class="to-menu" href="#menu">all pages</a>
<input id="search" type="search" placeholder="words, an id, or a line of CRIU's log" aria-label="search" hidden></header>
<ol id="found" aria-live="polite" hidden></ol>
<main>
EOF
    cat
    echo '</main>'
    sed "s|href=\"@UP@$file\"|& aria-current=\"page\"|; s|@UP@|$up|" "$work/menu.html"
    echo '</body></html>'
  } > "$site/$file"
}

touch "$work/links" "$work/sections"
while IFS=$'\t' read -r level path label; do
  [ "$level" = page ] || continue
  case $path in
    known/*)
      grep -F "{\"path\":\"$path\"," "$work/known.json" | jq -r .body | page "$path" "$label, criu-guest" ;;
    *)
      [ -f "$path" ] || { echo "site: scripts/site/pages.txt names $path, which is not there" >&2; exit 1; }
      cmark-gfm --extension table --extension strikethrough --unsafe "$path" |
        awk -v path="$path" -v up="$(up_of "$path")" -v ids="$work/ids" -v links="$work/links" -v sections="$work/sections" \
          -f "$here/page.awk" | page "$path" "$label, criu-guest" ;;
  esac
done < "$work/menu"

# What pages link to is a page, or a file of the sources that comes along.
while IFS=$'\t' read -r from to; do
  target=$(realpath -m --relative-to=. "$(dirname "$from")/$to")
  case $target in
    ../*) ;;
    *.md) [ ! -f "$site/$(page_of "$target")" ] || continue ;;
    *)
      if [ -f "$target" ]; then
        mkdir -p "$(dirname "$site/$target")"
        cp "$target" "$site/$target"
        continue
      fi ;;
  esac
  echo "site: $from links to $to, which is no page and no file of the sources" >&2
  exit 1
done < <(sort -u "$work/links")

# For the search: [page#anchor, heading, title or "", text, CRIU's texts].
jq -Rn '[inputs | split("\t")]' "$work/sections" > "$work/sections.json"
{
  printf 'criuGuestIndex = '
  jq -c -f "$here/index.jq" --slurpfile known "$work/known.json" "$work/sections.json"
} > "$site/search-index.js"
cp "$here/site.css" "$here/site.js" "$site/"
rm -rf "$OUT/site"
mv "$site" "$OUT/site"
echo "$OUT/site/index.html: $(find "$OUT/site" -name '*.html' | wc -l) pages, $(du -sk "$OUT/site" | cut -f1) kB"
