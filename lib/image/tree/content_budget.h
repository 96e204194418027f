// How many bytes the files of an image may have together when they are taken out of it: blocks that many
// files have, or one file many times, would else make a lot of little.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "image/tree/image_files.h"

namespace cg::image {

class ContentBudget {
 public:
  explicit ContentBudget(const ImageFiles& image);
  // Refused: with these it is more than there may be.
  Result<void> take(std::string_view path, std::span<const DataRange> ranges);

 private:
  const ImageFiles& image_;
  std::uint64_t most_;
  std::uint64_t taken_ = 0;
};

// Refused: files that are holes to the most part, for a file system that has no holes.
Result<void> check_holes(const ImageFiles& image, std::string_view form);

// The same of what was counted already.
Result<void> within_holes(std::uint64_t bytes, std::uint64_t stored, std::string_view name,
                          std::string_view form);

}  // namespace cg::image
