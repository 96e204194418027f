// The files below a directory of the host, which links do not lead out of.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <span>

#include "base/file.h"
#include "base/file_at.h"
#include "restore/build_id.h"
#include "restore/place.h"

namespace cg::restore {
namespace {

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
    const UniqueFd fd = open_below(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
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

 private:
  UniqueFd open_below(const std::string& path, int flags) const {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT;
    return UniqueFd(static_cast<int>(syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
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

bool is_pid_taken(int pid) {
  // Also as the number of a group or a session: the kernel keeps it as long as anyone is in there.
  for (const int number : {pid, -pid})
    if (kill(number, 0) == 0 || errno == EPERM) return true;
  struct stat info {};
  return stat(("/proc/" + std::to_string(pid)).c_str(), &info) == 0;  // a thread's
}

}  // namespace cg::restore
