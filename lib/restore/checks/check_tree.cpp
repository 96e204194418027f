// Processes: their numbers, the session they live in, the namespaces that come from outside.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checkpoint/describe.h"
#include "restore/checks/checks.h"

namespace cg::restore {
namespace {

using namespace checkpoint;

std::string who(const Task& task) {
  return fmt::format("process {} ({})", task.pid, shown(task.name));
}

// In the pid namespace that criu runs in each number must be free, also those of sessions and groups whose
// leaders have ended: CRIU makes helpers for them.
void check_pids(const View& view, Findings& found) {
  const Checkpoint& images = view.checkpoint;
  if (images.own(&Objects::pid) || !view.place.is_taken) return;
  std::set<int> leaders;
  std::set<int> known;
  for (const auto& task : images.tasks) {
    known.insert(task.pid);
    if (view.place.is_taken(task.pid))
      found.add({"pid-taken"}, who(task), {{"pid", std::to_string(task.pid)}});
    for (const int thread : task.threads)
      if (thread != task.pid && view.place.is_taken(thread))
        found.add({"thread-id-taken"}, fmt::format("thread {} of {}", thread, who(task)));
    // The root's own session and group are inherited where it does not lead them.
    if (&task == &images.root()) continue;
    for (const int leader : {task.session, task.group})
      if (leader != images.root().session && leader != images.root().group) leaders.insert(leader);
  }
  for (const int leader : leaders)
    if (leader > 0 && !known.contains(leader) && view.place.is_taken(leader))
      found.add({"pid-taken"}, fmt::format("number {} of a session or group in the tree", leader),
                {{"pid", std::to_string(leader)}});
}

bool inherits(const View& view, const std::string& key) {
  return view.options.inherited.contains(key);
}

}  // namespace

void check_tree(const View& view, Findings& found) {
  const Checkpoint& images = view.checkpoint;
  const Task& root = images.root();
  check_pids(view, found);
  const bool leads = root.session == root.pid || std::ranges::any_of(images.tasks, [&](const Task& task) {
                       return task.pid == root.session;
                     });
  const bool has_terminal = std::ranges::any_of(images.terminals, [&](const auto& one) {
    return static_cast<int>(one.second.session) == root.session;
  });
  if (!leads && has_terminal && !view.options.shell_job)
    found.add({"shell-job"}, fmt::format("{}, in session {}", who(root), root.session));
  if (root.pid == 1 && !images.own(&Objects::pid) && images.of_criu.pid != 0)
    found.add({"no-new-pid-namespace"}, who(root));
  for (const auto& [space, key] : images.pid_keys)
    if (!inherits(view, key)) found.add({"external-pid"}, shown(key), {{"key", key}});
  for (const auto& [space, key] : images.network_keys)
    if (!inherits(view, key) && !view.options.joined.contains("net"))
      found.add({"external-network"}, shown(key), {{"key", key}});
}

}  // namespace cg::restore
