// From what hinders the dump to a command that works: options are added until the checks find nothing more
// that an option would clear. What the plan says was therefore judged by the same checks.
#pragma once

#include <string>
#include <vector>

#include "tasks/checks/checks.h"

namespace cg::tree {

struct Plan {
  std::vector<std::string> dump_options;
  std::vector<std::string> restore_options;
  Findings cleared;    // by the options
  Findings remaining;  // FAIL: no option clears them; WARN: to be known
};

// Begins with `given` options (of an OCI spec, say).
Plan make_plan(const Snapshot& tree, const Version& criu, const OptionTable& table,
               const std::vector<std::string>& given_dump = {},
               const std::vector<std::string>& given_restore = {});

// Where the tree's root file system is in the place CRIU runs in; "" when that cannot be told.
std::string restore_root(const Snapshot& tree);
// What to do about the words "fd[N]:KEY" of a restore; "" where there are none.
std::string inherited_note(const std::vector<std::string>& words);
bool is_mountpoint(const Snapshot& tree, const std::string& path);

// The options that bind mounts of an OCI runtime spec ask for, those that the tree really has. `name` is the
// spec's file.
struct SpecOptions {
  std::vector<std::string> dump;
  std::vector<std::string> restore;
};
Result<SpecOptions> spec_options(const std::string& json, const std::string& name, const Snapshot& tree);

}  // namespace cg::tree
