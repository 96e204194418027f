// How large an image shall be.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace cg::image {

struct SizePolicy {
  std::optional<std::uint64_t> fixed;  // bytes; otherwise what the content needs,
  std::uint64_t extra = 0;             // and so many free bytes more
};

// "auto", "auto+64M", "512M", "1G", "1.5G", "268435456"; K, M, G and T are powers of 1024.
Result<SizePolicy> parse_size_policy(std::string_view text);
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace cg::image
