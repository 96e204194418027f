// Which processes share their memory, file system position or signal handlers, as kcmp(2) tells: it orders
// the kernel's objects, so that each process finds its place among the others in log n questions. Those that
// cannot share are not compared.
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>

#include "tasks/collect/collect.h"

namespace cg::tree {
namespace {

// What all who share the part have the same; nullopt for a task that shares it with nobody.
using Alike = std::function<std::optional<std::string>(const Task&)>;

// 0 the same, 1 before, 2 after; nullopt when it cannot be told.
std::optional<long> compare(int first, int second, int type) {
  const long order = syscall(SYS_kcmp, first, second, type, 0UL, 0UL);
  if (order < 0 || order > 2) return std::nullopt;
  return order;
}

// `name` as in CRIU's message. Nothing more is asked once the kernel has refused to tell.
void find_sharers(Snapshot& snapshot, const char* name, int type, const Alike& alike) {
  std::unordered_map<std::string, std::vector<int>> groups;  // each in the kernel's order
  for (const auto& task : snapshot.tasks) {
    const auto key = task.zombie() ? std::nullopt : alike(task);
    if (!key) continue;
    std::vector<int>& ordered = groups[*key];
    std::size_t low = 0;
    std::size_t high = ordered.size();
    std::optional<long> order = 1;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      order = compare(task.pid, ordered[middle], type);
      if (!order && (errno == EPERM || errno == ENOSYS)) {
        snapshot.unseen.push_back({std::string("which processes share their ") + name,
                                   errno == EPERM ? "CAP_SYS_PTRACE" : "a kernel with KCMP"});
        return;
      }
      if (!order) break;  // one of the two has ended
      if (*order == 0) {
        snapshot.shared.push_back({name, ordered[middle], task.pid});
        break;
      }
      (*order == 1 ? high : low) = *order == 1 ? middle : middle + 1;
    }
    if (order && *order != 0) ordered.insert(ordered.begin() + static_cast<std::ptrdiff_t>(low), task.pid);
  }
}

// The links of its root and working directory.
std::string position(const Task& task) {
  std::string links;
  for (const auto& file : task.files)
    if (file.label == "root" || file.label == "cwd") links += file.link + '\n';
  return links;
}

}  // namespace

void collect_shared_parts(Snapshot& snapshot) {
  find_sharers(snapshot, "VM", KCMP_VM,
               [](const Task& task) { return std::to_string(task.stat.start_stack); });
  // clone(2) shares signal handlers only together with memory.
  std::set<int> with_shared_memory;
  for (const auto& part : snapshot.shared) with_shared_memory.insert({part.first, part.second});
  find_sharers(snapshot, "FS", KCMP_FS, position);
  find_sharers(snapshot, "IO", KCMP_SIGHAND, [&](const Task& task) -> std::optional<std::string> {
    if (!with_shared_memory.contains(task.pid)) return std::nullopt;
    return "";
  });
}

}  // namespace cg::tree
