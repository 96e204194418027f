#include "procfs/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "procfs/scan.h"

namespace cg::procfs {
namespace {

constexpr std::size_t most_bytes = 64 << 20;

Seen<Directory> opened(int fd, auto make) {
  if (fd < 0) return std::unexpected(errno);
  return make(UniqueFd(fd));
}

}  // namespace

Seen<Directory> Directory::open(const std::filesystem::path& path) {
  return opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                [](UniqueFd fd) { return Directory(std::move(fd)); });
}

Seen<Directory> Directory::open_below(const char* path) const {
  return opened(openat(fd_.get(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                [](UniqueFd fd) { return Directory(std::move(fd)); });
}

Seen<std::string> Directory::read(const char* path) const {
  return read_file(path, Until::end);
}

Seen<std::string> Directory::read_small(const char* path) const {
  return read_file(path, Until::short_read);
}

Seen<std::string> Directory::read_file(const char* path, Until until) const {
  const UniqueFd file(openat(fd_.get(), path, O_RDONLY | O_CLOEXEC));
  if (!file) return std::unexpected(errno);
  std::string text;
  std::array<char, 16384> chunk;
  for (;;) {
    const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    text.append(chunk.data(), static_cast<std::size_t>(got));
    // A line longer than a page would come in a piece of its own.
    if (got == 0 || (until == Until::short_read && got < 4096)) return text;
    if (text.size() > most_bytes) return std::unexpected(EFBIG);
  }
}

Seen<std::string> Directory::link(const char* path) const {
  std::array<char, PATH_MAX> target;
  const ssize_t size = readlinkat(fd_.get(), path, target.data(), target.size());
  if (size < 0) return std::unexpected(errno);
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Seen<std::vector<std::string>> Directory::names() const {
  // getdents64(2) itself: readdir(3) wants a descriptor of its own, which costs five more calls.
  if (lseek(fd_.get(), 0, SEEK_SET) < 0) return std::unexpected(errno);
  alignas(dirent64) std::array<char, 32768> chunk;
  std::vector<std::string> result;
  for (;;) {
    const long got = syscall(SYS_getdents64, fd_.get(), chunk.data(), chunk.size());
    if (got < 0) return std::unexpected(errno);
    if (got == 0) return result;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(chunk.data() + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") result.emplace_back(name);
      at += entry->d_reclen;
    }
  }
}

Seen<std::vector<int>> Directory::numbers() const {
  const auto all = names();
  if (!all) return std::unexpected(all.error());
  std::vector<int> result;
  for (const auto& name : *all)
    if (const auto number = to_number<int>(name)) result.push_back(*number);
  std::ranges::sort(result);
  return result;
}

}  // namespace cg::procfs
