#include "root.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "modules.h"

namespace cg::guest {
namespace {

// A disk that exists was probed before the first process started; only one that is late is worth waiting for.
constexpr double late_disk_seconds = 3;
constexpr double late_partition_seconds = 0.5;
constexpr char new_root[] = "/.guest-run/root";

// The file system a device holds, by the magic number of its superblock.
std::optional<std::string> file_system_of(const std::string& device) {
  const int fd = open(device.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  unsigned char head[2048]{};
  const ssize_t got = read(fd, head, sizeof head);
  close(fd);
  if (got != sizeof head) return std::nullopt;
  if (std::memcmp(head, "hsqs", 4) == 0) return "squashfs";
  if (std::memcmp(head, "XFSB", 4) == 0) return "xfs";
  if (std::memcmp(head + 1024, "\xe2\xe1\xf5\xe0", 4) == 0) return "erofs";
  if (std::memcmp(head + 1080, "\x53\xef", 2) == 0) return "ext4";
  return std::nullopt;
}

bool is_disk(const std::string& name) {
  for (const char* prefix : {"vd", "pmem", "sd", "nvme", "dm-"})
    if (name.compare(0, std::strlen(prefix), prefix) == 0) return true;
  return false;
}

// The disk itself, or its partitions in order when it has any.
std::vector<std::string> parts_of(const std::string& disk) {
  std::vector<std::string> parts;
  for (const auto& name : list_directory("/sys/block/" + disk))
    if (exists("/sys/block/" + disk + "/" + name + "/partition")) parts.push_back("/dev/" + name);
  if (parts.empty()) parts.push_back("/dev/" + disk);
  return parts;
}

struct Found {
  std::string device;
  std::string type;
};

std::string disks_seen() {
  std::string seen;
  for (const auto& disk : list_directory("/sys/block")) {
    if (!is_disk(disk)) continue;
    for (const auto& part : parts_of(disk)) {
      const auto type = file_system_of(part);
      seen += (seen.empty() ? "" : ", ") + part + " (" + (type ? *type : "no known file system") + ")";
    }
  }
  return seen.empty() ? "no disk at all (the kernel needs CONFIG_VIRTIO_PCI and CONFIG_VIRTIO_BLK)" : seen;
}

// guest-run gives the image as the first disk of its kind.
std::string first_disk() {
  for (const char* name : {"vda", "pmem0", "sda"})
    if (exists(std::string("/sys/block/") + name)) return name;
  return {};
}

std::optional<Found> find_root(const std::string& wanted) {
  if (wanted != "auto") {
    const auto type = file_system_of(wanted);
    return type ? std::optional(Found{wanted, *type}) : std::nullopt;
  }
  const std::string disk = first_disk();
  if (disk.empty()) return std::nullopt;
  for (const auto& part : parts_of(disk))
    if (const auto type = file_system_of(part)) return Found{part, *type};
  return std::nullopt;
}

void remove_tree(int directory, const char* name, dev_t device) {
  const int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return;
  DIR* entries = fdopendir(fd);
  if (!entries) {
    close(fd);
    return;
  }
  while (const dirent* entry = readdir(entries)) {
    const char* child = entry->d_name;
    if (std::strcmp(child, ".") == 0 || std::strcmp(child, "..") == 0) continue;
    struct stat info {};
    if (fstatat(fd, child, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != device) continue;
    if (S_ISDIR(info.st_mode)) remove_tree(fd, child, device);
    unlinkat(fd, child, S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0);
  }
  closedir(entries);
}

std::string switch_root() {
  struct stat info {};
  if (stat("/", &info) != 0) return error_text("/", errno);
  mount("/dev", (std::string(new_root) + "/dev").c_str(), nullptr, MS_MOVE,
        nullptr);  // an image may lack /dev
  umount2("/proc", MNT_DETACH);
  umount2("/sys", MNT_DETACH);
  const int old_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (chdir(new_root) != 0) return error_text(new_root, errno);
  // Frees the memory of the initramfs; the disk is another device and stays.
  remove_tree(old_root, ".", info.st_dev);
  close(old_root);
  if (mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return error_text("moving the root", errno);
  if (chroot(".") != 0 || chdir("/") != 0) return error_text("chroot", errno);
  return {};
}

}  // namespace

std::string enter_disk_root(const Config& config) {
  std::string wanted = value_of(config, "device", "auto");
  if (wanted == "auto") {
    const std::string asked = kernel_argument("root");
    if (asked.compare(0, 5, "/dev/") == 0) wanted = asked;
  }
  const double start = seconds_now();
  auto found = find_root(wanted);
  while (!found) {
    const bool there = wanted == "auto" ? !first_disk().empty() : exists(wanted);
    if (seconds_now() > start + (there ? late_partition_seconds : late_disk_seconds)) break;
    pause_briefly();
    found = find_root(wanted);
  }
  if (!found) {
    const std::string what =
        wanted == "auto" ? "no disk with a root file system" : wanted + " is not a root file system";
    return what + " (ext4, erofs, squashfs, xfs); found: " + disks_seen();
  }

  const std::string failures = load_modules(own_directory + ("/modules-" + found->type));
  const bool read_only = value_of(config, "readonly", "0") == "1";
  if (!make_parents(std::string(new_root) + "/")) return error_text(new_root, errno);
  const auto attempt = [&](unsigned long flags) {
    return mount(found->device.c_str(), new_root, found->type.c_str(), flags, nullptr) == 0;
  };
  if (!attempt(read_only ? MS_RDONLY : 0)) {
    const bool refused = errno == EROFS || errno == EACCES;
    if (read_only || !refused || !attempt(MS_RDONLY)) {
      const int error = errno;
      return error_text("mounting " + found->device + " (" + found->type + ")", error) +
             (error == ENODEV ? "; the kernel has no driver for this file system" : "") +
             (failures.empty() ? "" : "; modules that did not load: " + failures);
    }
  }
  return switch_root();
}

}  // namespace cg::guest
