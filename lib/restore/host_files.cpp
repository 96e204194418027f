// The files below a directory of the host, which links do not lead out of.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/file.h"
#include "base/file_at.h"
#include "procfs/locks.h"
#include "restore/build_id.h"
#include "restore/place.h"

namespace cg::restore {
namespace {

// Who asks flock(2) itself has the lock for a moment, in which another misses it.
bool is_flocked(int fd, bool write) {
  struct stat info {};
  const auto text = read_file("/proc/locks");
  if (!text || fstat(fd, &info) != 0) return false;
  const auto locks = procfs::parse_locks(*text);
  if (!locks) return false;
  const procfs::LockedInode inode{major(info.st_dev), minor(info.st_dev), info.st_ino};
  return std::ranges::any_of(*locks, [&](const procfs::Lock& one) {
    return one.kind == "FLOCK" && one.inode == inode && (one.write || write);
  });
}

class HostFiles final : public Files {
 public:
  HostFiles(UniqueFd root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

  Result<std::optional<Seen>> look(const std::string& path) const override {
    const UniqueFd fd = open_below(path, O_PATH);
    if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    struct stat info {};
    if (!fd || fstat(fd.get(), &info) != 0) return cannot_errno(name_ + path, errno);
    return Seen{info.st_mode, static_cast<std::uint64_t>(info.st_size)};
  }
  Result<std::string> build_id(const std::string& path) const override {
    const UniqueFd fd = open_regular(path);
    if (!fd) return cannot_errno(name_ + path, errno);
    return restore::build_id([&](std::uint64_t offset, std::size_t most) {
      std::string bytes(most, '\0');
      bytes.resize(read_at(fd.get(), std::as_writable_bytes(std::span(bytes)), offset).value_or(0));
      return bytes;
    });
  }
  bool is_read_only(const std::string& path) const override {
    const UniqueFd fd = open_below(path, O_PATH);
    struct statvfs info {};
    return fd && fstatvfs(fd.get(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
  }
  std::optional<Room> room(const std::string& directory) const override {
    const UniqueFd fd = open_below(directory, O_PATH);
    struct statvfs info {};
    struct stat seen {};
    if (!fd || fstatvfs(fd.get(), &info) != 0 || fstat(fd.get(), &seen) != 0) return std::nullopt;
    return Room{seen.st_dev, static_cast<std::uint64_t>(info.f_bfree) * info.f_frsize};
  }
  bool is_locked(const std::string& path, const checkpoint::FileLock& lock) const override {
    const UniqueFd fd = open_regular(path);
    if (!fd) return false;
    if (lock.kind == checkpoint::FileLock::Kind::flock) return is_flocked(fd.get(), lock.write);
    struct flock asked {};
    asked.l_type = static_cast<short>(lock.write ? F_WRLCK : F_RDLCK);
    asked.l_start = lock.start;
    asked.l_len = lock.bytes;
    return fcntl(fd.get(), F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
  }

 private:
  UniqueFd open_below(const std::string& path, int flags) const {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT;
    return UniqueFd(static_cast<int>(syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
  }
  // The images choose the path, and opening some devices is a deed: /dev/watchdog restarts the machine.
  UniqueFd open_regular(const std::string& path) const {
    const UniqueFd place = open_below(path, O_PATH);
    struct stat info {};
    if (!place || fstat(place.get(), &info) != 0) return {};
    if (!S_ISREG(info.st_mode)) {
      errno = EINVAL;
      return {};
    }
    const std::string again = "/proc/self/fd/" + std::to_string(place.get());
    return UniqueFd(open(again.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }

  UniqueFd root_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Files>> files_of_directory(const std::string& root) {
  UniqueFd fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return cannot_errno(root, errno);
  return std::make_unique<HostFiles>(std::move(fd), root == "/" ? "" : root);
}

}  // namespace cg::restore
