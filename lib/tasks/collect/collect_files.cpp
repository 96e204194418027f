#include "tasks/collect/collect_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/major.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "procfs/scan.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/pipe_flags.h"

namespace cg::tree {
namespace {

using procfs::Directory;

// The inode of the first pid namespace, as include/linux/proc_ns.h of Linux fixes it.
constexpr std::uint64_t first_pid_namespace = 0xEFFFFFFC;

// "socket:[16893]" -> 16893; 0 for what is no socket.
std::uint64_t socket_inode(std::string_view link) {
  constexpr std::string_view prefix = "socket:[";
  if (!link.starts_with(prefix)) return 0;
  return procfs::to_number<std::uint64_t>(link.substr(prefix.size(), link.size() - prefix.size() - 1))
      .value_or(0);
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

bool same_file(const FileStat& one, const FileStat& other) {
  return one.inode == other.inode && one.major == other.major && one.minor == other.minor;
}

bool is_network_file_system(const procfs::Mount& mount) {
  for (const std::string_view type : {"fuse", "virtiofs", "9p", "nfs", "nfs4", "cifs", "smb3", "ceph"})
    if (mount.type == type || mount.type.starts_with("fuse.")) return true;
  return false;
}

// File systems of one device and plain inode numbers.
bool has_own_numbers(const procfs::Mount& mount) {
  static constexpr std::array types{"ext2", "ext3",  "ext4", "xfs",      "tmpfs", "devtmpfs", "ramfs",
                                    "proc", "sysfs", "vfat", "squashfs", "erofs", "devpts"};
  return std::ranges::find(types, mount.type) != types.end();
}

// Files whose fdinfo holds nothing that a check asks for.
bool is_plain_anonymous(std::string_view link) {
  for (const std::string_view kind : {"[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]"})
    if (link.ends_with(kind) && link.starts_with("anon_inode:")) return true;
  return false;
}

// fdinfo tells locks, the ends and the mode of a pipe where PipeFlags may not, the number of a terminal, and
// what anonymous files are for.
bool needs_info(const OpenFile& file, const FileGround& ground) {
  if (!file.stat) return !file.link.starts_with("socket:[") && !is_plain_anonymous(file.link);
  const bool is_file = S_ISREG(file.stat->mode) || S_ISDIR(file.stat->mode) ||
                       (S_ISCHR(file.stat->mode) && file.stat->rdev_major == MEM_MAJOR);
  if (is_file && file.link.starts_with('/')) return ground.may_be_locked(*file.stat);
  return !is_plain_anonymous(file.link);
}

// The mount that the directory of a lost name is on, or the nearest one above that is still there.
int mount_above(int root, std::string path) {
  for (std::size_t slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
    path.resize(slash);
    if (const auto directory = look_at(root, slash > 0 ? path.c_str() + 1 : ".", 0)) return directory->mount;
  }
  return -1;
}

// CRIU's links to files whose name is gone, which a dump leaves for its restore.
int remap_beside(Names& names, const std::string& path) {
  constexpr std::string_view prefix = "link_remap.";
  const std::string directory = path.substr(0, path.rfind('/'));
  const auto [place, fresh] = names.remaps.try_emplace(directory, 0);
  if (!fresh) return place->second;
  std::error_code none;
  const std::filesystem::directory_iterator entries(
      fmt::format("/proc/self/fd/{}{}", names.root.get(), directory), none);
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const int number = procfs::to_number<int>(std::string_view(name).substr(prefix.size())).value_or(0);
    if (number > 0 && (place->second == 0 || number < place->second)) place->second = number;
  }
  return place->second;
}

void look_up_name(OpenFile& file, const FileGround& ground, Names& names) {
  if (!file.stat || !file.link.starts_with('/') || !names.root) return;
  const mode_t kind = file.stat->mode & S_IFMT;
  if (kind != S_IFREG && kind != S_IFDIR && kind != S_IFCHR && kind != S_IFIFO) return;
  if (file.stat->links == 0 || ground.is_remote(file.mount())) return;
  file.name = NameLeadsTo::the_file;
  if (const auto before = names.known.find(file.link);
      before != names.known.end() && same_file(before->second, *file.stat))
    return;
  const char* below = file.link.size() > 1 ? file.link.c_str() + 1 : ".";
  const auto now = look_at(names.root.get(), below, AT_SYMLINK_NOFOLLOW);
  if (!now) {
    file.name = errno == ENOENT || errno == ENOTDIR ? NameLeadsTo::nothing : NameLeadsTo::not_looked_up;
    if (file.name != NameLeadsTo::nothing) return;
    file.directory_mount = mount_above(names.root.get(), file.link);
    file.remap_beside = remap_beside(names, file.link);
    return;
  }
  names.known.insert_or_assign(file.link, *now);
  if (!same_file(*now, *file.stat)) file.name = NameLeadsTo::another_file;
}

}  // namespace

void FileGround::pids_are_ours(bool ours) {
  pids_are_ours_ = ours;
}

void FileGround::know(const std::vector<procfs::Mount>& mounts) {
  for (const auto& mount : mounts) {
    mounts_[mount.id] = {is_network_file_system(mount), has_own_numbers(mount)};
  }
}

void FileGround::own_root(std::uint64_t own_mount_namespace, const Directory& self) {
  names_[own_mount_namespace].root.reset(openat(self.fd(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

Names& FileGround::names_of(const Directory& directory, std::uint64_t mount_namespace) {
  const auto [place, fresh] = names_.try_emplace(mount_namespace);
  if (const auto root = fresh ? directory.link("root") : procfs::Seen<std::string>(""); root && *root == "/")
    place->second.root.reset(openat(directory.fd(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return place->second;
}

void FileGround::read_locks(const std::filesystem::path& proc, std::uint64_t own_pid_namespace) {
  if (own_pid_namespace != first_pid_namespace) return;
  const auto directory = Directory::open(proc);
  const auto text = directory ? directory->read("locks") : procfs::Seen<std::string>(std::unexpected(ENOENT));
  if (!text) return;
  if (const auto locked = procfs::parse_locks(*text)) {
    for (const auto& lock : *locked) locked_.insert(lock.inode);
    locks_known_ = true;
  }
}

bool FileGround::may_be_locked(const FileStat& stat) const {
  const auto mount = mounts_.find(stat.mount);
  if (!locks_known_ || mount == mounts_.end() || !mount->second.own_numbers) return true;
  return locked_.contains({stat.major, stat.minor, stat.inode});
}

bool FileGround::is_remote(int mount) const {
  const auto found = mounts_.find(mount);
  return found != mounts_.end() && found->second.remote;
}

void OpenFileCollector::take(const Directory& directory, Task& task, std::vector<Unseen>& unseen) {
  Names& names = ground_.names_of(directory, task.namespaces[Namespace::mount]);
  for (const char* place : {"root", "cwd"}) {
    const auto link = directory.link(place);
    if (!link) continue;
    OpenFile file;
    file.label = place;
    file.link = *link;
    file.stat = look_at(directory.fd(), place, 0);
    look_up_name(file, ground_, names);
    task.files.push_back(std::move(file));
  }
  const auto descriptors = directory.open_below("fd");
  const auto numbers = descriptors ? descriptors->numbers()
                                   : procfs::Seen<std::vector<int>>(std::unexpected(descriptors.error()));
  if (!numbers) return cannot_see(unseen, "the open files of " + task.name(), numbers.error());
  task.files.reserve(task.files.size() + numbers->size());
  std::optional<procfs::Seen<Directory>> infos;
  const auto read_info = [&](const std::string& name) -> std::optional<procfs::FdInfo> {
    if (!infos) infos = directory.open_below("fdinfo");
    const auto text = *infos ? (*infos)->read_small(name.c_str())
                             : procfs::Seen<std::string>(std::unexpected(infos->error()));
    auto info = text ? procfs::parse_fdinfo(*text) : Result<procfs::FdInfo>(cannot(""));
    if (!info) return std::nullopt;
    return std::move(*info);
  };
  std::optional<PipeFlags> pipes;
  const auto pipe_info = [&](int fd, const std::string& name) -> std::optional<procfs::FdInfo> {
    if (!pipes && ground_.has_our_pids()) pipes.emplace(task.pid);
    const auto flags = pipes ? pipes->of(fd) : std::nullopt;
    if (!flags) return read_info(name);
    procfs::FdInfo info;
    info.flags = *flags;
    return info;
  };
  for (const int fd : *numbers) {
    const std::string name = std::to_string(fd);
    auto link = descriptors->link(name.c_str());
    if (!link) {
      // Closed meanwhile; or the file is there and its name may not be read.
      cannot_see(unseen, fmt::format("fd {} of {}", fd, task.name()), link.error());
      continue;
    }
    OpenFile file;
    file.label = "fd " + name;
    file.fd = fd;
    file.link = std::move(*link);
    file.socket = socket_inode(file.link);
    const bool pipe = file.link.starts_with("pipe:[");
    if (!pipe && file.socket == 0) {
      file.stat = look_at(descriptors->fd(), name.c_str(), 0);
      file.unanswered = !file.stat && errno == ENOENT && descriptors->link(name.c_str()).has_value();
    }
    if (pipe)
      file.info = pipe_info(fd, name);
    else if (needs_info(file, ground_))
      file.info = read_info(name);
    look_up_name(file, ground_, names);
    task.files.push_back(std::move(file));
  }
}

void MappedFileCollector::take(const Directory& directory, Task& task, std::vector<Unseen>& unseen) {
  Names& names = ground_.names_of(directory, task.namespaces[Namespace::mount]);
  for (const auto& mapping : task.mappings) {
    // What begins so is memory that only looks like a file.
    const auto is = [&](std::string_view prefix) { return mapping.path.starts_with(prefix); };
    const bool huge = (is("/memfd:") || is("/anon_hugepage")) &&
                      ground_.shared_memory() != std::pair(mapping.major, mapping.minor);
    if (!is("/") || mapping.inode == 0 || (is("/memfd:") && !huge) || is("/SYSV") || is("/dev/") ||
        is("/[aio]") || is("/secretmem"))
      continue;
    if (!seen_.emplace(task.namespaces[Namespace::mount], mapping.major, mapping.minor, mapping.inode).second)
      continue;
    // What is mapped may lie on a mount of another namespace than the one in which its name leads to it. Each
    // look into map_files takes the lock of the task's memory: one for a file whose name leads to it.
    const auto place = fmt::format("map_files/{:x}-{:x}", mapping.start, mapping.end);
    OpenFile file;
    file.label = "mapping";
    file.link = mapping.path;
    file.stat = look_at(directory.fd(), place.c_str(), 0);
    if (!file.stat) {
      if (errno == ENOENT) continue;
      return cannot_see(unseen, "the files that " + task.name() + " has mapped", errno);
    }
    look_up_name(file, ground_, names);
    if (file.name != NameLeadsTo::the_file)
      if (auto link = directory.link(place.c_str()); link && *link != file.link) {
        file.link = std::move(*link);
        file.name = NameLeadsTo::not_looked_up;
        look_up_name(file, ground_, names);
      }
    task.files.push_back(std::move(file));
  }
}

}  // namespace cg::tree
