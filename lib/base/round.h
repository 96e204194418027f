// Rounding to a multiple, once.
#pragma once

#include <cstdint>

namespace cg {

// The smallest multiple of `step` that is not below `value`.
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace cg
