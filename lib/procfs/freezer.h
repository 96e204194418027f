// What holds a cgroup frozen. Both versions of cgroups tell two things, each in a file of its own
// (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst):
//                                       v1                                v2
//   what comes of this directory and    freezer.state FREEZING, FROZEN    cgroup.events "frozen 1"
//   of all above it
//   its own switch, to be turned back   freezer.self_freezing 1           cgroup.freeze 1
// So freezer.state does not say which directory to thaw, and cgroup.freeze not that one above is frozen. A v2
// switch counts before the events say "frozen 1": that waits for every task, and one that is traced does not
// stop.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "procfs/cgroup.h"

namespace cg::procfs {

struct FreezerLevel {
  std::string directory;
  bool on = false;  // its own switch
};

struct Freezer {
  bool frozen = false;               // by one of these, or by one above what is mounted here
  std::vector<FreezerLevel> levels;  // from the cgroup itself up to the root of its hierarchy

  // The nearest that is switched on; nullptr: none of these.
  const FreezerLevel* nearest() const;
};

// `directory` is where the cgroup of `entry` lies. Nothing is frozen where its files cannot be read.
Freezer look_at_freezer(const CgroupEntry& entry, const std::filesystem::path& directory);

}  // namespace cg::procfs
