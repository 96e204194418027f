// /proc/PID/cgroup, and where its hierarchies are mounted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "procfs/mountinfo.h"

namespace cg::procfs {

struct CgroupEntry {
  int hierarchy = 0;                     // 0: cgroup v2
  std::vector<std::string> controllers;  // of v1; "name=systemd" is one
  std::string path;                      // from the root of the reader's cgroup namespace

  bool is_v2() const { return hierarchy == 0 && controllers.empty(); }
  bool has(std::string_view controller) const;
};

Result<std::vector<CgroupEntry>> parse_cgroup(std::string_view text, const std::string& name = "cgroup");

// The directory of a cgroup in the reader's mounts: the mountpoint of its hierarchy and `entry.path` below
// the mount's root. "" when the hierarchy is not mounted, or not that part of it.
std::string cgroup_directory(const CgroupEntry& entry, const std::vector<Mount>& mounts);

}  // namespace cg::procfs
