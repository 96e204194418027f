// A task that ends while it is looked at is left out, and counted; the tree is what was there at both ends.
#include "tree/collect.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "procfs/directory.h"
#include "procfs/scan.h"

namespace cg::tree {
namespace {

using procfs::Directory;
using procfs::is_gone;

constexpr const char* tracing_right = "CAP_SYS_PTRACE";

// "mnt:[4026531841]" -> 4026531841
std::uint64_t bracketed_number(std::string_view link) {
  const std::size_t open = link.find('[');
  if (open == std::string_view::npos || !link.ends_with(']')) return 0;
  return procfs::to_number<std::uint64_t>(link.substr(open + 1, link.size() - open - 2)).value_or(0);
}

std::optional<FileStat> look_at(int directory, const char* path, int flags) {
  struct statx seen {};
  // Without a question to the server of a network or FUSE file system: it may not answer.
  if (statx(directory, path, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID,
            &seen) != 0)
    return std::nullopt;
  FileStat stat;
  stat.major = seen.stx_dev_major;
  stat.minor = seen.stx_dev_minor;
  stat.rdev_major = seen.stx_rdev_major;
  stat.rdev_minor = seen.stx_rdev_minor;
  stat.inode = seen.stx_ino;
  stat.size = seen.stx_size;
  stat.blocks = seen.stx_blocks;
  stat.mode = seen.stx_mode;
  stat.links = seen.stx_nlink;
  if (seen.stx_mask & STATX_MNT_ID) stat.mount = static_cast<int>(seen.stx_mnt_id);
  return stat;
}

// A lookup on these asks a server.
bool is_remote(const procfs::Mount& mount) {
  for (const std::string_view type : {"fuse", "virtiofs", "9p", "nfs", "nfs4", "cifs", "smb3", "ceph"})
    if (mount.type == type || mount.type.starts_with("fuse.")) return true;
  return false;
}

// Files whose fdinfo holds nothing that a check asks for.
bool is_plain_anonymous(std::string_view link) {
  for (const std::string_view kind : {"[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]"})
    if (link.ends_with(kind) && link.starts_with("anon_inode:")) return true;
  return false;
}

class Collector {
 public:
  Collector(const std::filesystem::path& proc, Snapshot& snapshot) : proc_(proc), snapshot_(snapshot) {}

  Result<void> own_place();
  Result<void> walk(int root);

 private:
  enum class Outcome { taken, gone };
  Outcome take(int pid, int parent);
  std::vector<int> children(const Directory& task, int pid);
  void threads(const Directory& directory, Task& task);
  void namespaces(const Directory& directory, Task& task);
  void owners(const Directory& directory, Task& task);
  void mounts(const Directory& directory, const Task& task);
  void files(const Directory& directory, Task& task);
  void rest(const Directory& directory, Task& task);
  void mapped_files(const Directory& directory, Task& task);
  void look_up_name(const Directory& directory, OpenFile& file) const;
  void cannot_see(const std::string& what, int error);

  std::filesystem::path proc_;
  Snapshot& snapshot_;
  // Programs and libraries are the same in many tasks: each is looked at once a mount namespace.
  std::set<std::tuple<std::uint64_t, unsigned, unsigned, std::uint64_t>> mapped_;
};

void Collector::cannot_see(const std::string& what, int error) {
  if (is_gone(error)) return;
  snapshot_.unseen.push_back({what, error == EACCES || error == EPERM ? std::string(tracing_right)
                                                                      : std::string(std::strerror(error))});
}

Namespaces read_namespaces(const Directory& directory, int* error) {
  Namespaces result;
  for (std::size_t kind = 0; kind < namespace_files.size(); ++kind) {
    const auto link = directory.link(fmt::format("ns/{}", namespace_files.at(kind)).c_str());
    if (link)
      result.inode.at(kind) = bracketed_number(*link);
    else if (link.error() != ENOENT && error)
      *error = link.error();
  }
  return result;
}

Result<void> Collector::own_place() {
  const auto self = Directory::open(proc_ / "self");
  if (!self) return cannot_errno((proc_ / "self").string(), self.error());
  snapshot_.own_pid = getpid();
  snapshot_.own_namespaces = read_namespaces(*self, nullptr);
  const auto mountinfo = self->read("mountinfo");
  if (!mountinfo) return cannot_errno((proc_ / "self/mountinfo").string(), mountinfo.error());
  CG_TRY(own_mounts, procfs::parse_mountinfo(*mountinfo, "/proc/self/mountinfo"));
  snapshot_.own_mounts = std::move(own_mounts);
  if (const auto text = self->read("status")) {
    CG_TRY(status, procfs::parse_status(*text, "/proc/self/status"));
    snapshot_.own_seccomp = status.seccomp;
  }
  if (const auto text = self->read("cgroup")) {
    CG_TRY(entries, procfs::parse_cgroup(*text, "/proc/self/cgroup"));
    for (const auto& entry : entries)
      if (auto directory = procfs::cgroup_directory(entry, snapshot_.own_mounts); !directory.empty())
        snapshot_.own_cgroups.push_back(std::move(directory));
  }
  return {};
}

// The children of every thread. A kernel without PROC_CHILDREN has no such file: then all of /proc is asked.
std::vector<int> Collector::children(const Directory& task, int pid) {
  std::vector<int> result;
  const auto threads = task.open_below("task");
  const auto tids = threads ? threads->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  bool missing = false;
  for (const int tid : tids ? *tids : std::vector<int>()) {
    const auto text = threads->read(fmt::format("{}/children", tid).c_str());
    if (!text) {
      missing = tid == pid && text.error() == ENOENT;
      continue;
    }
    std::string_view rest = *text;
    for (;;) {
      const auto child = procfs::to_number<int>(procfs::take_word(rest));
      if (!child) break;
      result.push_back(*child);
    }
  }
  if (!missing) return result;
  const auto all = Directory::open(proc_);
  const auto pids = all ? all->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  for (const int candidate : pids ? *pids : std::vector<int>()) {
    const auto text = all->read(fmt::format("{}/stat", candidate).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat && stat->parent == pid) result.push_back(candidate);
  }
  return result;
}

void Collector::threads(const Directory& directory, Task& task) {
  task.thread_states = task.stat.state;
  if (task.status.threads <= 1) return;
  const auto list = directory.open_below("task");
  const auto tids = list ? list->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  for (const int tid : tids ? *tids : std::vector<int>()) {
    if (tid == task.pid) continue;
    const auto text = list->read_small(fmt::format("{}/stat", tid).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat) task.thread_states += stat->state;
  }
}

// Only where the task has a user namespace of its own is the owner of its other namespaces a question.
void Collector::owners(const Directory& directory, Task& task) {
  if (task.namespaces[Namespace::user] == snapshot_.own_namespaces[Namespace::user]) return;
  for (const Namespace kind :
       {Namespace::net, Namespace::uts, Namespace::ipc, Namespace::mount, Namespace::pid}) {
    if (task.namespaces[kind] == snapshot_.own_namespaces[kind]) continue;
    const auto path = fmt::format("ns/{}", namespace_files.at(static_cast<std::size_t>(kind)));
    const UniqueFd file(openat(directory.fd(), path.c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd owner(file ? ioctl(file.get(), NS_GET_USERNS) : -1);
    struct stat seen {};
    if (owner && fstat(owner.get(), &seen) == 0) task.owners[kind] = seen.st_ino;
  }
}

void Collector::namespaces(const Directory& directory, Task& task) {
  int error = 0;
  task.namespaces = read_namespaces(directory, &error);
  if (error != 0) {
    cannot_see("the namespaces of " + task.name(), error);
    // Those that cannot be seen are not held against it.
    for (std::size_t kind = 0; kind < namespace_files.size(); ++kind)
      if (task.namespaces.inode.at(kind) == 0)
        task.namespaces.inode.at(kind) = snapshot_.own_namespaces.inode.at(kind);
    return;
  }
  owners(directory, task);
  mounts(directory, task);
}

void Collector::mounts(const Directory& directory, const Task& task) {
  const std::uint64_t inode = task.namespaces[Namespace::mount];
  for (const auto& [known, list] : snapshot_.mounts)
    if (known == inode) return;
  const auto text = directory.read("mountinfo");
  if (!text) return cannot_see("the mounts of " + task.name(), text.error());
  auto list = procfs::parse_mountinfo(*text, fmt::format("/proc/{}/mountinfo", task.pid));
  if (!list) {
    snapshot_.unseen.push_back({"the mounts of " + task.name(), list.error().message});
    return;
  }
  for (const auto& mount : *list) {
    if (mount.type != "mqueue" && mount.type != "pstore") continue;
    const auto entries = directory.open_below(("root" + mount.mountpoint).c_str());
    const auto names =
        entries ? entries->names() : procfs::Seen<std::vector<std::string>>(std::unexpected(ENOENT));
    if (names && !names->empty()) snapshot_.directory_entries[mount.mountpoint] = *names;
  }
  snapshot_.mounts.emplace_back(inode, std::move(*list));
}

void Collector::look_up_name(const Directory& directory, OpenFile& file) const {
  if (!file.stat || !file.link.starts_with('/')) return;
  const mode_t kind = file.stat->mode & S_IFMT;
  if (kind != S_IFREG && kind != S_IFDIR && kind != S_IFCHR && kind != S_IFIFO) return;
  if (file.stat->links == 0) return;
  for (const auto& [inode, list] : snapshot_.mounts)
    for (const auto& mount : list)
      if (mount.id == file.mount() && is_remote(mount)) return;
  const auto now = look_at(directory.fd(), ("root" + file.link).c_str(), AT_SYMLINK_NOFOLLOW);
  if (!now)
    file.name = errno == ENOENT || errno == ENOTDIR ? NameLeadsTo::nothing : NameLeadsTo::not_looked_up;
  else
    file.name =
        now->inode == file.stat->inode && now->major == file.stat->major && now->minor == file.stat->minor
            ? NameLeadsTo::the_file
            : NameLeadsTo::another_file;
}

void Collector::files(const Directory& directory, Task& task) {
  for (const char* place : {"cwd", "root"}) {
    const auto link = directory.link(place);
    if (!link) continue;
    OpenFile file{place, -1, *link, look_at(directory.fd(), place, 0), std::nullopt};
    look_up_name(directory, file);
    task.files.push_back(std::move(file));
  }
  const auto descriptors = directory.open_below("fd");
  const auto numbers = descriptors ? descriptors->numbers()
                                   : procfs::Seen<std::vector<int>>(std::unexpected(descriptors.error()));
  if (!numbers) return cannot_see("the open files of " + task.name(), numbers.error());
  const auto infos = directory.open_below("fdinfo");
  for (const int fd : *numbers) {
    const std::string name = std::to_string(fd);
    const auto link = descriptors->link(name.c_str());
    if (!link) {
      // Closed meanwhile; or the file is there and its name may not be read.
      cannot_see(fmt::format("fd {} of {}", fd, task.name()), link.error());
      continue;
    }
    OpenFile file{"fd " + name, fd, *link, std::nullopt, std::nullopt};
    // Each look is a system call, and there may be many files: only those that can tell something are made.
    const bool is_socket = link->starts_with("socket:[");
    const bool is_pipe = link->starts_with("pipe:[");
    const bool is_silent = is_socket || is_plain_anonymous(*link);
    if (!is_socket && !is_pipe) file.stat = look_at(descriptors->fd(), name.c_str(), 0);
    if (!is_silent && infos) {
      const auto text = infos->read_small(name.c_str());
      if (text)
        if (auto info = procfs::parse_fdinfo(*text)) file.info = std::move(*info);
    }
    look_up_name(directory, file);
    task.files.push_back(std::move(file));
  }
}

// CRIU opens mapped files by their descriptors in map_files, and keeps path and mount of them as of open
// ones.
void Collector::mapped_files(const Directory& directory, Task& task) {
  for (const auto& mapping : task.mappings) {
    // What begins so is memory that only looks like a file.
    const auto is = [&](std::string_view prefix) { return mapping.path.starts_with(prefix); };
    if (!is("/") || mapping.inode == 0 || is("/memfd:") || is("/SYSV") || is("/dev/") || is("/[aio]") ||
        is("/anon_hugepage") || is("/secretmem"))
      continue;
    if (!mapped_.emplace(task.namespaces[Namespace::mount], mapping.major, mapping.minor, mapping.inode)
             .second)
      continue;
    const auto place = fmt::format("map_files/{:x}-{:x}", mapping.start, mapping.end);
    const auto link = directory.link(place.c_str());
    if (!link) {
      if (link.error() != ENOENT)
        return cannot_see("the files that " + task.name() + " has mapped", link.error());
      continue;
    }
    OpenFile file{"mapping", -1, *link, look_at(directory.fd(), place.c_str(), 0), std::nullopt};
    if (!file.stat) return cannot_see("the files that " + task.name() + " has mapped", errno);
    look_up_name(directory, file);
    task.files.push_back(std::move(file));
  }
}

void Collector::rest(const Directory& directory, Task& task) {
  if (const auto text = directory.read("maps")) {
    if (auto mappings = procfs::parse_named_maps(*text)) task.mappings = std::move(*mappings);
  } else {
    cannot_see("the memory map of " + task.name(), text.error());
  }
  mapped_files(directory, task);
  if (const auto text = directory.read_small("cgroup"))
    if (auto entries = procfs::parse_cgroup(*text)) task.cgroups = std::move(*entries);
  const UniqueFd program(openat(directory.fd(), "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<unsigned char, EI_NIDENT> ident{};
  if (program && read(program.get(), ident.data(), ident.size()) == EI_NIDENT &&
      std::memcmp(ident.data(), ELFMAG, SELFMAG) == 0)
    task.elf = ident[EI_CLASS] == ELFCLASS32 ? ElfClass::bits_32 : ElfClass::bits_64;
}

Collector::Outcome Collector::take(int pid, int parent) {
  const auto directory = Directory::open(proc_ / std::to_string(pid));
  if (!directory) return Outcome::gone;
  Task task;
  task.pid = pid;
  task.parent = parent;
  const auto status_text = directory->read_small("status");
  const auto stat_text = directory->read_small("stat");
  auto status = status_text ? procfs::parse_status(*status_text) : Result<procfs::Status>(cannot(""));
  auto stat = stat_text ? procfs::parse_stat(*stat_text) : Result<procfs::Stat>(cannot(""));
  if (!status || !stat) return Outcome::gone;
  task.status = std::move(*status);
  task.stat = std::move(*stat);
  threads(*directory, task);
  if (!task.zombie()) {
    namespaces(*directory, task);
    files(*directory, task);
    rest(*directory, task);
    // What a task that ended left half-read would only mislead.
    if (faccessat(directory->fd(), "stat", F_OK, 0) != 0) return Outcome::gone;
  } else {
    task.namespaces = snapshot_.tasks.empty() ? snapshot_.own_namespaces : snapshot_.root().namespaces;
  }
  snapshot_.tasks.push_back(std::move(task));
  return Outcome::taken;
}

Result<void> Collector::walk(int root) {
  if (take(root, 0) == Outcome::gone)
    return cannot(
        fmt::format("there is no process {} here: give the pid as it is seen from where kcheck runs "
                    "(in a container, `ps` shows other numbers)",
                    root));
  std::set<int> seen{root};
  for (std::size_t at = 0; at < snapshot_.tasks.size(); ++at) {
    const int pid = snapshot_.tasks[at].pid;
    const auto directory = Directory::open(proc_ / std::to_string(pid));
    if (!directory) continue;
    for (const int child : children(*directory, pid)) {
      if (!seen.insert(child).second) continue;
      if (take(child, pid) == Outcome::gone) snapshot_.gone.push_back(child);
    }
  }
  return {};
}

}  // namespace

Result<Snapshot> collect(int pid, const std::filesystem::path& proc) {
  Snapshot snapshot;
  Collector collector(proc, snapshot);
  CG_CHECK(collector.own_place());
  CG_CHECK(collector.walk(pid));
  collect_cgroups(snapshot);
  collect_sockets(snapshot, proc);
  collect_shared_parts(snapshot);
  return snapshot;
}

}  // namespace cg::tree
