// /proc/locks: which inodes have a lock or lease. It leaves out what was locked by a process that its
// reader's pid namespace does not know, and by one that has ended, unless the reader is in the first pid
// namespace.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::procfs {

// An inode by the numbers of its file system's own device, which on btrfs and overlayfs are not those of
// stat(2).
struct LockedInode {
  unsigned major = 0;
  unsigned minor = 0;
  std::uint64_t inode = 0;
  auto operator<=>(const LockedInode&) const = default;
};

struct Lock {
  std::string kind;  // "POSIX", "FLOCK", "OFDLCK", "LEASE"
  bool write = false;
  LockedInode inode;
};

// Those who wait for a lock count as well. Refused, with the line's number, when a line is not one of locks.
Result<std::vector<Lock>> parse_locks(std::string_view text, const std::string& name = "locks");

}  // namespace cg::procfs
