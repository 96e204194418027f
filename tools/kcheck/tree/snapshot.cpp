#include "tree/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

namespace cg::tree {

std::string Task::name() const {
  return fmt::format("{} ({})", pid, status.name);
}

const Task* Snapshot::find(int pid) const {
  const auto found = std::ranges::find(tasks, pid, &Task::pid);
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace cg::tree
