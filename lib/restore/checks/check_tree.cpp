// Processes: their numbers, the session they live in, the namespaces that come from outside.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

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

// What the kernel there allows at most.
void check_limits(const View& view, Findings& found) {
  if (!view.place.setting) return;
  const Checkpoint& images = view.checkpoint;
  struct Kind {
    std::uint32_t Objects::*number;
    const char* joined;   // by the option of criu
    const char* setting;  // below /proc/sys
  };
  static constexpr Kind kinds[] = {{&Objects::pid, "pid", "user/max_pid_namespaces"},
                                   {&Objects::net, "net", "user/max_net_namespaces"},
                                   {&Objects::ipc, "ipc", "user/max_ipc_namespaces"},
                                   {&Objects::uts, "uts", "user/max_uts_namespaces"},
                                   {&Objects::mount, "mnt", "user/max_mnt_namespaces"},
                                   {&Objects::user, "user", "user/max_user_namespaces"},
                                   {&Objects::cgroup, "cgroup", "user/max_cgroup_namespaces"},
                                   {&Objects::time, "time", "user/max_time_namespaces"}};
  for (const auto& kind : kinds) {
    if (images.of_criu.*kind.number == 0 || view.options.joined.contains(kind.joined)) continue;
    const auto has_own = [&](const Task& task) {
      return task.objects.*kind.number != 0 && task.objects.*kind.number != images.of_criu.*kind.number;
    };
    if (std::ranges::none_of(images.tasks, has_own) || view.place.setting(kind.setting) != 0U) continue;
    found.add({"namespace-limit"}, fmt::format("/proc/sys/{} is 0", kind.setting),
              {{"kind", kind.joined}, {"setting", kind.setting}});
  }
  const auto most = view.place.setting("kernel/pid_max");
  for (const auto& task : images.tasks)
    for (const int number : task.threads)
      if (most && number >= 0 && static_cast<std::uint64_t>(number) >= *most) {
        found.add({"pid-beyond-limit", number == task.pid ? "" : "thread"},
                  number == task.pid ? who(task) : fmt::format("thread {} of {}", number, who(task)),
                  {{"pid", std::to_string(number)}, {"most", std::to_string(*most)}});
        break;
      }
  const auto descriptors = view.place.setting("fs/nr_open");
  for (const auto& task : images.tasks)
    if (descriptors && task.most_descriptors && *task.most_descriptors > *descriptors) {
      found.add({"descriptor-limit"},
                fmt::format("{}: {}, and /proc/sys/fs/nr_open is {}", who(task), *task.most_descriptors,
                            *descriptors),
                {{"most", std::to_string(*task.most_descriptors)}});
      break;
    }
}

// A label is given back by the module that gave it.
void check_labels(const View& view, Findings& found) {
  const std::uint32_t then = view.checkpoint.inventory.security_module;
  if (then == 0 || !view.place.security_module || *view.place.security_module == then) return;
  for (const auto& task : view.checkpoint.tasks) {
    if (task.security_label.empty() || !task.is_alive()) continue;
    found.add({"security-module"}, fmt::format("{}: {}", who(task), shown(task.security_label)),
              {{"module", then == 1 ? "SELinux" : "AppArmor"}});
    return;
  }
}

// A terminal comes back with its number, which CRIU gets from the kernel by opening one after the other.
void check_terminals(const View& view, Findings& found) {
  const Checkpoint& images = view.checkpoint;
  // A terminal's id is twice its number, and one more for the master.
  const auto is_master = [](std::uint32_t id) { return (id & 1) != 0; };
  for (const auto& [id, file] : images.files) {
    if (file.kind != FileKind::terminal) continue;
    const auto terminal = images.terminals.find(file.object);
    const RegularFile* name = images.regular(file.name != 0 ? file.name : id);
    if (terminal == images.terminals.end() || !terminal->second.index || !is_master(file.object) || !name)
      continue;
    const Location place = locate(view, name->mount, name->path);
    const Files* files = place.kind == Location::Kind::root      ? view.place.files
                         : place.kind == Location::Kind::outside ? view.place.host
                                                                 : nullptr;
    if (!files || !view.place.host) continue;
    std::string directory = place.path.substr(0, place.path.rfind('/'));
    if (!directory.ends_with("/pts")) directory += "/pts";
    const std::string path = fmt::format("{}/{}", directory, *terminal->second.index);
    const auto taken = files->look(path);
    if (taken && *taken)
      found.add({"terminal-taken"}, fmt::format("{}, {}", shown(path), holder_of(images, id)),
                {{"path", shown(name->path)}, {"index", std::to_string(*terminal->second.index)}});
  }
}

bool inherits(const View& view, const std::string& key) {
  return view.options.inherited.contains(key);
}

}  // namespace

void check_tree(const View& view, Findings& found) {
  const Checkpoint& images = view.checkpoint;
  const Task& root = images.root();
  check_pids(view, found);
  check_limits(view, found);
  check_terminals(view, found);
  check_labels(view, found);
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
