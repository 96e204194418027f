// Descriptors that stand for another thing: a process, a namespace, a thread in /proc. What they point to
// must be in the tree, and be there again when the descriptors are restored.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "procfs/scan.h"
#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

void check_pidfd(const Question& question, const OpenFile& file, const std::string& object,
                 Hindrances& found) {
  const bool is_pidfd = file.link == "anon_inode:[pidfd]" || file.link.starts_with("pidfd:");
  if (!is_pidfd || !file.info || question.criu < Version{{4, 1, 0}}) return;  // before, the kind is refused
  constexpr int ended = -1;
  const int target = file.info->pidfd_target;
  if (file.info->flags & O_EXCL)  // PIDFD_THREAD
    found.push_back({.id = "tree.pidfd-thread",
                     .title = "a pidfd of a thread",
                     .object = object,
                     .prints = "PIDFD_THREAD flag is currently not supported",
                     .fix = "no option clears it: the program must close it before the dump",
                     .source = "v4.2:criu/pidfd.c:81"});
  else if (target != ended && !question.tree.find(target))
    found.push_back(
        {.id = "tree.pidfd-outside",
         .title = "a pidfd of a process outside of the tree",
         .object = fmt::format("{}, of {}", object, target),
         .prints = fmt::format("pidfd pid {} is not a part of process tree..", target),
         .fix = "no option clears it: the program must close it before the dump, or that process end",
         .source = "v4.2:criu/pidfd.c:90"});
}

// "net:[4026531992]": of a task, or of criu itself.
void check_namespace(const Question& question, const OpenFile& file, const std::string& object,
                     Hindrances& found) {
  const std::size_t colon = file.link.find(":[");
  if (file.link.starts_with('/') || colon == std::string::npos || !file.link.ends_with(']')) return;
  const auto kind = std::ranges::find(namespace_files, file.link.substr(0, colon));
  const auto inode = procfs::to_number<std::uint64_t>(
      std::string_view(file.link).substr(colon + 2, file.link.size() - colon - 3));
  if (kind == namespace_files.end() || !inode) return;
  const auto name = static_cast<Namespace>(kind - namespace_files.begin());
  if (question.tree.own_namespaces[name] == *inode ||
      std::ranges::any_of(question.tree.tasks,
                          [&](const Task& task) { return task.namespaces[name] == *inode; }))
    return;
  found.push_back({.id = "tree.namespace-outside",
                   .title = "a descriptor of a namespace in which no task of the tree is",
                   .object = object,
                   .prints = fmt::format("No NS ID with kid {}", *inode),
                   .fix = "no option clears it: the program must close it before the dump",
                   .source = "v4.2:criu/namespaces.c:532"});
}

// "/proc/12/task/13/stat": restored before the threads are.
void check_thread_file(const Question& question, const OpenFile& file, const std::string& object,
                       Hindrances& found) {
  std::string_view rest = file.link;
  if (!rest.starts_with("/proc/")) return;
  rest.remove_prefix(6);
  const auto pid = procfs::to_number<int>(procfs::take_word(rest, '/'));
  if (!pid || procfs::take_word(rest, '/') != "task") return;
  const auto thread = procfs::to_number<int>(procfs::take_word(rest, '/'));
  const bool of_tree = std::ranges::any_of(
      question.tree.tasks, [&](const Task& task) { return task.pid == *pid || task.pid_inside() == *pid; });
  if (!thread || *thread == *pid || !of_tree) return;
  found.push_back(
      {.id = "tree.thread-file",
       .title = "a file of a thread in /proc",
       .object = object,
       .prints = fmt::format("Can't open file {} on restore: No such file or directory", file.link.substr(1)),
       .fix = "the dump goes through, the restore does not (files come before threads): the program must "
              "close it before the dump",
       .source = "v4.2:criu/files-reg.c",
       .severity = "restore"});
}

}  // namespace

void check_references(const Question& question, Hindrances& found) {
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files) {
      if (file.fd < 0 || file.socket != 0) continue;
      if (file.link.starts_with("/") && !file.link.starts_with("/proc/")) continue;
      const auto object = fmt::format("{} of {}: {}", file.label, task.name(), file.link);
      check_pidfd(question, file, object, found);
      check_namespace(question, file, object, found);
      check_thread_file(question, file, object, found);
    }
}

}  // namespace cg::tree
