// A task that a v2 cgroup holds frozen can be seized, but never comes back from the kernel to run CRIU's
// parasite: the dump waits without end. With --freeze-cgroup CRIU thaws the cgroup once it holds every task.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tree/checks/checks.h"

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

void check_frozen(const Question& question, const CgroupState& state, Hindrances& found) {
  if (!state.frozen) return;
  const auto levels = frozen_levels(state);
  const bool v2 = state.entry.is_v2();
  if (levels.size() == 1 && question.options.freeze_cgroup == levels.front() &&
      !holds_criu(question.tree, levels.front()))
    return;
  Hindrance hindrance{.id = "tree.frozen",
                      .title = v2 ? "its cgroup is frozen: the dump would hang" : "its cgroup is frozen",
                      .object = join(levels.empty() ? std::vector{state.directory} : levels, ", "),
                      .prints = v2 ? "nothing: after files.img and seccomp.img CRIU waits without end"
                                   : "Unseizable non-zombie PID found, state D, err -1/4 (after 10 s)",
                      .source = "v4.2:compel/src/lib/infect.c:584, v4.2:criu/seize.c"};
  const std::string by_hand = fmt::format(
      "echo {} > {}", v2 ? "0" : "THAWED",
      (levels.empty() ? state.directory : levels.front()) + (v2 ? "/cgroup.freeze" : "/freezer.state"));
  if (levels.size() != 1) {
    hindrance.fix = fmt::format("more than one level is frozen and CRIU thaws one: {}", by_hand);
  } else if (holds_criu(question.tree, levels.front())) {
    hindrance.fix = fmt::format(
        "kcheck, and so a criu started from here, is in that cgroup: start criu outside "
        "of it, or thaw it first: {}",
        by_hand);
  } else {
    hindrance.fix =
        fmt::format("--freeze-cgroup {}: CRIU thaws it once it holds every task, and freezes it again; or {}",
                    levels.front(), by_hand);
    hindrance.dump_options = {"--freeze-cgroup", levels.front()};
  }
  found.push_back(std::move(hindrance));
}

// runc, crun and Kata's agent put what is exec'ed into a container beside its init, not below it.
void check_strangers(const Question& question, const CgroupState& state, Hindrances& found) {
  if (state.members.empty() ||
      std::ranges::find(question.tree.own_cgroups, state.directory) != question.tree.own_cgroups.end())
    return;
  std::vector<std::string> strangers;
  for (const int pid : state.members)
    if (!question.tree.find(pid) && std::ranges::find(question.tree.gone, pid) == question.tree.gone.end())
      strangers.push_back(std::to_string(pid));
  if (strangers.empty()) return;
  found.push_back({.id = "tree.strangers-in-cgroup",
                   .title = "processes in the cgroup that are not in the tree: they are not dumped",
                   .object = fmt::format("{} in {}", join(strangers, ", "), state.directory),
                   .prints = fmt::format("Unexpected process {} in the freezer cgroup", strangers.front()),
                   .fix = "end what was exec'ed into the container before the dump",
                   .source = "v4.2:criu/seize.c",
                   .verdict = Verdict::warn});
}

}  // namespace

void check_cgroups(const Question& question, Hindrances& found) {
  for (const auto& [key, state] : question.tree.cgroups) {
    check_frozen(question, state, found);
    check_strangers(question, state, found);
  }
  if (!question.options.freeze_cgroup.empty() && holds_criu(question.tree, question.options.freeze_cgroup))
    found.push_back({.id = "tree.freezes-itself",
                     .title = "the cgroup to freeze holds criu itself",
                     .object = question.options.freeze_cgroup,
                     .prints = "nothing: CRIU freezes itself",
                     .fix = "start criu from outside of that cgroup, or give the container's own",
                     .source = "v4.2:criu/seize.c"});
}

}  // namespace cg::tree
