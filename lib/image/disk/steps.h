// What sizes and places in Kata's images are multiples of (its image_builder.sh).
#pragma once

#include <cstdint>

namespace cg::image {

inline constexpr std::uint64_t megabyte = 1 << 20;
inline constexpr std::uint64_t kata_step = 128 * megabyte;

}  // namespace cg::image
