// What is to be dumped: a process tree, named by its root, by a cgroup or by a container.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::checkpoint {

struct TargetWords {
  int pid = 0;
  std::string cgroup;     // a cgroup's directory, or its path below the hierarchy's mountpoint
  std::string container;  // an id that a runtime knows
  std::string runtime;    // a program; "": runc, crun or youki, whichever knows the container
};

struct Target {
  std::string name;    // "process 126", "container web"
  int pid = 0;         // the root of the tree
  std::string cgroup;  // the directory that was named
  std::string spec;    // of a container: its config.json
  std::string bundle;

  // Named by its pid alone, it may share its cgroup by chance.
  bool is_bare_process() const { return cgroup.empty() && bundle.empty() && spec.empty(); }
};

// Refused: a cgroup with no tree in it, or with several; a container that does not run. Cannot: there is no
// such thing.
Result<Target> find_target(const TargetWords& words);

// The one process of `pids` whose parent is none of them.
Result<int> root_of(const std::vector<int>& pids, const std::function<int(int pid)>& parent_of,
                    const std::string& name);

}  // namespace cg::checkpoint
