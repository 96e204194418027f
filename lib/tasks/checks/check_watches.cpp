#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

bool is_overlay(const Snapshot& tree, std::uint64_t device) {
  return std::ranges::any_of(tree.mounts, [&](const auto& of_namespace) {
    return std::ranges::any_of(of_namespace.second, [&](const procfs::Mount& mount) {
      return mount.type == "overlay" && mount.major == device >> 20 && mount.minor == (device & 0xfffff);
    });
  });
}

void check_watch(const Question& question, const procfs::InotifyWatch& watch, const std::string& holder,
                 Findings& found) {
  const auto known = question.tree.watched.find({watch.device, watch.inode});
  if (known == question.tree.watched.end()) return;
  const WatchedFile& file = known->second;
  const std::string seen = fmt::format("{}, inode {:#x} on {}:{}", holder, watch.inode, watch.device >> 20,
                                       watch.device & 0xfffff);
  if (file.handle == WatchedFile::Handle::lost) {
    found.add({"watch-outside", "no name"}, seen);
    return;
  }
  if (file.handle != WatchedFile::Handle::refused || file.found_by_criu) return;
  if (file.name.empty()) {
    found.add({"watch-outside", "not found"}, seen);
    return;
  }
  // CRIU 4.3 looks through the whole of an overlay mount for it (lab: overlay-inotify).
  if (question.criu >= Version{{4, 3, 0}} && is_overlay(question.tree, watch.device)) return;
  const auto is_above = [&](const std::string& path) { return procfs::is_path_below(file.name, path); };
  if (std::ranges::none_of(question.options.scanned_paths, is_above))
    found.add({"watch-outside"}, seen + ", " + file.name, {{"path", file.name}});
}

}  // namespace

void check_watches(const Question& question, Findings& found) {
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files)
      if (file.info)
        for (const auto& watch : file.info->watches)
          check_watch(question, watch, fmt::format("{} of {}: {}", file.label, task.name(), file.link),
                      found);
}

}  // namespace cg::tree
