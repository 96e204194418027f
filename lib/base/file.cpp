#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "base/file_at.h"
#include "base/interrupt.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// Unique within the machine (pid) and the process (counter), on the same file system as `destination`.
fs::path temporary_beside(const fs::path& destination) {
  static std::atomic<unsigned> counter{0};
  return destination.parent_path() /
         fmt::format(".{}.{}.{}.part", destination.filename().string(), getpid(), counter++);
}

}  // namespace

Result<UniqueFd> nameless_file(const std::filesystem::path& directory) {
  UniqueFd fd(open(directory.empty() ? "." : directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) fd.reset(memfd_create("nameless", MFD_CLOEXEC));
  if (!fd) return cannot_errno("a temporary file in " + directory.string(), errno);
  return fd;
}

void sync_directory(const fs::path& directory) {
  UniqueFd fd(open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) (void)fsync(fd.get());
}

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Result<std::string> read_fd(int fd, const std::string& name, std::uint64_t limit) {
  std::string bytes;
  std::size_t space = 1 << 16;
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    if (static_cast<std::uint64_t>(info.st_size) > limit)
      return refused(fmt::format("{}: {} bytes; more than {} are not read", name, info.st_size, limit));
    space = static_cast<std::size_t>(info.st_size) + 1;  // one more: the last read finds the end there
  }
  for (ssize_t got = 1; got != 0;) {
    const std::size_t before = bytes.size();
    if (before == space) space += std::max<std::size_t>(space, 1 << 16);
    bytes.resize_and_overwrite(space, [&](char* data, std::size_t) {
      do got = read(fd, data + before, space - before);
      while (got < 0 && errno == EINTR);
      return before + (got > 0 ? static_cast<std::size_t>(got) : 0);
    });
    if (got < 0) return cannot_errno(name, errno);
    if (bytes.size() > limit) return refused(fmt::format("{}: more than {} bytes are not read", name, limit));
  }
  return bytes;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(path.string(), errno);
  return read_fd(fd.get(), path.string(), limit);
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot_errno("writing " + name, errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error && !fs::is_directory(path))
    return cannot("creating directory " + path.string() + ": " + error.message());
  return {};
}

namespace {

// Whether it is ".NAME.PID.N.part", a temporary of that destination.
bool is_temporary_of(std::string_view name, std::string_view destination) {
  if (!name.starts_with('.') || !name.substr(1).starts_with(destination) || !name.ends_with(".part"))
    return false;
  name.remove_prefix(1 + destination.size());
  return name.size() >= 9 && name.find_first_not_of(".0123456789") == name.size() - 4;
}

// Of processes that were killed. One that is at work holds a lock on its file from its first moments on.
void remove_leftovers(const fs::path& destination) {
  const fs::path parent = destination.parent_path().empty() ? "." : destination.parent_path();
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(parent.c_str()), closedir);
  while (const dirent* const entry = directory ? readdir(directory.get()) : nullptr) {
    if (!is_temporary_of(entry->d_name, destination.filename().native())) continue;
    const int in = dirfd(directory.get());
    const UniqueFd fd(openat(in, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info {};
    constexpr time_t first_moments = 60;  // seconds
    if (fd && fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
        time(nullptr) - info.st_mtim.tv_sec > first_moments && flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      (void)unlinkat(in, entry->d_name, 0);
  }
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const fs::path& destination, unsigned mode) {
  remove_leftovers(destination);
  AtomicFile file;
  file.destination_ = destination;
  file.temporary_ = temporary_beside(destination);
  remove_when_interrupted(file.temporary_);
  file.fd_.reset(open(file.temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.fd_) {
    const int error = errno;
    forget_when_interrupted(file.temporary_);
    file.temporary_.clear();
    return cannot_errno("creating " + destination.string(), error);
  }
  (void)flock(file.fd_.get(), LOCK_EX | LOCK_NB);
  if (fchmod(file.fd_.get(), mode) != 0) return cannot_errno("chmod " + destination.string(), errno);
  return file;
}

AtomicFile::~AtomicFile() {
  if (!fd_ || temporary_.empty()) return;
  unlink(temporary_.c_str());
  forget_when_interrupted(temporary_);
}

Result<void> AtomicFile::commit() {
  if (fsync(fd_.get()) != 0) return cannot_errno("writing " + destination_.string(), errno);
  if (rename(temporary_.c_str(), destination_.c_str()) != 0)
    return cannot_errno(fmt::format("renaming {} to {}", temporary_.string(), destination_.string()), errno);
  forget_when_interrupted(temporary_);
  temporary_.clear();
  fd_.reset();
  sync_directory(destination_.parent_path());
  return {};
}

Result<void> write_file_atomically(const fs::path& path, std::string_view bytes, unsigned mode) {
  CG_TRY(file, AtomicFile::create(path, mode));
  CG_CHECK(file.write(bytes));
  return file.commit();
}

Result<void> copy_file_atomically(const fs::path& from, const fs::path& to, unsigned mode) {
  UniqueFd in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return cannot_errno(from.string(), errno);
  struct stat info {};
  if (fstat(in.get(), &info) != 0) return cannot_errno(from.string(), errno);
  CG_TRY(out, AtomicFile::create(to, mode));
  off_t at = 0;
  std::vector<std::byte> buffer(1 << 20);
  while (at < info.st_size) {
    const off_t data = lseek(in.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole follows
    const off_t begin = data < 0 ? at : data;
    off_t end = lseek(in.get(), begin, SEEK_HOLE);
    if (end < 0) end = info.st_size;
    for (at = begin; at < end;) {
      const auto want =
          static_cast<std::size_t>(std::min<off_t>(end - at, static_cast<off_t>(buffer.size())));
      const auto got = read_at(in.get(), std::span(buffer).first(want), static_cast<std::uint64_t>(at));
      if (!got) return cannot_errno(from.string(), got.error());
      if (*got == 0) return cannot(from.string() + ": shrank while it was copied");
      if (const int error = write_at(out.fd(), std::span(buffer).first(*got), static_cast<std::uint64_t>(at)))
        return cannot_errno("writing " + to.string(), error);
      at += static_cast<off_t>(*got);
    }
  }
  if (ftruncate(out.fd(), info.st_size) != 0) return cannot_errno("writing " + to.string(), errno);
  return out.commit();
}

Result<void> symlink_atomically(const std::string& target, const fs::path& link) {
  const fs::path temporary = temporary_beside(link);
  if (symlink(target.c_str(), temporary.c_str()) != 0)
    return cannot_errno("creating link " + link.string(), errno);
  if (rename(temporary.c_str(), link.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return cannot_errno("creating link " + link.string(), error);
  }
  return {};
}

}  // namespace cg
