// Where the kernel's Kconfig files define a symbol, and the dependencies written there: enough to tell a symbol
// that this kernel does not have from one that something else keeps off.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

struct SymbolDefinition {
  std::string file;  // relative to the tree
  std::size_t line = 0;
  std::vector<std::string> depends_on;  // each "depends on" of this definition, as written
};

using SymbolDefinitions = std::multimap<std::string, SymbolDefinition, std::less<>>;

// Every `config` and `menuconfig` of every Kconfig* file below `tree`, other architectures' left out.
// `architecture` as in ARCH=. Dependencies inherited from `if` and `menu` are not resolved.
Result<SymbolDefinitions> scan_definitions(const std::filesystem::path& tree, const std::string& architecture);

// One file's part of it; `name` is what SymbolDefinition::file will say.
void scan_definitions_text(std::string_view text, const std::string& name, SymbolDefinitions& into);

}  // namespace cg
