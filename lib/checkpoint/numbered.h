// The number in the name of an image file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cg::checkpoint {

// "mountpoints-12.img" with the beginning "mountpoints-" is 12.
std::optional<std::uint32_t> number_in(std::string_view file, std::string_view beginning);

}  // namespace cg::checkpoint
