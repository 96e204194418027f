#include "image/sources/unpack_limit.h"

#include <archive.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/limits.h"

namespace cg::image {

UnpackLimit::UnpackLimit(archive* handle, int fd, std::string name, std::optional<std::uint64_t> allowed)
    : handle_(handle), name_(std::move(name)), allowed_(allowed) {
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) file_bytes_ = static_cast<std::uint64_t>(info.st_size);
}

Result<void> UnpackLimit::check() const {
  if (archive_filter_count(handle_) <= 1) return {};  // the last one is the file itself
  const auto unpacked = static_cast<std::uint64_t>(archive_filter_bytes(handle_, 0));
  const std::uint64_t packed =
      file_bytes_ ? file_bytes_ : static_cast<std::uint64_t>(archive_filter_bytes(handle_, -1));
  const std::uint64_t most = allowed_.value_or(std::max(
      limits::archive_bytes, std::min(packed, UINT64_MAX / limits::archive_ratio) * limits::archive_ratio));
  if (unpacked <= most) return {};
  return refused(fmt::format(
      "{}: unpacks to more than {} bytes, {} times its own {}; it may be made to fill the disk. If "
      "it is what it should be, --max-unpacked SIZE allows more",
      name_, most, most / std::max<std::uint64_t>(packed, 1), packed));
}

Result<void> UnpackLimit::skip_data() const {
  if (archive_filter_count(handle_) <= 1) return {};
  const void* bytes = nullptr;
  std::size_t count = 0;
  la_int64_t offset = 0;
  while (archive_read_data_block(handle_, &bytes, &count, &offset) == ARCHIVE_OK) CG_CHECK(check());
  return {};
}

}  // namespace cg::image
