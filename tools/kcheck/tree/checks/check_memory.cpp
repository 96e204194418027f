#include <fmt/format.h>

#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

void check_mapping(const Question& question, const Task& task, const procfs::Mapping& mapping,
                   Hindrances& found) {
  const std::string object =
      fmt::format("{:x}-{:x} of {}: {}", mapping.start, mapping.end, task.name(), mapping.path);
  const std::string& path = mapping.path;
  if (path.starts_with("/SYSV") && !question.tree.has_own(Namespace::ipc)) {
    found.push_back({.id = "tree.sysv-shared-memory",
                     .title = "System V shared memory outside of the tree",
                     .object = object,
                     .prints = fmt::format("Task {} with SysVIPC shmem map @{:x} doesn't live in IPC ns",
                                           task.pid, mapping.start),
                     .fix = "no option clears it: give the tree an IPC namespace of its own",
                     .source = "v4.2:criu/cr-dump.c:477"});
    return;
  }
  if (path == "[uprobes]") {
    const bool has_option = question.criu >= Version{{4, 2, 0}};
    if (has_option && question.options.allow_uprobes) return;
    found.push_back(
        {.id = "tree.uprobes",
         .title = "somebody probes the program (uprobes)",
         .object = object,
         .prints = has_option
                       ? fmt::format("PID {} has uprobes vma. Consider using --allow-uprobes.", task.pid)
                       : std::string("Unsupported mapping found"),
         .fix = has_option ? "--allow-uprobes, on dump and restore; or end the tracer (bpftrace, perf)"
                           : "end the tracer (bpftrace, perf), or take CRIU 4.2, which has "
                             "--allow-uprobes; the mapping stays until the program is started anew",
         .source = "v4.2:criu/proc_parse.c:611"});
    if (has_option) found.back().dump_options = found.back().restore_options = {"--allow-uprobes"};
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
  found.push_back(
      {.id = "tree.mapped-device",
       .title = "memory of a device, or of a file that CRIU does not know",
       .object = object,
       .prints = fmt::format("Can't handle non-regular mapping on {}'s map {:x}", task.pid, mapping.start),
       .fix = "the program must unmap it before the dump",
       .source = "v4.2:criu/proc_parse.c:663"});
}

}  // namespace

void check_memory(const Question& question, Hindrances& found) {
  for (const auto& task : question.tree.tasks)
    for (const auto& mapping : task.mappings) check_mapping(question, task, mapping, found);
}

}  // namespace cg::tree
