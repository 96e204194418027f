// /proc/PID/fdinfo/FD: the lines that every file has, and those of locks, inotify, terminals and pidfds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::procfs {

struct InotifyWatch {
  std::uint64_t inode = 0;
  std::uint32_t device = 0;  // in the kernel's own encoding: major << 20 | minor
  bool has_handle = false;   // the file system can name the inode by a file handle
  int handle_type = 0;
  std::string handle;  // bytes
};

struct FileLock {
  std::string kind;  // "POSIX", "FLOCK", "OFDLCK", "LEASE"
  int pid = 0;       // as the reader sees it
  bool write = false;
};

struct FdInfo {
  std::uint32_t flags = 0;  // open(2) flags
  int mount = -1;           // mnt_id
  std::vector<FileLock> locks;
  std::vector<InotifyWatch> watches;  // of inotify and fanotify
  bool fanotify_mount_mark = false;   // a mark on a whole mount
  int tty_index = -1;                 // of a /dev/ptmx: N of its /dev/pts/N
  int pidfd_target = 0;  // of a pidfd: the task, as the reader sees it; 0: no such line; -1: ended
};

Result<FdInfo> parse_fdinfo(std::string_view text, const std::string& name = "fdinfo");

}  // namespace cg::procfs
