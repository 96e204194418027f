// The compressed kernel inside of a boot image.
#pragma once

#include <optional>
#include <string_view>

namespace cg {

// Of a bzImage and of a zboot image. None: the file ends before it, or says nothing of it.
std::optional<std::string_view> bzimage_payload(std::string_view bytes);
std::optional<std::string_view> zboot_payload(std::string_view bytes);
// The release in a bzImage's header, "6.12.47-x"; "" where it has none.
std::string_view bzimage_release(std::string_view bytes);

}  // namespace cg
