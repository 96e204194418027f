// Holds an image file for one editor, and finds out whether somebody else uses it.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace cg::image {

enum class Access { read, write };

// Opens `image` (no symbolic link) and waits for another editor to finish. Refused when it is attached to a
// loop device or locked by a virtual machine.
Result<UniqueFd> lock_image(const std::filesystem::path& image, Access access,
                            const std::function<void(std::string_view)>& say = {});

// A clone of `from` in `to` where the file system shares blocks, else a copy that keeps holes.
Result<void> copy_image(int from, int to, const std::string& from_name, const std::string& to_name);

}  // namespace cg::image
