// gzip in memory, for /proc/config.gz and configs embedded in kernels.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

bool is_gzip(std::string_view bytes);
// Refused: not gzip, truncated, damaged, or more than `limit` bytes when unpacked. `name` is for messages.
Result<std::string> gunzip(std::string_view bytes, const std::string& name, std::size_t limit = 64 << 20);

}  // namespace cg
