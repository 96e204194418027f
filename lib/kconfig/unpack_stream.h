// Data compressed by anything a kernel build offers, unpacked as a stream by libarchive's filters.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

// "gzip", "xz", "zstd", "lz4", "lzma", "bzip2", "lzop", or "" when the bytes do not begin with one of their
// marks.
std::string_view compression_of(std::string_view bytes);

// Gives each piece to `take` until that returns false. Refused: damaged or truncated before `take` had
// enough, or more than `limit` bytes.
Result<void> unpack_stream(std::string_view bytes, const std::string& name, std::uint64_t limit,
                           const std::function<bool(std::string_view piece)>& take);
// The whole; refused when it is larger than `limit`.
Result<std::string> unpack_whole(std::string_view bytes, const std::string& name, std::uint64_t limit);

}  // namespace cg
