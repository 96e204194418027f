// A whole compressed file in memory, unpacked piece by piece and never beyond a limit.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

// Gives each piece, of at least 4 KiB but for the last, to `take` until that returns false; what follows is
// then not looked at. Streams of the same compression one behind the other are one, as for gzip and xz; what
// else follows (the size that a kernel's build appends) is not looked at. Refused: not compressed by anything
// known, damaged, cut short, or more than `limit` bytes. `name` is for messages.
Result<void> unpack_stream(std::string_view bytes, const std::string& name, std::uint64_t limit,
                           const std::function<bool(std::string_view piece)>& take);
Result<std::string> unpack_whole(std::string_view bytes, const std::string& name, std::uint64_t limit);

}  // namespace cg
