#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "tasks/checks/checks.h"

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
void check_nested(const Snapshot& tree, const Task& task, Findings& found) {
  std::vector<std::string> names;
  for (const auto& [kind, name] : single_kinds)
    if (is_nested(tree, task, kind)) names.emplace_back(name);
  if (names.empty()) return;
  found.add({"nested-{kind}-namespace", names.size() == 1 ? "" : "container"},
            fmt::format("{} in {} namespace{} of its own", task.name(), join(names, ", "),
                        names.size() == 1 ? "" : "s"),
            {{"kind", names.front()}, {"pid", std::to_string(task.pid)}});
}

// Where the mount namespace is the tree's own, CRIU takes the root of its first task for the namespace's.
void check_changed_root(const Snapshot& tree, Findings& found) {
  if (!tree.has_own(Namespace::mount)) return;
  std::set<std::uint64_t> seen;
  for (const auto& task : tree.tasks) {
    const std::string root(task.root_link());
    const bool first =
        !task.zombie() && !root.empty() && seen.insert(task.namespaces[Namespace::mount]).second;
    if (first && root != "/")
      found.add({"root-changed"}, fmt::format("{}, root {}", task.name(), root), {{"root", root}});
  }
}

bool has_twin(const std::vector<procfs::Mount>& mounts, const procfs::Mount& one) {
  return std::ranges::any_of(mounts, [&](const procfs::Mount& other) {
    return other.major == one.major && other.minor == one.minor && other.root == one.root;
  });
}

// The mounts that a new user namespace has taken over from outside cannot be told apart there: CRIU cannot
// look below those that lie on another one.
void check_locked_mounts(const Snapshot& tree, Findings& found) {
  if (tree.mounts.empty()) return;
  const auto& mounts = tree.mounts.front().second;
  for (const auto& mount : mounts) {
    const bool saved = mount.type == "tmpfs" || mount.type == "devtmpfs";
    if (!saved || !has_twin(tree.own_mounts, mount)) continue;
    const auto child = std::ranges::find_if(mounts, [&](const procfs::Mount& other) {
      return other.parent == mount.id && other.id != mount.id && has_twin(tree.own_mounts, other);
    });
    if (child == mounts.end()) continue;
    found.add({"mount-locked"}, fmt::format("{} on {}", child->mountpoint, mount.mountpoint),
              {{"place", child->mountpoint}});
    return;
  }
}

// CRIU mounts a procfs for the tree, as the tree may do it itself.
void check_user_namespace(const Snapshot& tree, Findings& found) {
  if (!tree.has_own(Namespace::user)) return;
  const bool mounts = tree.has_own(Namespace::mount);
  const bool pids = tree.has_own(Namespace::pid);
  if (mounts) check_locked_mounts(tree, found);
  if (pids && !mounts)
    found.add({"user-namespace-alone", "own pids"}, tree.root().name());
  else if (!pids || !mounts)
    found.add({"user-namespace-alone"}, tree.root().name(), {{"step", mounts ? "create" : "open"}});
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

void check_namespaces(const Question& question, Findings& found) {
  const Snapshot& tree = question.tree;
  const Task& root = tree.root();
  const std::uint64_t pid_namespace = root.namespaces[Namespace::pid];
  const int inside = root.status.pid.empty() ? root.pid : root.status.pid.back();
  const std::string key = fmt::format("pid[{}]", pid_namespace);
  if (tree.has_own(Namespace::pid) && inside != 1 && !question.options.external_keys.contains(key))
    found.add({"pid-namespace-without-init"},
              fmt::format("{}, pid {} in pid:[{}]", root.name(), inside, pid_namespace), {{"key", key}});

  for (const auto& task : tree.tasks) {
    if (task.zombie()) continue;
    check_nested(tree, task, found);
    for (const auto& [kind, name] :
         std::array{Kind{Namespace::mount, "mount"}, Kind{Namespace::net, "network"}})
      if (!tree.has_own(kind) && task.namespaces[kind] != root.namespaces[kind])
        found.add({"nested-{kind}-namespace", "of a root without"}, task.name(), {{"kind", name}});
    const std::uint64_t later = task.namespaces[Namespace::time_for_children];
    if (later != 0 && later != task.namespaces[Namespace::time])
      found.add({"nested-time-namespace"}, task.name(), {{"pid", std::to_string(task.pid)}});
  }

  check_changed_root(tree, found);
  check_user_namespace(tree, found);
  for (const auto& [kind, owner] : root.owners)
    if (owner != root.namespaces[Namespace::user])
      found.add({"foreign-owner"},
                fmt::format("{} of {}", namespace_files.at(static_cast<std::size_t>(kind)), root.name()));
}

}  // namespace cg::tree
