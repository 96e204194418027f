// Symbols that guest and container configurations still carry, and that Linux has renamed, merged or dropped.
#pragma once

#include <string_view>

namespace cg::kconfig {

struct Renamed {
  std::string_view symbol;
  std::string_view now;   // the symbol to set instead; empty when there is none
  std::string_view note;  // what happened
};

const Renamed* find_renamed(std::string_view symbol);

}  // namespace cg::kconfig
