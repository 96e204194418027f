#include "base/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// The holder wrote its process id; between its locking and its writing the file tells of the one before, whom
// /proc does not have any more, or nothing.
std::string holder_of(int fd) {
  std::string text(32, '\0');
  const ssize_t got = pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::string pid(trim(text));
  if (pid.empty() || pid.find_first_not_of("0123456789") != std::string::npos) return "another process";
  const auto name = read_file("/proc/" + pid + "/comm", 64);
  return name ? fmt::format("{} (process {})", trim(*name), pid) : "another process";
}

Result<void> take(int fd, int how, const fs::path& path) {
  while (flock(fd, how) != 0)
    if (errno != EINTR) return cannot_errno("locking " + path.string(), errno);
  return {};
}

}  // namespace

Result<FileLock> FileLock::acquire(const fs::path& path, const Waiting& waiting) {
  CG_CHECK(make_directories(path.parent_path()));
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return cannot_errno("lock file " + path.string(), errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (waiting) waiting(fmt::format("waiting: {} holds {}", holder_of(fd.get()), path.string()));
    CG_CHECK(take(fd.get(), LOCK_EX, path));
  }
  // Only for the words above: a full disk is no reason to stop.
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(fd.get(), 0) == 0) (void)!pwrite(fd.get(), pid.data(), pid.size(), 0);
  return FileLock(std::move(fd));
}

}  // namespace cg
