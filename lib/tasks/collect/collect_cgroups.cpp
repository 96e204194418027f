#include <fmt/format.h>

#include "procfs/directory.h"
#include "procfs/freezer.h"
#include "procfs/scan.h"
#include "tasks/collect/collect.h"

namespace cg::tree {
namespace {

using procfs::Directory;

CgroupState look_at(const procfs::CgroupEntry& entry, const std::vector<procfs::Mount>& mounts) {
  CgroupState state;
  state.entry = entry;
  state.directory = procfs::cgroup_directory(entry, mounts);
  if (state.directory.empty()) return state;
  const auto own = Directory::open(state.directory);
  if (!own) return state;
  const procfs::Freezer freezer = procfs::look_at_freezer(entry, state.directory);
  state.frozen = freezer.frozen;
  for (const auto& [directory, on] : freezer.levels) state.levels.push_back({directory, on});
  if (entry.path == "/") return state;
  const auto text = own->read("cgroup.procs");
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty())
    if (const auto pid = procfs::to_number<int>(procfs::take_line(rest)); pid && *pid > 0)
      state.members.push_back(*pid);
  return state;
}

}  // namespace

void collect_cgroups(Snapshot& snapshot) {
  for (const auto& task : snapshot.tasks)
    for (const auto& entry : task.cgroups) {
      // Of v1 only the freezer can keep a task from being dumped.
      if (!entry.is_v2() && !entry.has("freezer")) continue;
      const std::string key = fmt::format("{}:{}", entry.hierarchy, entry.path);
      if (!snapshot.cgroups.contains(key)) snapshot.cgroups.emplace(key, look_at(entry, snapshot.own_mounts));
    }
}

}  // namespace cg::tree
