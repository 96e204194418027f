#include "procfs/cgroup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "procfs/scan.h"

namespace cg::procfs {

bool CgroupEntry::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

Result<std::vector<CgroupEntry>> parse_cgroup(std::string_view text, const std::string& name) {
  std::vector<CgroupEntry> entries;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    const auto hierarchy = to_number<int>(line.substr(0, first));
    if (second == std::string_view::npos || !hierarchy)
      return refused(fmt::format("{}:{}: not a line HIERARCHY:CONTROLLERS:PATH: '{}'", name, number,
                                 line.substr(0, 120)));
    CgroupEntry entry;
    entry.hierarchy = *hierarchy;
    if (second > first + 1) entry.controllers = split(line.substr(first + 1, second - first - 1), ',');
    entry.path = line.substr(second + 1);
    // The cgroup of a task that is gone from it.
    constexpr std::string_view deleted = " (deleted)";
    if (entry.path.ends_with(deleted)) entry.path.resize(entry.path.size() - deleted.size());
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string cgroup_directory(const CgroupEntry& entry, const std::vector<Mount>& mounts) {
  std::string best;
  for (const auto& mount : mounts) {
    const bool fits =
        entry.is_v2()
            ? mount.type == "cgroup2"
            : mount.type == "cgroup" && std::ranges::all_of(entry.controllers, [&](const std::string& one) {
                return ("," + mount.super_options + ",").contains("," + one + ",");
              });
    if (!fits || !is_path_below(entry.path, mount.root)) continue;
    std::string_view below = std::string_view(entry.path).substr(mount.root == "/" ? 0 : mount.root.size());
    std::string directory = mount.mountpoint == "/" ? "" : mount.mountpoint;
    if (below != "/") directory += below;
    if (best.empty() || directory.size() < best.size()) best = std::move(directory);
  }
  return best;
}

}  // namespace cg::procfs
