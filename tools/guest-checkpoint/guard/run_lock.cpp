#include "guard/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace cg::checkpoint {
namespace {

Result<UniqueFd> lock(UniqueFd fd, const std::string& what) {
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    return cannot(what + ": another guest-checkpoint is at work on it; try again when it has ended");
  return cannot_errno(what, errno);
}

}  // namespace

Result<UniqueFd> lock_name(const std::string& name, const std::string& what) {
  const std::string place = "/run/guest-checkpoint";
  (void)mkdir(place.c_str(), 0700);
  UniqueFd fd(
      open(fmt::format("{}/{}", place, name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return cannot_errno(fmt::format("{}/{}", place, name), errno);
  return lock(std::move(fd), what);
}

Result<UniqueFd> lock_directory(const std::string& directory, const std::string& what) {
  UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return cannot_errno(directory, errno);
  return lock(std::move(fd), what);
}

}  // namespace cg::checkpoint
