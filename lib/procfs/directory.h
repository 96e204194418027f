// A directory of procfs held open: small files, links and lists relative to it, each with as few system calls
// as it takes. A process that ends meanwhile shows as ENOENT or ESRCH.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cg::procfs {

template <class T>
using Seen = std::expected<T, int>;  // or the errno

inline bool is_gone(int error) {
  return error == 2 /* ENOENT */ || error == 3 /* ESRCH */;
}

class Directory {
 public:
  static Seen<Directory> open(const std::filesystem::path& path);
  Seen<Directory> open_below(const char* path) const;

  // The file's text, as far as it is not longer than 64 MB.
  Seen<std::string> read(const char* path) const;
  // The same for a file that the kernel hands over in one piece (status, stat, fdinfo, cgroup): no second
  // read to learn that there is no more.
  Seen<std::string> read_small(const char* path) const;
  Seen<std::string> link(const char* path) const;
  // The names in the directory that are numbers, ascending.
  Seen<std::vector<int>> numbers() const;
  // All names but "." and "..".
  Seen<std::vector<std::string>> names() const;
  int fd() const { return fd_.get(); }

 private:
  enum class Until { end, short_read };
  Seen<std::string> read_file(const char* path, Until until) const;
  explicit Directory(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace cg::procfs
