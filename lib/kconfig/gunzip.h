// gzip in memory, checked to its last byte: /proc/config.gz and the configurations embedded in kernels.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

bool is_gzip(std::string_view bytes);
// Refused: not gzip, truncated, damaged, or more than `limit` bytes when unpacked. `name` is for messages.
Result<std::string> gunzip(std::string_view bytes, const std::string& name, std::size_t limit = 64 << 20);
// Gives each piece to `take` until that returns false; what follows is then not looked at.
Result<void> gunzip_stream(std::string_view bytes, const std::string& name, std::size_t limit,
                           const std::function<bool(std::string_view piece)>& take);

}  // namespace cg
