// The freezers above a tree, as they were before criu came: whatever happens, they are put back.
#pragma once

#include <string>
#include <vector>

#include "tasks/snapshot.h"

namespace cg::checkpoint {

struct FreezerSwitch {
  std::string directory;
  bool v2 = true;
  bool on = false;  // before
};

// Of the cgroups of the tree's tasks and all above them.
std::vector<FreezerSwitch> freezer_switches(const tree::Snapshot& snapshot);
// Turns off whatever of them is on. What that was, joined by commas; "": nothing.
std::string thaw(const std::vector<FreezerSwitch>& switches);
// As they were. What was changed, in words; "": nothing.
std::string put_back(const std::vector<FreezerSwitch>& switches);

}  // namespace cg::checkpoint
