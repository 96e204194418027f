// What to set so that a symbol gets a value: a small search through dependencies, selects and defaults, on
// top of what the configuration already has. It proposes; the kernel's own conf decides.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kconfig/evaluation.h"

namespace cg::kconfig {

struct Setting {
  std::string symbol;
  char value = 'y';   // y, m, n
  std::string where;  // file:line of the symbol's definition
  bool operator==(const Setting&) const = default;
};

// The settings, what is depended on first, that give `symbol` at least (yes, module) or exactly (no) this
// value; empty when it has it already. nullopt: no way was found, as for a symbol that only another
// architecture has.
std::optional<std::vector<Setting>> find_remedy(const Evaluation& evaluation, Index symbol, Tristate wanted);

// The settings for several symbols together, each one listed once.
struct Remedies {
  std::vector<Setting> settings;
  std::vector<std::string> impossible;  // symbols without a way
};
Remedies find_remedies(const Evaluation& evaluation, const std::vector<std::pair<Index, Tristate>>& wanted);

}  // namespace cg::kconfig
