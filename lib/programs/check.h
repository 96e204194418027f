// Can the programs of a tree be started? Machine, loader, libraries and the symbol versions they need.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "programs/loader.h"
#include "programs/root_tree.h"

namespace cg {

struct UnloadableProgram {
  std::string path;     // of the program or library that cannot be loaded
  std::string message;  // "needs libx.so.1, which …"
  auto operator<=>(const UnloadableProgram&) const = default;
};

struct ProgramsReport {
  std::size_t programs = 0;                 // ELF files in the standard places
  std::size_t libraries = 0;                // of these, ones without a loader of their own
  std::string machine;                      // "" when there is no program
  std::vector<UnloadableProgram> problems;  // sorted
  // Plug-ins: what lies deeper than a loader looks and no program reaches. A package may only recommend the
  // libraries of one, and whoever would load it goes without.
  std::vector<UnloadableProgram> idle;
};

// All ELF files in the directories that programs and libraries have in a guest. A library that no program
// reaches counts as one that is loaded by name: where what it needs is anywhere in these directories, whoever
// loads it is taken to bring the path.
Result<ProgramsReport> check_programs(const RootTree& tree);

// What speaks against one file that comes, or came, into a tree for `machine` ("": for any).
Result<std::vector<UnloadableProgram>> check_program(Loader& loader, const std::string& path,
                                                     const std::string& machine);

}  // namespace cg
