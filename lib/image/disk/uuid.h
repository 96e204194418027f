// File-system identifiers that depend on the input alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::image {

using Uuid = std::array<std::uint8_t, 16>;

Result<Uuid> parse_uuid(std::string_view text);
std::string to_string(const Uuid& uuid);
// The first 16 bytes of the text's SHA-256, marked as a UUID of version 8 (made by the application's own
// rule).
Uuid derive_uuid(std::string_view text);

}  // namespace cg::image
