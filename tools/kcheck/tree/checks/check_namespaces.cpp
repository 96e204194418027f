#include <fmt/format.h>

#include <array>

#include "tree/checks/checks.h"

namespace cg::tree {

void check_namespaces(const Question& question, Findings& found) {
  const Snapshot& tree = question.tree;
  const Task& root = tree.root();
  const std::uint64_t pid_namespace = root.namespaces[Namespace::pid];
  const int inside = root.status.pid.empty() ? root.pid : root.status.pid.back();
  const std::string key = fmt::format("pid[{}]", pid_namespace);
  if (tree.has_own(Namespace::pid) && inside != 1 && !question.options.external_keys.contains(key))
    found.add({"pid-namespace-without-init"},
              fmt::format("{}, pid {} in pid:[{}]", root.name(), inside, pid_namespace), {{"key", key}});

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
      found.add({"nested-{kind}-namespace"}, fmt::format("{} in {}:[{}]", task.name(), name, inode),
                {{"kind", name}, {"pid", std::to_string(task.pid)}});
    }
    for (const auto& [kind, name] :
         std::array{Kind{Namespace::mount, "mount"}, Kind{Namespace::net, "network"}})
      if (!tree.has_own(kind) && task.namespaces[kind] != root.namespaces[kind])
        found.add({"nested-{kind}-namespace", "of a root without"}, task.name(), {{"kind", name}});
    const std::uint64_t later = task.namespaces[Namespace::time_for_children];
    if (later != 0 && later != task.namespaces[Namespace::time])
      found.add({"nested-time-namespace"}, task.name(), {{"pid", std::to_string(task.pid)}});
  }

  for (const auto& [kind, owner] : root.owners)
    if (owner != root.namespaces[Namespace::user])
      found.add({"foreign-owner"},
                fmt::format("{} of {}", namespace_files.at(static_cast<std::size_t>(kind)), root.name()));
}

}  // namespace cg::tree
