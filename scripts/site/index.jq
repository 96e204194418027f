# The sections of the pages and the rows of what is known -> what the search goes through: arrays of
# [page#anchor, heading, title, text, CRIU's texts], titles where a heading is an id.
def plain: gsub("&lt;"; "<") | gsub("&gt;"; ">") | gsub("&quot;"; "\"") | gsub("&amp;"; "&");
def page: if test("(^|/)README\\.md$") then .[:-9] + "index.html" else sub("\\.md$"; ".html") end;
map([(.[0] | page) + "#" + .[1], (.[2] | plain), "", (.[3] | plain), []])
+ ($known | map(.entries[] | .[0] |= "known/" + .))
