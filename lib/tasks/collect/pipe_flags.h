// The open(2) flags of another task's pipes, by a duplicate that lives for one question (pidfd_getfd(2),
// Linux 5.6): a tree has pipes by the thousand, and fdinfo costs an open, a read and a close of a procfs file
// each. Of pipes only: closing a duplicate of another file may ask a server (FUSE, NFS), which may not
// answer.
#pragma once

#include <optional>

#include "base/file.h"

namespace cg::tree {

class PipeFlags {
 public:
  // `pid`: as this process sees it.
  explicit PipeFlags(int pid);
  // nullopt where the kernel or a policy refuses (it asks for the right to trace), or when the file is gone.
  std::optional<unsigned> of(int fd) const;

 private:
  UniqueFd task_;
};

}  // namespace cg::tree
