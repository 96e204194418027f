#include "image/tree/image_files.h"

#include <fmt/format.h>

namespace cg::image {

Result<void> ImageFiles::read(std::string_view path, const Sink& sink) const {
  CG_TRY(info, stat(path));
  const DataRange whole[] = {{0, info.size}};
  return read(path, whole, [&](std::uint64_t, std::string_view piece) { return sink(piece); });
}

Result<std::string> ImageFiles::read(std::string_view path, std::uint64_t limit) const {
  CG_TRY(info, stat(path));
  if (info.size > limit)
    return refused(
        fmt::format("{}: {}: {} bytes; more than {} are not read", name(), path, info.size, limit));
  std::string bytes;
  bytes.reserve(info.size);
  CG_CHECK(read(path, [&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return bytes;
}

}  // namespace cg::image
