// Text that becomes part of XML or HTML.
#pragma once

#include <string>
#include <string_view>

namespace cg {

// <, >, & and quotes as entities; bytes that are neither UTF-8 nor allowed in XML as U+FFFD.
std::string escape_markup(std::string_view text);

}  // namespace cg
