# The lines of a log of `make demo` -> docs/demo.svg: what was typed, the guest's word, its account of the checkpoint but
# for the commands (they are longer than a picture is wide), and the table of the steps.
def columns: 96;
def advance: 7.8;
def height: 19;
def section($name): (index("== " + $name) // error("no step '\($name)' in the log")) as $at
  | .[$at + 1:] | (map(startswith("== ") or startswith("step  ")) | index(true)) as $stop | .[:$stop] | map(select(. != ""));
def table: (map(startswith("step  ")) | index(true)) as $at | .[$at:] | map(select(. != ""));

def style: if startswith("$ ") then "c" elif startswith("== ") or startswith("step  ") then "h"
  elif test("^  ok |^READY|^[0-9]+ of [0-9]+ held|^The container went on|^total .* OK$") then "g" else "" end;
def cut: if length > columns then .[:columns - 1] + "…" else . end;
def escaped: gsub("[\\x00-\\x1f\\x7f]"; "") | cut | @html;
# With its width said, a line is as wide in every font.
def text($row): (gsub("[\\x00-\\x1f\\x7f]"; "") | cut | length) as $length
  | "<text\(style | if . == "" then "" else " class=\"\(.)\"" end) x=\"14\" y=\"\(26 + $row * height)\" textLength=\"\($length * advance | floor)\">\(escaped)</text>";

[inputs]
| ["$ make demo", "== kcheck in the guest"] + section("kcheck in the guest")[:1]
  + ["== checkpoint and restore"] + (section("checkpoint and restore") | map(select(test("^ *[/]|^ *[a-z]+ .* --[a-z]") | not)))
  + [""] + table
| . as $lines
| (columns * advance + 28 | floor) as $width | (length * height + 26) as $tall
| "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\($width)\" height=\"\($tall)\" viewBox=\"0 0 \($width) \($tall)\" role=\"img\">
<title>make demo: a container is checkpointed and restored in a guest</title>
<style>
svg { color-scheme: light dark; }
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; white-space: pre; fill: #1f2328; }
rect { fill: #f6f8fa; stroke: #d1d9e0; } .c { font-weight: 700; } .h { fill: #0550ae; } .g { fill: #116329; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } rect { fill: #161b22; stroke: #3d444d; } .h { fill: #79c0ff; } .g { fill: #56d364; }
}
</style>
<rect x=\".5\" y=\".5\" width=\"\($width - 1)\" height=\"\($tall - 1)\" rx=\"6\"/>",
  (range($lines | length) | . as $row | $lines[$row] | select(. != "") | text($row)),
  "</svg>"
