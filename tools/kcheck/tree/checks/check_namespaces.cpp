#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "tree/checks/checks.h"

namespace cg::tree {
namespace {

struct Kind {
  Namespace kind;
  const char* name;
};
// Those that may not be nested, in the order in which CRIU looks at them.
constexpr std::array single_kinds{Kind{Namespace::pid, "pid"},   Kind{Namespace::ipc, "ipc"},
                                  Kind{Namespace::uts, "uts"},   Kind{Namespace::user, "user"},
                                  Kind{Namespace::time, "time"}, Kind{Namespace::cgroup, "cgroup"}};

bool is_nested(const Snapshot& tree, const Task& task, Namespace kind) {
  const std::uint64_t inode = task.namespaces[kind];
  return inode != 0 && inode != tree.root().namespaces[kind] && inode != tree.own_namespaces[kind];
}

// One finding a task, of the first kind: what is inside of a container has many, and one cause.
void check_nested(const Snapshot& tree, const Task& task, Hindrances& found) {
  std::vector<std::string> names;
  for (const auto& [kind, name] : single_kinds)
    if (is_nested(tree, task, kind)) names.emplace_back(name);
  if (names.empty()) return;
  const std::string& name = names.front();
  found.push_back({.id = fmt::format("tree.nested-{}-namespace", name),
                   .title = names.size() == 1 ? fmt::format("a {} namespace inside of the tree", name)
                                              : std::string("a container inside of the tree"),
                   .object = fmt::format("{} in {} namespace{} of its own", task.name(), join(names, ", "),
                                         names.size() == 1 ? "" : "s"),
                   .prints = fmt::format("Can't dump nested {} namespace for {}", name, task.pid),
                   .fix =
                       "no option clears it: only mount and network namespaces may be nested; end that task, "
                       "or dump the tree below it by itself",
                   .source = "v4.2:criu/namespaces.c:460"});
}

// Where the mount namespace is the tree's own, CRIU takes the root of its first task for the namespace's.
void check_changed_root(const Snapshot& tree, Hindrances& found) {
  if (!tree.has_own(Namespace::mount)) return;
  std::set<std::uint64_t> seen;
  for (const auto& task : tree.tasks) {
    const auto root = task.root_link();
    if (task.zombie() || root.empty() || !seen.insert(task.namespaces[Namespace::mount]).second ||
        root == "/")
      continue;
    found.push_back({.id = "tree.root-changed",
                     .title = "the first task of a mount namespace has called chroot(2)",
                     .object = fmt::format("{}, root {}", task.name(), root),
                     .prints = fmt::format("The root task has another root than mntns: {}", root),
                     .fix = "no option clears it: let it call pivot_root(2) instead",
                     .source = "v4.2:criu/mount.c:3876"});
  }
}

}  // namespace

std::set<int> nested_tasks(const Snapshot& tree) {
  std::set<int> pids;
  for (const auto& task : tree.tasks)
    if (!task.zombie() &&
        std::ranges::any_of(single_kinds, [&](const Kind& one) { return is_nested(tree, task, one.kind); }))
      pids.insert(task.pid);
  return pids;
}

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

  for (const auto& task : tree.tasks) {
    if (task.zombie()) continue;
    check_nested(tree, task, found);
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

  check_changed_root(tree, found);
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
