// Open files but for sockets, pipes and what is special about terminals: is the mount in the tree, is the
// kind one that CRIU knows, does the name still lead to the file, is there a lock or a watch on it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

using procfs::is_path_below;
using procfs::Mount;

bool is_kind(const FileStat& stat, mode_t kind) {
  return (stat.mode & S_IFMT) == kind;
}

// The mounts that CRIU has collected, and which of them are hidden below another.
class MountIndex {
 public:
  explicit MountIndex(const Question& question) {
    for (const auto& [inode, list] : question.tree.mounts)
      for (const auto& mount : list)
        if (mount.type != "tracefs" && !question.options.skipped_mounts.contains(mount.mountpoint)) {
          by_id_.emplace(mount.id, &mount);
          // The root file system that an initrd is unpacked into is its own parent.
          if (mount.parent != mount.id) children_[mount.parent].push_back(&mount);
        }
  }
  const Mount* find(int id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  bool hidden(const Mount& mount) {
    const auto [known, fresh] = hidden_.try_emplace(mount.id);
    if (fresh) known->second = is_hidden(mount);
    return known->second;
  }

 private:
  // mnt_is_overmounted() of v4.2:criu/mount.c.
  bool is_hidden(const Mount& mount) const {
    if (child_of(mount.id, [&](const Mount& child) { return child.mountpoint == mount.mountpoint; }))
      return true;
    for (const Mount* at = &mount; find(at->parent) && at->parent != at->id; at = find(at->parent))
      if (child_of(at->parent, [&](const Mount& sibling) {
            return &sibling != at && is_path_below(at->mountpoint, sibling.mountpoint);
          }))
        return true;
    return false;
  }
  bool child_of(int id, auto&& pick) const {
    const auto found = children_.find(id);
    return found != children_.end() &&
           std::ranges::any_of(found->second, [&](const Mount* one) { return pick(*one); });
  }
  std::map<int, const Mount*> by_id_;
  std::map<int, std::vector<const Mount*>> children_;
  std::map<int, bool> hidden_;
};

// For what is found only: there are files by the hundred thousand.
std::string object_of(const Task& task, const OpenFile& file) {
  return fmt::format("{} of {}: {}", file.label, task.name(), file.link);
}

class FileCheck {
 public:
  FileCheck(const Question& question, Findings& found)
      : question_(question), found_(found), mounts_(question) {}
  void run() {
    for (const auto& task : question_.tree.tasks)
      for (const auto& file : task.files) check(task, file);
  }

 private:
  void check(const Task& task, const OpenFile& file);
  void check_place(const Task& task, const OpenFile& file);
  void check_name(const Task& task, const OpenFile& file);
  int most_ids() const;
  void check_deleted(const Task& task, const OpenFile& file);
  void check_anonymous(const Task& task, const OpenFile& file);
  // memfds, and anonymous shared memory by its map_files.
  bool is_memory(const FileStat& stat) const {
    const auto device = question_.tree.shared_memory_device;
    const bool seen = device != std::pair(0U, 0U);
    return seen && is_kind(stat, S_IFREG) && std::pair(stat.major, stat.minor) == device;
  }
  void refuse_kind(const Task& task, const OpenFile& file, const std::string& kind, const std::string& name,
                   const std::string& fix = {});

  const Question& question_;
  Findings& found_;
  MountIndex mounts_;
};

// Character devices that are no terminals: those of major 1 (null, zero, random, kmsg …), /dev/net/tun,
// autofs.
bool known_device(const FileStat& stat) {
  return stat.rdev_major == 1 ||
         (stat.rdev_major == 10 && (stat.rdev_minor == 200 || stat.rdev_minor == 235));
}

void FileCheck::refuse_kind(const Task& task, const OpenFile& file, const std::string& kind,
                            const std::string& name, const std::string& fix) {
  found_.add({"file-kind"}, object_of(task, file),
             {{"fd", std::to_string(file.fd)},
              {"mode", fmt::format("{:o}", file.stat ? file.stat->mode : 0)},
              {"kind", kind},
              {"name", name},
              {"fix", fix.empty() ? "the program must close it before the dump" : fix}});
}

// CRIU keeps a path and a mount: both must be in the tree's own mounts.
void FileCheck::check_place(const Task& task, const OpenFile& file) {
  if (file.mount() < 0) return;
  const std::string key = fmt::format("file[{:x}:{:x}]", file.mount(), file.stat->inode);
  if (question_.options.external_keys.contains(key)) return;
  const Mount* mount = mounts_.find(file.mount());
  if (!mount) {
    if (question_.options.shell_job && is_terminal(*file.stat)) return;
    if (is_terminal(*file.stat)) return;  // check_terminals() knows the option for it
    const bool inherited = file.fd >= 0;
    found_.add({"file-outside", inherited                 ? ""
                                : file.label == "mapping" ? "mapping"
                                                          : "directory"},
               object_of(task, file),
               {{"mount", std::to_string(file.mount())},
                {"fd", std::to_string(file.fd)},
                {"path", file.link},
                {"key", key},
                {"task", task.name()},
                {"directory", file.label == "cwd" ? "working directory" : "root"}});
    return;
  }
  if (mounts_.hidden(*mount))
    found_.add({"file-overmounted"}, object_of(task, file),
               {{"mount", std::to_string(file.mount())},
                {"fd", std::to_string(file.fd)},
                {"path", file.link},
                {"place", mount->mountpoint}});
  else
    check_name(task, file);
}

// Without the mark that the link in /proc of a deleted file has.
std::string path_of(const OpenFile& file) {
  return file.link.substr(0, file.link.rfind(" (deleted)"));
}

// A file without a name is written into the images, up to a limit.
void FileCheck::check_deleted(const Task& task, const OpenFile& file) {
  const bool by_blocks = question_.criu >= Version{{3, 18, 0}};
  const std::uint64_t size = by_blocks ? file.stat->blocks * 512 : file.stat->size;
  if (is_kind(*file.stat, S_IFDIR) || size <= question_.options.ghost_limit) return;
  const std::string limit = fmt::format("{}M", (size >> 20) + 1);
  found_.add({"deleted-file"}, fmt::format("{}, {} bytes", object_of(task, file), size),
             {{"path", path_of(file)}, {"size", std::to_string(size)}, {"limit", limit}});
}

// CRIU numbers the links as the files, from 1 on: a dump of this tree does not come further.
int FileCheck::most_ids() const {
  std::size_t files = 16;
  for (const auto& task : question_.tree.tasks) files += 4 + 2 * task.files.size();
  return static_cast<int>(files);
}

void FileCheck::check_name(const Task& task, const OpenFile& file) {
  // In procfs and devpts the names of what is gone are made up by the kernel.
  const Mount* mount = mounts_.find(file.mount());
  if (mount && (mount->type == "proc" || mount->type == "devpts")) return;
  if (file.stat->links == 0) return check_deleted(task, file);
  const bool nothing = file.name == NameLeadsTo::nothing;
  // The link would be made in the mount that the directory is on now.
  if (nothing && file.directory_mount >= 0 && file.directory_mount != file.mount())
    found_.add({"file-buried", question_.options.link_remap ? "under --link-remap" : ""},
               object_of(task, file), {{"path", path_of(file)}});
  else if (nothing && !question_.options.link_remap)
    found_.add({"file-renamed"}, object_of(task, file), {{"path", path_of(file)}});
  else if (nothing && file.remap_beside > 0 && file.remap_beside <= most_ids())
    found_.add({"link-remap-leftover"}, object_of(task, file),
               {{"path", path_of(file)},
                {"directory", path_of(file).substr(0, path_of(file).rfind('/'))},
                {"number", std::to_string(file.remap_beside)}});
  // Overlay shows a copied-up file by another inode than the one that was opened below.
  const bool device = is_character_device(*file.stat);
  if (file.name == NameLeadsTo::another_file && !(device && question_.options.evasive_devices))
    found_.add({"file-replaced", device ? "device" : ""}, object_of(task, file));
}

void FileCheck::check_anonymous(const Task& task, const OpenFile& file) {
  constexpr std::array<std::string_view, 6> known{"anon_inode:[eventfd]",  "anon_inode:[eventpoll]",
                                                  "anon_inode:inotify",    "anon_inode:[fanotify]",
                                                  "anon_inode:[signalfd]", "anon_inode:[timerfd]"};
  if (std::ranges::find(known, file.link) != known.end() || file.link == "inotify" ||
      file.link == "anon_inode:[inotify]")
    return;
  const bool is_pidfd = file.link == "anon_inode:[pidfd]" || file.link.starts_with("pidfd:");
  if (is_pidfd && question_.criu >= Version{{4, 1, 0}}) return;
  // Since Linux 6.7 such a descriptor cannot even be handed to criu.
  const bool ring = file.link == "anon_inode:[io_uring]";
  if (ring && question_.tree.kernel >= Version{{6, 7, 0}}) {
    found_.add({"file-kind", "io_uring"}, object_of(task, file));
    return;
  }
  std::string fix;
  if (is_pidfd)
    fix = "CRIU dumps pidfds since 4.1";
  else if (ring)
    fix =
        "turn io_uring off for the program (sysctl kernel.io_uring_disabled=2, or CONFIG_IO_URING=n: libuv "
        "and "
        "nginx then take epoll)";
  else if (file.link.starts_with("anon_inode:bpf-map"))
    fix = "take a criu that was built with libbpf";
  refuse_kind(task, file, "anon", file.link, fix);
}

void FileCheck::check(const Task& task, const OpenFile& file) {
  if (file.unanswered)
    found_.add({"file-of-the-dead"}, object_of(task, file), {{"fd", std::to_string(file.fd)}});
  if (!file.stat || file.socket != 0) return;
  const FileStat& stat = *file.stat;
  constexpr std::uint64_t looked_into = 5;  // bytes, from which on criu looks for a build id
  if (file.info && stat.size >= looked_into &&
      std::ranges::any_of(file.info->locks,
                          [](const procfs::FileLock& lock) { return lock.kind == "LEASE" && lock.write; }))
    found_.add({"lease-broken"}, object_of(task, file));
  if (file.info && !file.info->locks.empty() && !question_.options.file_locks)
    found_.add({"file-lock"}, fmt::format("{} ({})", object_of(task, file), file.info->locks.front().kind));
  if (is_character_device(stat)) {
    const bool tun = stat.rdev_major == 10 && stat.rdev_minor == 200;
    if (tun && !question_.tree.has_own(Namespace::net)) found_.add({"tun-device"}, object_of(task, file));
    if (is_terminal(stat) || known_device(stat))
      check_place(task, file);
    else
      refuse_kind(task, file, "chr", fmt::format("{}:{}", stat.rdev_major, stat.rdev_minor));
  } else if (file.link.starts_with("anon_inode:") || file.link.starts_with("pidfd:")) {
    check_anonymous(task, file);
  } else if (is_kind(stat, S_IFBLK)) {
    refuse_kind(task, file, "unknown", file.link);
  } else if (file.link.starts_with("/secretmem")) {
    refuse_kind(task, file, "reg", file.link);
  } else if (is_huge_memory(question_.tree, file)) {
    if (!question_.tree.huge_page_devices.contains({stat.major, stat.minor}))
      found_.add(
          {"huge-pages"}, object_of(task, file),
          {{"mount", std::to_string(file.mount())}, {"fd", std::to_string(file.fd)}, {"path", file.link}});
  } else if (file.link.starts_with("/memfd:") || file.link.starts_with("pipe:[") || is_memory(stat)) {
    return;  // memory, and check_pipes()
  } else if (file.link.starts_with('/')) {
    check_place(task, file);
  } else if (!file.link.contains(":[")) {  // namespaces: "net:[4026531992]"
    refuse_kind(task, file, "reg", file.link);
  }
}

}  // namespace

bool is_character_device(const FileStat& stat) {
  return is_kind(stat, S_IFCHR);
}

void check_files(const Question& question, Findings& found) {
  FileCheck(question, found).run();
}

}  // namespace cg::tree
