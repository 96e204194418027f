#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "procfs/directory.h"
#include "procfs/scan.h"
#include "tree/collect/collect.h"

namespace cg::tree {
namespace {

using procfs::Directory;

// The switch of one directory. v1: "THAWED", "FREEZING" or "FROZEN", and whether it is so by itself.
bool frozen_here(const Directory& directory, bool v2) {
  const auto text = directory.read(v2 ? "cgroup.freeze" : "freezer.self_freezing");
  return text && trim(*text) == "1";
}

bool frozen_at_all(const Directory& directory, bool v2) {
  const auto text = directory.read(v2 ? "cgroup.events" : "freezer.state");
  if (!text) return false;
  return v2 ? text->contains("frozen 1") : trim(*text) != "THAWED";
}

CgroupState look_at(const procfs::CgroupEntry& entry, const std::vector<procfs::Mount>& mounts) {
  CgroupState state;
  state.entry = entry;
  state.directory = procfs::cgroup_directory(entry, mounts);
  if (state.directory.empty()) return state;
  const bool v2 = entry.is_v2();
  const auto own = Directory::open(state.directory);
  if (!own) return state;
  state.frozen = frozen_at_all(*own, v2);
  for (std::filesystem::path at = state.directory; at.has_relative_path(); at = at.parent_path()) {
    const auto level = Directory::open(at);
    // Above the mountpoint there is no such file.
    if (!level || !level->read("cgroup.procs")) break;
    state.levels.push_back({at.string(), frozen_here(*level, v2)});
    state.frozen = state.frozen || state.levels.back().frozen_here;
  }
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
