#include "procfs/freezer.h"

#include <algorithm>

#include "base/text.h"
#include "procfs/directory.h"

namespace cg::procfs {

const FreezerLevel* Freezer::nearest() const {
  const auto on = std::ranges::find_if(levels, &FreezerLevel::on);
  return on == levels.end() ? nullptr : &*on;
}

Freezer look_at_freezer(const CgroupEntry& entry, const std::filesystem::path& directory) {
  const bool v2 = entry.is_v2();
  Freezer freezer;
  for (std::filesystem::path at = directory; at.has_relative_path(); at = at.parent_path()) {
    const auto level = Directory::open(at);
    // Above the mountpoint there is no such file.
    if (!level || !level->read("cgroup.procs")) break;
    if (at == directory) {
      const auto state = level->read(v2 ? "cgroup.events" : "freezer.state");
      freezer.frozen = state && (v2 ? state->contains("frozen 1") : trim(*state) != "THAWED");
    }
    const auto own = level->read(v2 ? "cgroup.freeze" : "freezer.self_freezing");
    freezer.levels.push_back({at.string(), own && trim(*own) == "1"});
  }
  freezer.frozen = freezer.frozen || freezer.nearest();
  return freezer;
}

}  // namespace cg::procfs
