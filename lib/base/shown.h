// Text that others chose (a name in an image, a label, what a damaged file says) as it may stand in a line of
// ours: what would move a terminal's cursor, colour it or begin a new line is written as \n, \t or \xNN.
// JSON has such text as it is.
#pragma once

#include <string>
#include <string_view>

namespace cg {

// On one line.
std::string shown(std::string_view text);
// The same where lines of ours are in it: line ends and tabs stay.
std::string shown_lines(std::string_view text);
// A word of the command line that is named in an error: on one line, and no more than 60 characters of it.
std::string brief(std::string_view word);

}  // namespace cg
