// Programs of a tree, found as execvp finds them there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "programs/root_tree.h"

namespace cg {

struct Program {
  std::string path;    // as found on PATH
  std::string target;  // what a symbolic link there says, else `path`
  std::string file;    // resolved
};

// Looks in the directories that a guest's root has on its PATH. Only executable regular files count.
std::optional<Program> find_program(const RootTree& tree, std::string_view name);

}  // namespace cg
