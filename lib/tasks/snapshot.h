// What `kcheck tree` has seen of a process tree: plain data, taken once from /proc (collect.h), judged by the
// checks (checks.h) as often as needed.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "criu/version.h"
#include "procfs/cgroup.h"
#include "procfs/fdinfo.h"
#include "procfs/maps.h"
#include "procfs/mountinfo.h"
#include "procfs/net.h"
#include "procfs/status.h"

namespace cg::tree {

enum class Namespace { pid, mount, net, ipc, uts, user, cgroup, time, time_for_children };
inline constexpr std::array<const char*, 9> namespace_files{
    "pid", "mnt", "net", "ipc", "uts", "user", "cgroup", "time", "time_for_children"};

// Inode numbers under /proc/PID/ns; 0: the kernel has no such namespace, or it could not be seen.
struct Namespaces {
  std::array<std::uint64_t, namespace_files.size()> inode{};
  std::uint64_t operator[](Namespace kind) const { return inode.at(static_cast<std::size_t>(kind)); }
};

struct FileStat {
  unsigned major = 0;  // of the device it is on
  unsigned minor = 0;
  unsigned rdev_major = 0;
  unsigned rdev_minor = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;    // bytes
  std::uint64_t blocks = 0;  // of 512 bytes
  std::uint32_t mode = 0;
  std::uint32_t links = 0;
  int mount = -1;  // id, where the kernel tells it (5.8)
};

// What the name of an open file leads to now, looked up from the task's root.
enum class NameLeadsTo { not_looked_up, the_file, nothing, another_file };

struct OpenFile {
  std::string label;  // "fd 3", "cwd", "root", "mapping"
  int fd = -1;        // -1 for what has no descriptor
  std::string link;   // the text of the link in /proc
  std::optional<FileStat> stat;
  std::optional<procfs::FdInfo> info;
  NameLeadsTo name = NameLeadsTo::not_looked_up;
  std::uint64_t socket = 0;  // the inode of a socket
  int directory_mount = -1;  // of a name that is gone: the mount that its directory is on now
  bool unanswered = false;   // open, and fstat(2) of it fails: ENOENT
  int remap_beside = 0;      // of a name that is gone: the smallest N of the link_remap.N in its directory

  int mount() const { return info && info->mount >= 0 ? info->mount : stat ? stat->mount : -1; }
};

// Where AppArmor is in use: whether its label of the task can be read from where CRIU reads it.
struct LabelSeen {
  bool current = true;   // attr/current, before CRIU 4.2
  bool apparmor = true;  // attr/apparmor/current, since then, and the other where there is none
  std::string error;     // "Invalid argument"
};

enum class ElfClass { unknown, bits_32, bits_64 };

struct Task {
  int pid = 0;  // as kcheck sees it
  int parent = 0;
  procfs::Status status;
  procfs::Stat stat;
  std::string thread_states;  // a letter a thread
  Namespaces namespaces;
  std::map<Namespace, std::uint64_t> owners;  // the user namespace that owns each, where it has its own
  std::vector<OpenFile> files;
  std::vector<procfs::Mapping> mappings;  // the named ones
  std::vector<procfs::CgroupEntry> cgroups;
  ElfClass elf = ElfClass::unknown;

  bool zombie() const { return status.state == 'Z' || status.state == 'X'; }
  std::string name() const;            // "126 (sleep)"
  std::string_view root_link() const;  // "/" but for a task that has called chroot(2); "": not seen
  int pid_inside() const;              // in its own pid namespace
  int session_inside() const;          // likewise; 0: the leader is outside of that namespace
  bool may_read_limits = true;         // prlimit(2) by this process
  LabelSeen label;
};

// One directory that a cgroup's path goes through.
struct CgroupLevel {
  std::string directory;
  bool frozen_here = false;  // its own switch is on, not only an ancestor's
};

struct CgroupState {
  procfs::CgroupEntry entry;
  std::string directory;            // "" when the hierarchy is not mounted where kcheck runs
  bool frozen = false;              // by itself or by an ancestor
  std::vector<CgroupLevel> levels;  // from the cgroup itself up to the root of its hierarchy
  std::vector<int> members;         // pids in cgroup.procs; only of cgroups below the root
};

// The probe of the sock_diag that lists the socket's kind: "udp-diag"; "" for kinds that CRIU does not ask
// for.
std::string diag_of(const procfs::Socket& socket);

struct SharedPart {
  std::string what;  // "VM", "FS", "IO": CRIU's names
  int first = 0;
  int second = 0;
};

struct NetworkLink {
  int index = 0;
  int type = 0;  // ARPHRD_*
  std::string name;
  std::string kind;             // "veth"; "" for a device of hardware
  int peer = 0;                 // of a veth the other end, of a macvlan its parent: the index of
  bool peer_elsewhere = false;  // in another network namespace
  int master = 0;               // index of its bridge
};

// A file that inotify or fanotify watches.
struct WatchedFile {
  // lost: the handle opens, the file has no name, and its file system (tmpfs) does not keep inode numbers.
  enum class Handle { not_tried, opens, opens_without_name, lost, refused };
  Handle handle = Handle::not_tried;
  std::string name;            // that was found for it where the handle is refused; "": none
  bool found_by_criu = false;  // in a directory that CRIU looks through by itself
};

struct Unseen {
  std::string what;   // "the open files of 12 (nginx)"
  std::string needs;  // "CAP_SYS_PTRACE"
};

struct Snapshot {
  std::vector<Task> tasks;  // the root first
  // The mounts of each mount namespace of the tree, the root task's first.
  std::vector<std::pair<std::uint64_t, std::vector<procfs::Mount>>> mounts;
  std::map<std::string, std::vector<std::string>> directory_entries;  // of mqueue mounts: what is in them
  std::map<std::string, CgroupState> cgroups;                         // by "hierarchy:path"
  std::unordered_map<std::uint64_t, procfs::Socket> sockets;          // by inode
  // UNIX sockets that wait to be accepted, and the listening one they wait at; 0: one that is closed again.
  std::multimap<std::uint64_t, std::uint64_t> pending_connections;
  std::set<std::string> silent_diags;  // probes of sock_diag that fail, of the kinds that the tree has
  std::vector<SharedPart> shared;
  std::vector<NetworkLink> links;  // of the root task's network namespace, where it is the tree's own
  std::map<std::pair<std::uint32_t, std::uint64_t>, WatchedFile>
      watched;  // by device (as in fdinfo) and inode
  // What processes outside hold of it: by number, one of their pids.
  std::map<int, int> terminals_outside;  // pseudo terminals whose master is in the tree
  std::map<int, int> numbers_outside;    // tasks that lead, or led, the session or group of others
  std::vector<Unseen> unseen;
  std::vector<int> gone;  // tasks that ended while they were looked at

  // The place CRIU is expected to run in: kcheck's own.
  int own_pid = 0;
  Version kernel;
  Namespaces own_namespaces;
  std::vector<procfs::Mount> own_mounts;
  std::vector<std::string> own_cgroups;  // directories
  std::vector<procfs::CgroupEntry> own_cgroup_entries;
  std::vector<NetworkLink> own_links;                  // where the tree has its own
  std::pair<unsigned, unsigned> shared_memory_device;  // that memfds and anonymous shared memory are on
  std::set<std::pair<unsigned, unsigned>>
      huge_page_devices;  // that can be known; where the tree has such memory
  int own_seccomp = 0;
  bool apparmor = false;  // as CRIU finds out: by what is in securityfs
  // Whether the criu on PATH was built for 32-bit tasks; nullopt: there is none, or no such task to ask for.
  std::optional<bool> criu_has_compat;

  const Task& root() const { return tasks.front(); }
  const Task* find(int pid) const;
  bool has_own(Namespace kind) const { return root().namespaces[kind] != own_namespaces[kind]; }
};

// A memfd of huge pages, or anonymous memory of them.
bool is_huge_memory(const Snapshot& tree, const OpenFile& file);

}  // namespace cg::tree
