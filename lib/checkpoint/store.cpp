#include "checkpoint/store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/limits.h"

namespace cg::checkpoint {

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return cannot_errno(path.string(), errno);
  if (S_ISDIR(info.st_mode)) return open_directory(path);
  if (S_ISREG(info.st_mode)) return open_archive(path);
  return refused(path.string() + ": neither a directory of CRIU's images nor an archive of them");
}

Result<std::string> Store::read(const std::string& file) const {
  const auto size = sizes_.find(file);
  if (size == sizes_.end()) return refused(path_of(file) + ": it is not there");
  if (size->second > limits::checkpoint_image_bytes)
    return refused(fmt::format("{}: {} bytes; the most that is read of an image is {}", path_of(file),
                               size->second, limits::checkpoint_image_bytes));
  return begin(file, size->second);
}

std::string Store::path_of(std::string_view file) const {
  return fmt::format("{}{}{}", name_, name_.ends_with('/') ? "" : "/", file);
}

bool is_bulk(std::string_view file) {
  return file.starts_with("pages-") || file.contains(".tar") || file.starts_with("tty-data") ||
         file.starts_with("sk-queues") || file.starts_with("pipes-data") || file.starts_with("fifo-data") ||
         file.starts_with("bpfmap-data") || file.ends_with(".log");
}

}  // namespace cg::checkpoint
