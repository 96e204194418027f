#include "image/tree/content_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/limits.h"
#include "image/tree/extract.h"

namespace cg::image {

ContentBudget::ContentBudget(const ImageFiles& image)
    : image_(image), most_(std::max(limits::archive_bytes, limits::archive_ratio * image.info().bytes)) {}

Result<void> ContentBudget::take(std::string_view path, std::span<const DataRange> ranges) {
  for (const DataRange& range : ranges) {
    if (range.bytes > most_ - taken_)
      return refused(
          fmt::format("{}: {}: with it the files have more than {} bytes together, which is more than "
                      "{} times what the image holds",
                      image_.name(), path, most_, limits::archive_ratio));
    taken_ += range.bytes;
  }
  return {};
}

Result<void> check_holes(const ImageFiles& image, std::string_view form) {
  std::uint64_t bytes = 0;
  std::uint64_t stored = 0;
  std::set<std::uint32_t> seen;
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    if (info.meta.type != NodeType::regular) return {};
    if (info.links > 1 && !seen.insert(info.inode).second) return {};
    bytes += std::min(info.size, limits::file_bytes);
    CG_TRY(ranges, image.data(path));
    for (const DataRange& range : ranges) stored += range.bytes;
    return {};
  }));
  return within_holes(bytes, stored, image.name(), form);
}

Result<void> within_holes(std::uint64_t bytes, std::uint64_t stored, std::string_view name,
                          std::string_view form) {
  if (bytes <= std::max(limits::initrd_least_bytes, limits::initrd_ratio * stored)) return {};
  return refused(fmt::format(
      "{}: its files have {} bytes, and all but {} of them are holes; {} would hold them as zeros", name,
      bytes, stored, form));
}

}  // namespace cg::image
