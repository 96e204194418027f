#include <fmt/format.h>

#include <array>

#include "tree/checks/checks.h"

namespace cg::tree {

void check_namespaces(const Question& question, Hindrances& found) {
  const Snapshot& tree = question.tree;
  const Task& root = tree.root();
  const std::uint64_t pid_namespace = root.namespaces[Namespace::pid];
  const int inside = root.status.pid.empty() ? root.pid : root.status.pid.back();
  const std::string key = fmt::format("pid[{}]", pid_namespace);
  if (tree.has_own(Namespace::pid) && inside != 1 && !question.options.external_keys.contains(key))
    found.push_back({.id = "tree.pid-namespace-without-init",
                     .title = "the root task is not the init of its pid namespace",
                     .object = fmt::format("{}, pid {} in pid:[{}]", root.name(), inside, pid_namespace),
                     .prints = "Can't dump a pid namespace without the process init",
                     .fix =
                         "dump the namespace's process 1 instead, or leave the namespace outside: --external "
                         "pid[…]:pidns, and on restore an open descriptor of the namespace's file",
                     .source = "v4.2:criu/namespaces.c:1117",
                     .dump_options = {"--external", key + ":pidns"},
                     .restore_options = {"--inherit-fd", "fd[N]:pidns"}});

  struct Kind {
    Namespace kind;
    const char* name;
  };
  for (const auto& task : tree.tasks) {
    if (task.zombie()) continue;
    for (const auto& [kind, name] :
         std::array{Kind{Namespace::pid, "pid"}, Kind{Namespace::ipc, "ipc"}, Kind{Namespace::uts, "uts"},
                    Kind{Namespace::user, "user"}, Kind{Namespace::cgroup, "cgroup"},
                    Kind{Namespace::time, "time"}}) {
      const std::uint64_t inode = task.namespaces[kind];
      if (inode == 0 || inode == root.namespaces[kind] || inode == tree.own_namespaces[kind]) continue;
      found.push_back(
          {.id = fmt::format("tree.nested-{}-namespace", name),
           .title = fmt::format("a {} namespace inside of the tree", name),
           .object = fmt::format("{} in {}:[{}]", task.name(), name, inode),
           .prints = fmt::format("Can't dump nested {} namespace for {}", name, task.pid),
           .fix = "no option clears it: only mount and network namespaces may be nested; end that task, "
                  "or dump the tree below it by itself",
           .source = "v4.2:criu/namespaces.c:460"});
    }
    for (const auto& [kind, name] :
         std::array{Kind{Namespace::mount, "mount"}, Kind{Namespace::net, "network"}})
      if (!tree.has_own(kind) && task.namespaces[kind] != root.namespaces[kind])
        found.push_back(
            {.id = fmt::format("tree.nested-{}-namespace", name),
             .title = fmt::format("a {} namespace inside of a tree that has none of its own", name),
             .object = task.name(),
             .prints = "Can't restore sub-task in NS",
             .fix = fmt::format("the dump goes through, the restore does not: give the root task a {} "
                                "namespace of its own",
                                name),
             .source = "v4.2:criu/pstree.c",
             .severity = "restore"});
    const std::uint64_t later = task.namespaces[Namespace::time_for_children];
    if (later != 0 && later != task.namespaces[Namespace::time])
      found.push_back(
          {.id = "tree.nested-time-namespace",
           .title = "its children would get another time namespace",
           .object = task.name(),
           .prints = fmt::format("Can't dump nested time namespace for {}", task.pid),
           .fix = "no option clears it: the task has called unshare(CLONE_NEWTIME) and not forked yet",
           .source = "v4.2:criu/namespaces.c"});
  }

  for (const auto& [kind, owner] : root.owners)
    if (owner != root.namespaces[Namespace::user])
      found.push_back(
          {.id = "tree.foreign-owner",
           .title = "a namespace of the tree belongs to another user namespace",
           .object = fmt::format("{} of {}", namespace_files.at(static_cast<std::size_t>(kind)), root.name()),
           .prints = "One or more namespaces doesn't belong to the target user namespace",
           .fix = "make the other namespaces after, or together with, the user namespace",
           .source = "v4.2:criu/namespaces.c:997"});
}

}  // namespace cg::tree
