#include <algorithm>
#include <set>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

// What is inside of a container in the tree is refused as a whole: its mounts and files are no further
// causes.
Snapshot without_nested(const Snapshot& tree, const std::set<int>& nested) {
  Snapshot rest = tree;
  std::erase_if(rest.tasks, [&](const Task& task) { return nested.contains(task.pid); });
  std::erase_if(rest.mounts, [&](const auto& entry) {
    return std::ranges::none_of(
        rest.tasks, [&](const Task& task) { return task.namespaces[Namespace::mount] == entry.first; });
  });
  return rest;
}

}  // namespace

Findings check_all(const Question& question) {
  Findings found;
  check_namespaces(question, found);
  const auto nested = nested_tasks(question.tree);
  const Snapshot reduced = nested.empty() ? Snapshot() : without_nested(question.tree, nested);
  const Question rest{nested.empty() ? question.tree : reduced, question.criu, question.options};
  for (const auto check :
       {check_tasks, check_labels, check_sessions, check_cgroups, check_mounts, check_files, check_references,
        check_watches, check_terminals, check_pipes, check_sockets, check_links, check_memory})
    check(rest, found);
  return found;
}

}  // namespace cg::tree
