// The way through an image that a path describes: its parts, to which those of a symbolic link are added.
#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace cg::image {

inline constexpr int most_links = 40;  // symbolic links on one way; as in Linux

// Puts the parts of `path` before `rest`; "." and empty ones are none.
void push_front(std::deque<std::string>& rest, std::string_view path);

}  // namespace cg::image
