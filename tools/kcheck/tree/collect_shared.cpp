// Which processes share their memory, file system position or signal handlers, as kcmp(2) tells: it orders
// the kernel's objects, so that each process finds its place among the others in log n questions.
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "tree/collect.h"

namespace cg::tree {
namespace {

struct Part {
  const char* name;  // as in CRIU's message
  int type;
};

// 0 the same, 1 before, 2 after; nullopt when it cannot be told.
std::optional<long> compare(int first, int second, int type) {
  const long order = syscall(SYS_kcmp, first, second, type, 0UL, 0UL);
  if (order < 0 || order > 2) return std::nullopt;
  return order;
}

}  // namespace

void collect_shared_parts(Snapshot& snapshot) {
  for (const Part& part : {Part{"VM", KCMP_VM}, Part{"FS", KCMP_FS}, Part{"IO", KCMP_SIGHAND}}) {
    std::vector<int> ordered;
    for (const auto& task : snapshot.tasks) {
      if (task.zombie()) continue;
      std::size_t low = 0;
      std::size_t high = ordered.size();
      std::optional<long> order;
      while (low < high) {
        const std::size_t middle = (low + high) / 2;
        order = compare(task.pid, ordered[middle], part.type);
        if (!order || *order == 0) {
          low = middle;
          break;
        }
        (*order == 1 ? high : low) = *order == 1 ? middle : middle + 1;
      }
      if (low < high && order) {
        snapshot.shared.push_back({part.name, ordered[low], task.pid});
      } else if (low == high) {
        ordered.insert(ordered.begin() + static_cast<std::ptrdiff_t>(low), task.pid);
      } else if (errno == EPERM || errno == ENOSYS) {
        snapshot.unseen.push_back({std::string("which processes share their ") + part.name,
                                   errno == EPERM ? "CAP_SYS_PTRACE" : "a kernel with KCMP"});
        return;
      }
    }
  }
}

}  // namespace cg::tree
