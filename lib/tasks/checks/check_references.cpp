// Descriptors that stand for another thing: a process, a namespace, a thread in /proc. What they point to
// must be in the tree, and be there again when the descriptors are restored.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "procfs/scan.h"
#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

std::string object_of(const Task& task, const OpenFile& file) {
  return fmt::format("{} of {}: {}", file.label, task.name(), file.link);
}

void check_pidfd(const Question& question, const Task& task, const OpenFile& file, Findings& found) {
  const bool is_pidfd = file.link == "anon_inode:[pidfd]" || file.link.starts_with("pidfd:");
  if (!is_pidfd || !file.info || question.criu < Version{{4, 1, 0}}) return;  // before, the kind is refused
  constexpr int ended = -1;
  const int target = file.info->pidfd_target;
  if (file.info->flags & O_EXCL)  // PIDFD_THREAD
    found.add({"pidfd-thread"}, object_of(task, file));
  else if (target != ended && !question.tree.find(target))
    found.add({"pidfd-outside"}, fmt::format("{}, of {}", object_of(task, file), target),
              {{"pid", std::to_string(target)}});
}

// "net:[4026531992]": of a task, or of criu itself.
void check_namespace(const Question& question, const Task& task, const OpenFile& file, Findings& found) {
  const std::size_t colon = file.link.find(":[");
  if (file.link.starts_with('/') || colon == std::string::npos || !file.link.ends_with(']')) return;
  const auto kind = std::ranges::find(namespace_files, file.link.substr(0, colon));
  const auto inode = procfs::to_number<std::uint64_t>(
      std::string_view(file.link).substr(colon + 2, file.link.size() - colon - 3));
  if (kind == namespace_files.end() || !inode) return;
  const auto name = static_cast<Namespace>(kind - namespace_files.begin());
  const bool inside = std::ranges::any_of(
      question.tree.tasks, [&](const Task& other) { return other.namespaces[name] == *inode; });
  if (!inside && question.tree.own_namespaces[name] != *inode)
    found.add({"namespace-outside"}, object_of(task, file), {{"inode", std::to_string(*inode)}});
}

bool is_of_own_proc(const Snapshot& tree, const OpenFile& file) {
  return file.stat && std::ranges::any_of(tree.own_mounts, [&](const procfs::Mount& mount) {
           return mount.type == "proc" && mount.mountpoint == "/proc" && mount.major == file.stat->major &&
                  mount.minor == file.stat->minor;
         });
}

// "/proc/12/task/13/stat": restored before the threads are. "/proc/2744/task" in the procfs of outside: a
// tree with its own pid namespace has another number there after the restore.
void check_task_file(const Question& question, const Task& task, const OpenFile& file, Findings& found) {
  std::string_view rest = file.link;
  if (!rest.starts_with("/proc/")) return;
  rest.remove_prefix(6);
  const auto pid = procfs::to_number<int>(procfs::take_word(rest, '/'));
  if (!pid) return;
  const Task* own = question.tree.has_own(Namespace::pid) ? question.tree.find(*pid) : nullptr;
  if (own && own->pid_inside() != *pid && is_of_own_proc(question.tree, file)) {
    found.add({"thread-file", "of outside"}, object_of(task, file), {{"path", file.link.substr(1)}});
    return;
  }
  if (procfs::take_word(rest, '/') != "task") return;
  const auto thread = procfs::to_number<int>(procfs::take_word(rest, '/'));
  const bool of_tree = std::ranges::any_of(question.tree.tasks, [&](const Task& other) {
    return other.pid == *pid || other.pid_inside() == *pid;
  });
  if (thread && *thread != *pid && of_tree)
    found.add({"thread-file"}, object_of(task, file), {{"path", file.link.substr(1)}});
}

}  // namespace

void check_references(const Question& question, Findings& found) {
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files) {
      if (file.fd < 0 || file.socket != 0) continue;
      if (file.link.starts_with("/") && !file.link.starts_with("/proc/")) continue;
      check_pidfd(question, task, file, found);
      check_namespace(question, task, file, found);
      check_task_file(question, task, file, found);
    }
}

}  // namespace cg::tree
