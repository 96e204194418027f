// A task that a v2 cgroup holds frozen can be seized, but never comes back from the kernel to run CRIU's
// parasite: the dump waits without end. With --freeze-cgroup CRIU thaws the cgroup once it holds every task.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

bool is_below(const std::string& path, const std::string& directory) {
  return procfs::is_path_below(path, directory);
}

bool holds_criu(const Snapshot& tree, const std::string& directory) {
  return std::ranges::any_of(tree.own_cgroups,
                             [&](const std::string& own) { return is_below(own, directory); });
}

std::vector<std::string> frozen_levels(const CgroupState& state) {
  std::vector<std::string> result;
  for (const auto& level : state.levels)
    if (level.frozen_here) result.push_back(level.directory);
  return result;
}

void check_frozen(const Question& question, const CgroupState& state, Findings& found) {
  if (!state.frozen) return;
  const auto levels = frozen_levels(state);
  const bool v2 = state.entry.is_v2();
  if (levels.size() == 1 && question.options.freeze_cgroup == levels.front() &&
      !holds_criu(question.tree, levels.front()))
    return;
  const std::string place = levels.empty() ? state.directory : levels.front();
  const std::string by_hand =
      fmt::format("echo {} > {}", v2 ? "0" : "THAWED", place + (v2 ? "/cgroup.freeze" : "/freezer.state"));
  const std::string object = join(levels.empty() ? std::vector{state.directory} : levels, ", ");
  const auto add = [&](const std::string& fix) -> TreeFinding& {
    return found.add({"frozen", v2 ? "" : "v1"}, object, {{"fix", fix}});
  };
  if (levels.size() != 1) {
    add("more than one level is frozen and CRIU thaws one: " + by_hand);
  } else if (holds_criu(question.tree, levels.front())) {
    add("kcheck, and so a criu started from here, is in that cgroup: start criu outside of it, or thaw it "
        "first: " +
        by_hand);
  } else {
    add(fmt::format("--freeze-cgroup {}: CRIU thaws it once it holds every task, and freezes it again; or {}",
                    place, by_hand))
        .dump_options = {"--freeze-cgroup", place};
  }
}

// runc, crun and Kata's agent put what is exec'ed into a container beside its init, not below it.
void check_strangers(const Question& question, const CgroupState& state, Findings& found) {
  if (state.members.empty() ||
      std::ranges::find(question.tree.own_cgroups, state.directory) != question.tree.own_cgroups.end())
    return;
  std::vector<std::string> strangers;
  for (const int pid : state.members)
    if (!question.tree.find(pid) && std::ranges::find(question.tree.gone, pid) == question.tree.gone.end())
      strangers.push_back(std::to_string(pid));
  if (strangers.empty()) return;
  found.add({"strangers-in-cgroup"}, fmt::format("{} in {}", join(strangers, ", "), state.directory),
            {{"pid", strangers.front()}});
}

bool same_cgroups(const std::vector<procfs::CgroupEntry>& one,
                  const std::vector<procfs::CgroupEntry>& other) {
  return std::ranges::equal(one, other,
                            [](const procfs::CgroupEntry& left, const procfs::CgroupEntry& right) {
                              return left.hierarchy == right.hierarchy && left.path == right.path;
                            });
}

// The set of cgroups that criu itself is in is not saved; a task in it, below one that is in another, would
// have to be moved there.
void check_sets(const Question& question, Findings& found) {
  const Snapshot& tree = question.tree;
  if (tree.own_cgroup_entries.empty()) return;
  std::vector<std::string> names;
  for (const auto& task : tree.tasks) {
    const Task* parent = task.zombie() ? nullptr : tree.find(task.parent);
    while (parent && parent->zombie()) parent = tree.find(parent->parent);
    if (parent && same_cgroups(task.cgroups, tree.own_cgroup_entries) &&
        !same_cgroups(parent->cgroups, tree.own_cgroup_entries))
      names.push_back(task.name());
  }
  if (names.empty()) return;
  if (names.size() > 4) names.resize(4);
  found.add({"cgroup-of-criu"}, join(names, ", "), {{"set", "1"}});
}

}  // namespace

void check_cgroups(const Question& question, Findings& found) {
  check_sets(question, found);
  for (const auto& [key, state] : question.tree.cgroups) {
    check_frozen(question, state, found);
    check_strangers(question, state, found);
  }
  if (!question.options.freeze_cgroup.empty() && holds_criu(question.tree, question.options.freeze_cgroup))
    found.add({"freezes-itself"}, question.options.freeze_cgroup);
}

}  // namespace cg::tree
