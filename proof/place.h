// Where a workload runs in the guest, and how guest-checkpoint is told of it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::proof {

// On the guest's root file system, which the containers have as theirs: the same for all.
inline constexpr const char* work = "/var/lib/proof";

struct Started {
  pid_t pid = 0;                    // the root of the tree
  std::vector<std::string> target;  // words of guest-checkpoint
};

// Runs the script `start` as the root of a tree of its own, as a container's first program, or as a unit of
// systemd.
Result<Started> start_in(const std::string& place, const std::string& start);
// Who made it lets go of what has ended.
void forget(const std::string& place);

}  // namespace cg::proof
