// What lzop packs: an lzop header and blocks of LZO1X, as in kernels with KERNEL_LZO. No library that may be
// linked into an Apache-licensed program unpacks it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

// Hands the unpacked bytes to `take` block by block, until that returns false. Refused: damaged or cut short
// data, more than `limit` bytes.
Result<void> unlzop_stream(std::string_view bytes, const std::string& name, std::uint64_t limit,
                           const std::function<bool(std::string_view piece)>& take);

// One block of LZO1X (Documentation/staging/lzo.rst) that unpacks to exactly `size` bytes. False: damaged.
bool unpack_lzo1x(std::string_view packed, std::size_t size, std::string& unpacked);

}  // namespace cg
