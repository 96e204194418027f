// From what stands in the way of a restore to a command that works, judged by the same checks.
#pragma once

#include <string>
#include <vector>

#include "restore/checks/checks.h"

namespace cg::restore {

struct Plan {
  std::vector<std::string> options;
  Findings cleared;    // by the options
  Findings remaining;  // FAIL: no option clears them; WARN: to be known
};

// Begins with `given` options.
Plan make_plan(const checkpoint::Checkpoint& checkpoint, const Version& criu, const OptionTable& table,
               const Place& place, const std::vector<std::string>& given);

}  // namespace cg::restore
