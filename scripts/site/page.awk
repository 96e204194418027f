# What cmark-gfm writes of one Markdown file -> the body of its page: headings get anchors, and so do the `words` that open
# a row of a table, a paragraph or a heading; tables get a frame in which they scroll, links to Markdown files lead to their
# pages, ids of known rows to theirs.
# -v path=PATH (of the Markdown file), up=PREFIX (from the page to the site's root), ids=FILE (id TAB page#anchor),
# links=FILE (appended: path TAB target of each link that is not of this page), sections=FILE (appended: path TAB anchor
# TAB heading TAB text, for the search).
BEGIN {
  while ((getline line < ids) > 0) { split(line, field, "\t"); if (!(field[1] in known)) known[field[1]] = field[2] }
}

# As GitHub makes an anchor of a heading; the second of the same name is NAME-1.
function slug(text, wanted) {
  gsub(/<[^>]*>/, "", text)
  gsub(/&[a-z]+;/, "", text)
  text = tolower(text)
  gsub(/[^a-z0-9 _-]/, "", text)
  gsub(/ /, "-", text)
  wanted = text
  while (wanted in taken) wanted = text "-" ++taken[text]
  taken[wanted] = 0
  return wanted
}

function link_id(id) { return id in known ? "<a href=\"" up known[id] "\">" id "</a>" : id }

# <code>ID</code>, and cells that are a list of ids.
function link_ids(line,   out, id, n, i, word) {
  if (line ~ /^<td>[a-z0-9., -]+\.[a-z0-9., -]+<\/td>$/) {
    n = split(substr(line, 5, length(line) - 9), word, ", ")
    for (i = 1; i <= n; ++i) out = out (i > 1 ? ", " : "") link_id(word[i])
    return "<td>" out "</td>"
  }
  while (match(line, /<code>[a-z0-9-]+\.[a-z0-9.-]+<\/code>/)) {
    id = substr(line, RSTART + 6, RLENGTH - 13)
    out = out substr(line, 1, RSTART - 1) (id in known ? "<a href=\"" up known[id] "\"><code>" id "</code></a>" : "<code>" id "</code>")
    line = substr(line, RSTART + RLENGTH)
  }
  return out line
}

function lead(line,   out, start, target, fragment) {
  while (match(line, /(href|src)="[^"]*"/)) {
    start = RSTART + index(substr(line, RSTART, RLENGTH), "\"")
    target = substr(line, start, RSTART + RLENGTH - 1 - start)
    out = out substr(line, 1, start - 1)
    line = substr(line, start + length(target))
    if (target !~ /^[a-z]+:/ && target !~ /^#/) {
      fragment = ""
      if (match(target, /#.*/)) { fragment = substr(target, RSTART); target = substr(target, 1, RSTART - 1) }
      print path "\t" target >> links
      sub(/README\.md$/, "index.html", target)
      sub(/\.md$/, ".html", target)
      target = target fragment
    }
    out = out target
  }
  return out line
}

# The `words` that open a line behind its tag get anchors: in "<p><code>A</code> and <code>B</code>, …" both.
function name_words(line,   out, word) {
  match(line, /^<[a-z0-9]+>/)
  out = substr(line, 1, RLENGTH)
  line = substr(line, RLENGTH + 1)
  while (match(line, /^( and |, )?<code>[A-Za-z0-9._-]+<\/code>/)) {
    word = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    match(word, /<code>/)
    out = out substr(word, 1, RSTART - 1) "<code"
    word = substr(word, RSTART + 6)
    sub(/<.*/, "", word)
    if (!(word in taken)) out = out " id=\"" word "\""
    taken[word] = 0
    out = out ">" word "</code>"
  }
  return out line
}

function end_section() {
  gsub(/[ \t]+/, " ", text)
  if (anchor != "") printf "%s\t%s\t%s\t%s\n", path, anchor, heading, text >> sections
  text = ""
}

/^<h[1-6]>.*<\/h[1-6]>$/ {
  end_section()
  level = substr($0, 3, 1)
  heading = substr($0, 5, length($0) - 9)
  gsub(/<\/?a[^>]*>/, "", heading)
  anchor = slug(heading)
  heading = substr(name_words("<h>" heading), 4)
  if (level > 1) $0 = "<h" level " id=\"" anchor "\"><a href=\"#" anchor "\">" heading "</a></h" level ">"
  else $0 = "<h1 id=\"" anchor "\">" heading "</h1>"
  gsub(/<[^>]*>/, "", heading)
  print
  next
}
/^<!-- .* -->$/ { next }
{
  words = $0
  gsub(/<[^>]*>/, " ", words)
  text = text " " words
}
/^<table>$/ { print "<div class=\"frame\" tabindex=\"0\">" }
/^<pre>/ { sub(/^<pre>/, "<pre tabindex=\"0\">") }
/^<tr>$/ { first = 1 }
{ $0 = link_ids(lead($0)) }
/^<p><code>/ || (first && /^<td><code>/) { $0 = name_words($0) }
/^<td/ { first = 0 }
{ print }
/^<\/table>$/ { print "</div>" }
END { end_section() }
