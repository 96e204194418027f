// The unit in which new images are written.
#pragma once

#include <cstdint>

namespace cg::image {

inline constexpr std::uint32_t block_size = 4096;

struct Run {  // neighbouring blocks
  std::uint64_t start = 0;
  std::uint64_t count = 0;
};

}  // namespace cg::image
