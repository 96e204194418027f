// A manual page, section 1, of a tool or of one of its commands, in the macros of man(7).
#pragma once

#include <string>

#include "manual/command_line.h"

namespace cg::manual {

// "kcheck-tree"; of the tool itself (`command` is null) "kcheck".
std::string page_name(const CommandLine& line, const Part* command);

// `date`: "2026-11-28".
std::string man_page(const CommandLine& line, const Part* command, const std::string& date);

}  // namespace cg::manual
