// Cgroups are made anew where they are missing, and left as they are where they are there, read-only or not;
// but for the modes of --manage-cgroups that want the one or the other.
#include <fmt/format.h>

#include <set>

#include "checkpoint/describe.h"
#include "restore/checks/checks.h"

namespace cg::restore {

void check_cgroups(const View& view, Findings& found) {
  const std::string& mode = view.options.cgroups;
  const bool wants_none = mode == "strict";
  const bool wants_all = mode == "props" || mode == "none";
  if ((!wants_none && !wants_all) || view.options.moves_cgroups || !view.place.host) return;
  constexpr std::string_view top = "/sys/fs/cgroup";
  std::set<std::uint32_t> sets;
  for (const auto& task : view.checkpoint.tasks) sets.insert(task.cgroups);
  const auto unified = view.place.host->look(fmt::format("{}/cgroup.controllers", top));
  std::set<std::string> seen;
  for (const auto& group : view.checkpoint.cgroups) {
    if (group.path == "/" || !sets.contains(group.set)) continue;
    if (!group.controller.empty())
      return found.unseen(
          fmt::format("the cgroups: {} is an older hierarchy", checkpoint::shown(group.controller)));
    if (!seen.insert(group.path).second) continue;
    // Criu mounts the hierarchy itself; what is in there cannot be told where it is not mounted, or is an
    // older one.
    if (!unified || !*unified) return found.unseen(fmt::format("the cgroups: no cgroup2 on {}", top));
    const std::string path = fmt::format("{}{}", top, group.path);
    const auto there = view.place.host->look(path);
    if (!there) {
      found.unseen(fmt::format("the cgroup {}: {}", checkpoint::shown(group.path), there.error().message));
    } else if (there->has_value() == wants_none) {
      found.add({wants_none ? "cgroup-exists" : "cgroup-missing"}, checkpoint::shown(path),
                {{"group", checkpoint::shown(group.path)}});
    }
  }
}

}  // namespace cg::restore
