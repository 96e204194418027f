#include <fmt/format.h>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

void check_mapping(const Question& question, const Task& task, const procfs::Mapping& mapping,
                   Findings& found) {
  const std::string object =
      fmt::format("{:x}-{:x} of {}: {}", mapping.start, mapping.end, task.name(), mapping.path);
  const std::string& path = mapping.path;
  if (path.starts_with("/SYSV") && !question.tree.has_own(Namespace::ipc)) {
    found.add({"sysv-shared-memory"}, object,
              {{"pid", std::to_string(task.pid)}, {"address", fmt::format("{:x}", mapping.start)}});
    return;
  }
  if (path == "[uprobes]") {
    const bool has_option = question.criu >= Version{{4, 2, 0}};
    if (has_option && question.options.allow_uprobes) return;
    found.add({"uprobes", has_option ? "" : "no option"}, object, {{"pid", std::to_string(task.pid)}});
    return;
  }
  const bool device = path.starts_with("/dev/") && !path.starts_with("/dev/zero") &&
                      !path.starts_with("/dev/null") && !path.starts_with("/dev/shm/");
  const bool anonymous = path.starts_with("anon_inode:");
  if (!device && !anonymous && !path.starts_with("/secretmem")) return;
  // A regular file below /dev, on its tmpfs, is as good as anywhere.
  if (device && !path.starts_with("/dev/dri") && !path.starts_with("/dev/nvidia") && mapping.major == 0 &&
      !path.contains("vfio") && !path.contains("kvm") && !path.contains("fuse"))
    return;
  found.add({"mapped-device"}, object,
            {{"pid", std::to_string(task.pid)}, {"address", fmt::format("{:x}", mapping.start)}});
}

}  // namespace

void check_memory(const Question& question, Findings& found) {
  for (const auto& task : question.tree.tasks)
    for (const auto& mapping : task.mappings) check_mapping(question, task, mapping, found);
}

}  // namespace cg::tree
