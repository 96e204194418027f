# What `kcheck show --format json` writes -> the pages of what is known, each {path, title, label, body, entries, ids}.
# A page has a table of its rows, then each row with all its facts under its id as anchor. `entries` are for the search, `ids`
# say where an id is.

# The pages, in the order of the menu; errors by the stage of CRIU's work in which they are met.
def pages: {
  "requirements": ["What CRIU asks of a kernel", "Requirements of CRIU", "The requirement matrix of `kcheck live`, `config`, `fragment` and `image`."],
  "programs": ["What other programs ask of a kernel", "Requirements of others", "The requirements of `kcheck config --for NAME`."],
  "tree": ["What in a process tree stops a dump", "Findings of a process tree", "The findings of `kcheck tree` and `guest-checkpoint dump`."],
  "restore": ["What between a checkpoint and a place stops a restore", "Findings of a restore", "The findings of `kcheck restore`."],
  "errors-startup": ["Errors of any criu command at its start", "Errors at the start", ""],
  "errors-check": ["Errors of criu check", "Errors of criu check", ""],
  "errors-dump": ["Errors of a dump", "Errors of a dump", ""],
  "errors-restore": ["Errors of a restore", "Errors of a restore", ""],
  "errors-wrapper": ["Errors of runc, crun and others that call criu", "Errors of callers", ""],
  "errors-any": ["Errors that mean nothing by themselves", "Errors at any time", ""]
};
def page_of:
  if .kind == "requirement" then if .of == "CRIU" then "requirements" else "programs" end
  elif .kind == "cause" then "errors-" + (.stage // "any")
  else .kind end;
def words_of($page): pages[$page] // ["Errors: " + $page, $page, ""]
  | if .[2] == "" then .[2] = "The failure knowledge base of `kcheck explain`: what an error means, what clears it, and what does not." else . end;

# As kcheck show calls the facts where a person reads them.
def called: {
  by_tree: "asked", window: "asked", criu: "CRIU", kernel: "Linux", architectures: "machines", texts: "CRIU says",
  dump_options: "dump with", restore_options: "restore with", explained_by: "see", not: "mind", versions: "of those here",
  unlogged: "in no log", environment: "variable", with: "beside it", places: "said in", of: "asked by"
}[.] // .;
def is_code: IN("texts", "with", "symbols", "probe", "dump_options", "restore_options", "errno", "places", "source", "file");
def on_one_line: IN("versions", "architectures", "errno", "places", "dump_options", "restore_options");

def anchor: if .case then .id + "." + (.case | gsub("[^A-Za-z0-9]+"; "-")) else .id end;
def name: if .case then "\(.id) (\(.case))" else .id end;
def ticks: @html | gsub("`(?<words>[^`]*)`"; "<code>\(.words)</code>");
def linked($to; $text): "<a href=\"\($to | @html)\">\($text)</a>";
# Below known/, seen from there.
def href($of): "\($of | page_of).html#\($of | anchor | @uri)";
def severity: (.severity // "" | split(":")[0]);
def listed: if type == "array" then . elif . == null then [] else [tostring] end;

def value($key; $causes):
  if $key == "explained_by" and $causes[.] then . as $id | linked($causes[$id]; $id | @html)
  elif $key == "proof" and startswith("lab:") then
    capture("^lab:(?<case>[^ ]*)").case as $case | linked("../docs/lab.html#\($case | @uri)"; "lab:\($case)" | @html)
  elif $key | is_code then "<code>\(@html)</code>"
  else ticks end;

def fact($key; $causes): .[$key] | listed | map(value($key; $causes))
  | "<dt>\($key | called)</dt><dd>" + (if ($key | on_one_line) or length == 1 then join(", ")
      else "<ul>" + (map("<li>\(.)</li>") | join("")) + "</ul>" end) + "</dd>";

def section($causes): . as $row
  | "<section id=\"\(anchor | @html)\">\n<h2>\(linked("#" + (anchor | @uri); name | @html))</h2>\n<p>\(.title | ticks)</p>\n<dl>"
  + ([keys_unsorted[] | select(IN("kind", "id", "case", "title", "file", "line") | not)] | map(. as $key | $row | fact($key; $causes)) | join("\n"))
  + "\n<dt>row</dt><dd><code>\(.file | @html)\(if .line then ":\(.line)" else "" end)</code></dd></dl>\n</section>\n";

# The columns of a page's table: what they are called, and of a row what they say.
def columns:
  [["id", linked("#" + (anchor | @uri); name | @html)], ["what", (.title | ticks)]]
  + if .kind == "requirement" then
      [["needed for", severity], ["CRIU", .criu // ""], ["Linux", .kernel // ""], ["machines", (.architectures | listed | join(", "))],
       ["configuration", .symbols // ""]]
    elif .kind == "cause" then [["is", .role]]
    else [["stops", severity], ["verdict", .verdict // ""]] end
  | .[2:][][1] |= @html;

def table: "<div class=\"frame\" tabindex=\"0\"><table>\n<thead><tr>" + (.[0] | columns | map("<th>\(.[0])</th>") | join("")) + "</tr></thead>\n<tbody>\n"
  + (map("<tr>" + (columns | map("<td>\(.[1])</td>") | join("")) + "</tr>\n") | join("")) + "</tbody></table></div>\n";

def entry: [href(.), name, .title, ([.texts, .why, .breaks, .fix, .symbols, .not] | map(listed) | add | join(" ")), (.texts | listed)];

.rows as $rows
| (reduce ($rows[] | select(.kind == "cause")) as $cause ({}; .[$cause.id] //= href($cause))) as $causes
| ($rows | group_by(page_of) | map({key: (.[0] | page_of), value: .}) | from_entries) as $by_page
| ([pages | keys_unsorted[] | select($by_page[.])] + ($by_page | keys - (pages | keys)))
| .[] | . as $page | words_of($page) as $words | ($by_page[$page] | sort_by(.line) | sort_by(.file)) as $own
  | {path: "known/\($page)", title: $words[0], label: $words[1],
     body: ("<h1>\($words[0])</h1>\n<p>\($words[2] | ticks) <code>kcheck show ID</code> prints a row.</p>\n"
       + ($own | table) + ($own | map(section($causes)) | join(""))),
     entries: ($own | map(entry)),
     ids: ($own | map([.id, href(.)]))}
