#include <fmt/format.h>

#include <algorithm>

#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

void check_watch(const Question& question, const procfs::InotifyWatch& watch, const std::string& holder,
                 Hindrances& found) {
  const auto known = question.tree.watched.find({watch.device, watch.inode});
  if (known == question.tree.watched.end()) return;
  const WatchedFile& file = known->second;
  Hindrance hindrance{.id = "tree.watch-outside",
                      .title = "watches a file whose path CRIU cannot find",
                      .object = fmt::format("{}, inode {:#x} on {}:{}", holder, watch.inode,
                                            watch.device >> 20, watch.device & 0xfffff),
                      .prints = "Can't dump that handle",
                      .source = "v4.2:criu/fsnotify.c:284"};
  if (file.handle == WatchedFile::Handle::lost) {
    hindrance.prints = "Can't find suitable path for handle";
    hindrance.fix = "the file has no name any more: the program must give the watch up";
    hindrance.source = "v4.2:criu/fsnotify.c:253";
    found.push_back(std::move(hindrance));
    return;
  }
  if (file.handle != WatchedFile::Handle::refused || file.found_by_criu) return;
  const bool scanned = std::ranges::any_of(question.options.scanned_paths, [&](const std::string& path) {
    return !file.name.empty() && procfs::is_path_below(file.name, path);
  });
  if (scanned) return;
  if (file.name.empty()) {
    hindrance.fix =
        "its file system does not open file handles (overlayfs), and no name was found for it: the program "
        "must give "
        "the watch up";
  } else {
    hindrance.object += ", " + file.name;
    hindrance.fix = fmt::format(
        "--irmap-scan-path {}: its file system does not open file handles (overlayfs)", file.name);
    hindrance.dump_options = {"--irmap-scan-path", file.name};
  }
  found.push_back(std::move(hindrance));
}

}  // namespace

void check_watches(const Question& question, Hindrances& found) {
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files)
      if (file.info)
        for (const auto& watch : file.info->watches)
          check_watch(question, watch, fmt::format("{} of {}: {}", file.label, task.name(), file.link),
                      found);
}

}  // namespace cg::tree
