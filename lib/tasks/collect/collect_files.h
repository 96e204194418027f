// The files of each task: descriptors, working and root directory, mappings. There may be tens of thousands,
// and each look is a system call, so that only those are made that can tell something: /proc/locks instead of
// every file's fdinfo, a duplicate of a pipe instead of its fdinfo, and a name that many tasks have open is
// looked up once.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "procfs/directory.h"
#include "procfs/locks.h"
#include "tasks/snapshot.h"

namespace cg::tree {

// What names lead to in one mount namespace. The links in /proc are written as they are seen from this
// process's root, or from the root of the other namespace: CRIU looks them up from there, and not from the
// root of a task that has called chroot(2).
struct Names {
  UniqueFd root;  // none: it cannot be had
  std::unordered_map<std::string, FileStat> known;
  std::map<std::string, int> remaps;  // by directory: the smallest N of its files link_remap.N; 0: none
};

// What is known before files are looked at: the mounts of the tree, where its names begin and the locked
// inodes.
class FileGround {
 public:
  void know(const std::vector<procfs::Mount>& mounts);
  // Of the task's mount namespace, whose first task it is when it is asked for the first time.
  Names& names_of(const procfs::Directory& directory, std::uint64_t mount_namespace);
  void own_root(std::uint64_t own_mount_namespace, const procfs::Directory& self);
  // Whether a pid in this procfs is one to system calls of this process too; not before it is said.
  void pids_are_ours(bool ours);
  // Only the first pid namespace's /proc/locks is complete. Without it every file may be locked.
  void read_locks(const std::filesystem::path& proc, std::uint64_t own_pid_namespace);

  bool may_be_locked(const FileStat& stat) const;
  // A lookup there asks a server, which may not answer.
  bool is_remote(int mount) const;
  bool has_our_pids() const { return pids_are_ours_; }
  void shared_memory(std::pair<unsigned, unsigned> device) { shared_memory_ = device; }
  std::pair<unsigned, unsigned> shared_memory() const { return shared_memory_; }

 private:
  struct Traits {
    bool remote = false;
    bool own_numbers = false;  // stat(2) tells the numbers that /proc/locks has
  };
  std::map<int, Traits> mounts_;  // by id
  std::map<std::uint64_t, Names> names_;
  bool locks_known_ = false;
  bool pids_are_ours_ = false;
  std::pair<unsigned, unsigned> shared_memory_;  // the device that memfds are on
  std::set<procfs::LockedInode> locked_;
};

// Working and root directory and descriptors.
class OpenFileCollector {
 public:
  explicit OpenFileCollector(FileGround& ground) : ground_(ground) {}
  // Adds them to Task::files; Task::namespaces is known.
  void take(const procfs::Directory& directory, Task& task, std::vector<Unseen>& unseen);

 private:
  FileGround& ground_;
};

// CRIU opens mapped files by their descriptors in map_files, and keeps path and mount of them as of open
// ones. Programs and libraries are the same in many tasks: each is looked at once a mount namespace.
class MappedFileCollector {
 public:
  explicit MappedFileCollector(FileGround& ground) : ground_(ground) {}
  // Adds them to Task::files; Task::mappings and namespaces are known.
  void take(const procfs::Directory& directory, Task& task, std::vector<Unseen>& unseen);

 private:
  FileGround& ground_;
  std::set<std::tuple<std::uint64_t, unsigned, unsigned, std::uint64_t>> seen_;
};

}  // namespace cg::tree
