#include "tasks/collect/pipe_flags.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cg::tree {

PipeFlags::PipeFlags(int pid) : task_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

std::optional<unsigned> PipeFlags::of(int fd) const {
  if (!task_) return std::nullopt;
  const UniqueFd duplicate(static_cast<int>(syscall(SYS_pidfd_getfd, task_.get(), fd, 0)));
  const int flags = duplicate ? fcntl(duplicate.get(), F_GETFL) : -1;
  if (flags < 0) return std::nullopt;
  return static_cast<unsigned>(flags);
}

}  // namespace cg::tree
