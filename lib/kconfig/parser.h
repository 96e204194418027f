// Kconfig text -> Tree. One pass, recursive only where the language is: expressions and sourced files.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kconfig/macro.h"
#include "kconfig/tree.h"

namespace cg::kconfig {

// The bytes of a file named as in `source`, or nothing when there is none. They stay where they are as long
// as the tree lives. `tree` may be asked to keep them.
using FileReader = std::function<std::optional<std::string_view>(Tree& tree, const std::string& name)>;
// The files that a pattern with '*', '?' or '[' names, sorted.
using FileFinder = std::function<std::vector<std::string>(const std::string& pattern)>;

Result<Tree> parse(const FileReader& read, const FileFinder& find, const Macros::Variables& variables);

// Stores bytes in the tree.
std::string_view keep(Tree& tree, std::string_view bytes);

}  // namespace cg::kconfig
