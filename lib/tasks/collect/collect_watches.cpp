// What inotify and fanotify watch is known by a file handle only. CRIU opens the handle through a mount of
// that device; where the file system cannot do that (overlayfs), it looks for the inode below some
// directories by itself, and below those that --irmap-scan-path names. The same is done here, so that it is
// known beforehand.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "procfs/directory.h"
#include "tasks/collect/collect.h"

namespace cg::tree {
namespace {

using procfs::Directory;

// More entries than that are not looked through for a name to propose.
constexpr int most_entries = 100000;

// The directories that v4.2:criu/irmap.c looks through by itself.
constexpr std::array hints{"/etc",
                           "/var/spool",
                           "/var/log",
                           "/usr/share/dbus-1/services",
                           "/usr/share/dbus-1/system-services",
                           "/var/lib/polkit-1/localauthority",
                           "/usr/share/polkit-1/actions",
                           "/lib/udev"};

const char* relative(const std::string& path) {
  return path.size() > 1 ? path.c_str() + 1 : ".";
}

bool is_it(const struct stat& seen, const procfs::InotifyWatch& watch) {
  return (static_cast<std::uint32_t>(major(seen.st_dev)) << 20 | minor(seen.st_dev)) == watch.device &&
         seen.st_ino == watch.inode;
}

// A name of the watched inode at or below `top`; "" when there is none among the first entries. `budget`
// counts them down. Links are not followed, and another device only where `anywhere` is on.
enum class Reach { one_device, anywhere };
std::string find_below(int root, const std::string& top, const procfs::InotifyWatch& watch, Reach reach,
                       int& budget) {
  struct stat seen {};
  if (fstatat(root, relative(top), &seen, AT_SYMLINK_NOFOLLOW) != 0) return "";
  if (is_it(seen, watch)) return top;
  std::vector<std::string> waiting;
  if (S_ISDIR(seen.st_mode)) waiting.push_back(top);
  const dev_t device = seen.st_dev;
  while (!waiting.empty()) {
    const std::string directory = std::move(waiting.back());
    waiting.pop_back();
    const UniqueFd fd(
        openat(root, relative(directory), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    const auto here = fd ? Directory::open(fmt::format("/proc/self/fd/{}", fd.get()))
                         : procfs::Seen<Directory>(std::unexpected(errno));
    const auto names = here ? here->names() : procfs::Seen<std::vector<std::string>>(std::unexpected(errno));
    for (const auto& name : names ? *names : std::vector<std::string>()) {
      if (--budget < 0) return "";
      if (fstatat(fd.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) continue;
      std::string path = (directory == "/" ? "" : directory) + "/" + name;
      if (is_it(seen, watch)) return path;
      if (S_ISDIR(seen.st_mode) && (reach == Reach::anywhere || seen.st_dev == device))
        waiting.push_back(std::move(path));
    }
  }
  return "";
}

class WatchCollector {
 public:
  WatchCollector(Snapshot& snapshot, const std::filesystem::path& proc) : snapshot_(snapshot), proc_(proc) {}
  void take(const procfs::InotifyWatch& watch);

 private:
  using Handle = WatchedFile::Handle;
  Handle open_handle(const procfs::InotifyWatch& watch);
  Handle try_mount(int root, const procfs::Mount& mount, const procfs::InotifyWatch& watch);
  void look_for(const procfs::InotifyWatch& watch, WatchedFile& file);
  // The root of a mount namespace of the tree; -1: it cannot be had.
  int root_of(std::uint64_t mount_namespace);

  Snapshot& snapshot_;
  const std::filesystem::path& proc_;
  std::map<std::uint64_t, UniqueFd> roots_;
};

int WatchCollector::root_of(std::uint64_t mount_namespace) {
  const auto [place, fresh] = roots_.try_emplace(mount_namespace);
  if (!fresh) return place->second.get();
  if (mount_namespace == snapshot_.own_namespaces[Namespace::mount]) {
    place->second.reset(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return place->second.get();
  }
  for (const auto& task : snapshot_.tasks) {
    if (task.namespaces[Namespace::mount] != mount_namespace || task.root_link() != "/") continue;
    const auto root = proc_ / std::to_string(task.pid) / "root";
    place->second.reset(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    break;
  }
  return place->second.get();
}

WatchedFile::Handle WatchCollector::try_mount(int root, const procfs::Mount& mount,
                                              const procfs::InotifyWatch& watch) {
  const UniqueFd place(
      openat(root, relative(mount.mountpoint), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
  if (!place || watch.handle.size() > MAX_HANDLE_SZ) return Handle::refused;
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> bytes{};
  auto* handle = reinterpret_cast<file_handle*>(bytes.data());
  handle->handle_bytes = static_cast<unsigned>(watch.handle.size());
  handle->handle_type = watch.handle_type;
  std::memcpy(handle->f_handle, watch.handle.data(), watch.handle.size());
  const UniqueFd file(open_by_handle_at(place.get(), handle, O_PATH | O_CLOEXEC));
  if (!file) return errno == EPERM ? Handle::not_tried : Handle::refused;
  std::array<char, PATH_MAX> text;
  const ssize_t size =
      readlink(fmt::format("/proc/self/fd/{}", file.get()).c_str(), text.data(), text.size());
  struct stat seen {};
  const std::string path(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const bool has_path =
      path.starts_with('/') && fstatat(root, relative(path), &seen, 0) == 0 && seen.st_ino == watch.inode;
  return has_path ? Handle::opens : Handle::opens_without_name;
}

WatchedFile::Handle WatchCollector::open_handle(const procfs::InotifyWatch& watch) {
  Handle best = Handle::refused;
  for (const auto& [inode, list] : snapshot_.mounts) {
    const int root = root_of(inode);
    if (root < 0) return Handle::not_tried;
    for (const auto& mount : list) {
      if ((mount.major << 20 | mount.minor) != watch.device) continue;
      const Handle now = try_mount(root, mount, watch);
      if (now == Handle::opens || now == Handle::not_tried) return now;
      if (now == Handle::opens_without_name)
        best = mount.type == "tmpfs" || mount.type == "devtmpfs" ? Handle::lost : Handle::opens_without_name;
    }
  }
  return best;
}

void WatchCollector::look_for(const procfs::InotifyWatch& watch, WatchedFile& file) {
  const int root = root_of(snapshot_.root().namespaces[Namespace::mount]);
  if (root < 0) return;
  int budget = most_entries;
  for (const char* hint : hints)
    if (file.name = find_below(root, hint, watch, Reach::anywhere, budget); !file.name.empty()) {
      file.found_by_criu = true;
      return;
    }
  budget = most_entries;
  for (const auto& mount : snapshot_.mounts.front().second)
    if ((mount.major << 20 | mount.minor) == watch.device)
      if (file.name = find_below(root, mount.mountpoint, watch, Reach::one_device, budget);
          !file.name.empty())
        return;
}

void WatchCollector::take(const procfs::InotifyWatch& watch) {
  const auto [place, fresh] = snapshot_.watched.try_emplace({watch.device, watch.inode});
  if (!fresh) return;
  WatchedFile& file = place->second;
  file.handle = watch.has_handle ? open_handle(watch) : Handle::refused;
  if (file.handle == Handle::not_tried)
    snapshot_.unseen.push_back(
        {fmt::format("whether the handle of watched inode {:#x} opens", watch.inode), "CAP_DAC_READ_SEARCH"});
  if (file.handle == Handle::refused && !snapshot_.mounts.empty()) look_for(watch, file);
}

}  // namespace

void collect_watches(Snapshot& snapshot, const std::filesystem::path& proc) {
  WatchCollector collector(snapshot, proc);
  for (const auto& task : snapshot.tasks)
    for (const auto& file : task.files)
      if (file.info)
        for (const auto& watch : file.info->watches) collector.take(watch);
}

}  // namespace cg::tree
