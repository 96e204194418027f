// A task that ends while it is looked at is left out, and counted; the tree is what was there at both ends.
#include "tasks/collect/collect.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

#include "base/text.h"
#include "procfs/directory.h"
#include "procfs/scan.h"
#include "tasks/collect/collect_files.h"

namespace cg::tree {
namespace {

using procfs::Directory;
using procfs::is_gone;

// "mnt:[4026531841]" -> 4026531841
std::uint64_t bracketed_number(std::string_view link) {
  const std::size_t open = link.find('[');
  if (open == std::string_view::npos || !link.ends_with(']')) return 0;
  return procfs::to_number<std::uint64_t>(link.substr(open + 1, link.size() - open - 2)).value_or(0);
}

class Collector {
 public:
  Collector(const std::filesystem::path& proc, Snapshot& snapshot)
      : proc_(proc), snapshot_(snapshot), open_(ground_), mapped_(ground_) {}

  Result<void> own_place();
  Result<void> walk(int root);

 private:
  enum class Outcome { taken, gone };
  Outcome take(int pid, int parent);
  void children(const Directory& directory, const Task& task);
  void threads(const Directory& directory, Task& task);
  void namespaces(const Directory& directory, Task& task);
  void owners(const Directory& directory, Task& task);
  void mounts(const Directory& directory, const Task& task);
  void rest(const Directory& directory, Task& task);

  std::filesystem::path proc_;
  Snapshot& snapshot_;
  FileGround ground_;
  OpenFileCollector open_;
  MappedFileCollector mapped_;
  std::vector<std::pair<int, int>> found_;  // pid and parent, the root first: a task brings its children
  std::set<int> pids_;
};

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
  std::error_code none;
  snapshot_.apparmor = std::filesystem::exists(proc_.parent_path() / "sys/kernel/security/apparmor", none);
  utsname system{};
  if (uname(&system) == 0) snapshot_.kernel = leading_version(system.release).value_or(Version{});
  if (const UniqueFd memory(memfd_create("kcheck", MFD_CLOEXEC)); memory) {
    struct stat seen {};
    if (fstat(memory.get(), &seen) == 0)
      snapshot_.shared_memory_device = {major(seen.st_dev), minor(seen.st_dev)};
    ground_.shared_memory(snapshot_.shared_memory_device);
  }
  snapshot_.own_namespaces = read_namespaces(*self, nullptr);
  const auto mountinfo = self->read("mountinfo");
  if (!mountinfo) return cannot_errno((proc_ / "self/mountinfo").string(), mountinfo.error());
  CG_TRY(own_mounts, procfs::parse_mountinfo(*mountinfo, "/proc/self/mountinfo"));
  snapshot_.own_mounts = std::move(own_mounts);
  ground_.own_root(snapshot_.own_namespaces[Namespace::mount], *self);
  if (const auto text = self->read("status")) {
    CG_TRY(status, procfs::parse_status(*text, "/proc/self/status"));
    snapshot_.own_seccomp = status.seccomp;
    struct statfs of_proc {};
    ground_.pids_are_ours(status.pid.size() == 1 && status.pid.front() == snapshot_.own_pid &&
                          statfs(proc_.c_str(), &of_proc) == 0 && of_proc.f_type == PROC_SUPER_MAGIC);
  }
  if (const auto text = self->read("cgroup")) {
    CG_TRY(entries, procfs::parse_cgroup(*text, "/proc/self/cgroup"));
    for (const auto& entry : entries)
      if (auto directory = procfs::cgroup_directory(entry, snapshot_.own_mounts); !directory.empty())
        snapshot_.own_cgroups.push_back(std::move(directory));
    snapshot_.own_cgroup_entries = std::move(entries);
  }
  return {};
}

// The children of every thread. A kernel without PROC_CHILDREN has no such file: then all of /proc is asked.
void Collector::children(const Directory& directory, const Task& task) {
  const auto found = [&](int pid) {
    if (pids_.insert(pid).second) found_.emplace_back(pid, task.pid);
  };
  std::vector<int> threads{task.pid};
  if (task.status.threads > 1) {
    const auto list = directory.open_below("task");
    if (auto numbers = list ? list->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT)))
      threads = std::move(*numbers);
  }
  bool missing = false;
  for (const int tid : threads) {
    const auto text = directory.read(fmt::format("task/{}/children", tid).c_str());
    if (!text) {
      missing = tid == task.pid && text.error() == ENOENT;
      continue;
    }
    std::string_view rest = *text;
    while (const auto child = procfs::to_number<int>(procfs::take_word(rest))) found(*child);
  }
  if (!missing) return;
  const auto all = Directory::open(proc_);
  const auto pids = all ? all->numbers() : procfs::Seen<std::vector<int>>(std::unexpected(ENOENT));
  for (const int candidate : pids ? *pids : std::vector<int>()) {
    const auto text = all->read_small(fmt::format("{}/stat", candidate).c_str());
    const auto stat = text ? procfs::parse_stat(*text) : Result<procfs::Stat>(cannot(""));
    if (stat && stat->parent == task.pid) found(candidate);
  }
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

// CRIU takes the first word of the file.
void read_label(const Directory& directory, LabelSeen& label) {
  const auto readable = [&](const char* path) {
    const auto text = directory.read_small(path);
    if (!text && text.error() == ENOENT) return std::optional<bool>();
    if (!text) label.error = std::strerror(text.error());
    // What may not be read by this process is none of its business.
    return std::optional(text ? !trim(*text).empty() : text.error() == EACCES || text.error() == EPERM);
  };
  label.apparmor = label.current = readable("attr/current").value_or(true);
  if (const auto own = readable("attr/apparmor/current")) label.apparmor = *own;
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
    cannot_see(snapshot_.unseen, "the namespaces of " + task.name(), error);
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
  // A task that has called chroot(2) is shown the mounts below its root only: in this process's own namespace
  // that does not matter.
  const bool own = inode == snapshot_.own_namespaces[Namespace::mount];
  const auto text = own ? procfs::Seen<std::string>("") : directory.read("mountinfo");
  if (!text) return cannot_see(snapshot_.unseen, "the mounts of " + task.name(), text.error());
  auto list = own ? Result<std::vector<procfs::Mount>>(snapshot_.own_mounts)
                  : procfs::parse_mountinfo(*text, fmt::format("/proc/{}/mountinfo", task.pid));
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
  ground_.know(*list);
  snapshot_.mounts.emplace_back(inode, std::move(*list));
}

void Collector::rest(const Directory& directory, Task& task) {
  if (const auto text = directory.read("maps")) {
    if (auto mappings = procfs::parse_named_maps(*text)) task.mappings = std::move(*mappings);
  } else {
    cannot_see(snapshot_.unseen, "the memory map of " + task.name(), text.error());
  }
  mapped_.take(directory, task, snapshot_.unseen);
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
  if (snapshot_.apparmor) read_label(*directory, task.label);
  if (!task.zombie()) {
    namespaces(*directory, task);
    task.may_read_limits =
        !ground_.has_our_pids() || prlimit(pid, RLIMIT_CORE, nullptr, nullptr) == 0 || errno != EPERM;
    open_.take(*directory, task, snapshot_.unseen);
    rest(*directory, task);
    // What a task that ended left half-read would only mislead.
    if (faccessat(directory->fd(), "stat", F_OK, 0) != 0) return Outcome::gone;
  } else {
    task.namespaces = snapshot_.tasks.empty() ? snapshot_.own_namespaces : snapshot_.root().namespaces;
  }
  children(*directory, task);
  snapshot_.tasks.push_back(std::move(task));
  return Outcome::taken;
}

Result<void> Collector::walk(int root) {
  ground_.read_locks(proc_, snapshot_.own_namespaces[Namespace::pid]);
  pids_.insert(root);
  if (take(root, 0) == Outcome::gone)
    return cannot(
        fmt::format("there is no process {} here: give the pid as it is seen from where kcheck runs "
                    "(in a container, `ps` shows other numbers)",
                    root));
  for (std::size_t at = 0; at < found_.size(); ++at) {
    const auto [pid, parent] = found_[at];
    if (take(pid, parent) == Outcome::gone) snapshot_.gone.push_back(pid);
  }
  return {};
}

}  // namespace

void cannot_see(std::vector<Unseen>& unseen, const std::string& what, int error) {
  if (is_gone(error)) return;
  unseen.push_back({what, error == EACCES || error == EPERM ? std::string("CAP_SYS_PTRACE")
                                                            : std::string(std::strerror(error))});
}

Result<Snapshot> collect(int pid, const std::filesystem::path& proc) {
  Snapshot snapshot;
  Collector collector(proc, snapshot);
  CG_CHECK(collector.own_place());
  CG_CHECK(collector.walk(pid));
  collect_cgroups(snapshot);
  collect_sockets(snapshot, proc);
  collect_shared_parts(snapshot);
  collect_links(snapshot, proc);
  collect_watches(snapshot, proc);
  collect_huge_pages(snapshot);
  collect_outside(snapshot, proc);
  return snapshot;
}

}  // namespace cg::tree
