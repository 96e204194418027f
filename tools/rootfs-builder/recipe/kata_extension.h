// What makes Kata Containers (4.x) take an image as a guest extension: a drop-in of its configuration.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/disk/verity.h"

namespace cg {

// Whether Kata takes the name: letters, digits, '-' and '_', and short enough for a virtio disk's serial
// number of 20 bytes, "extension-NAME".
bool is_extension_name(std::string_view name);

// The drop-in for `image`, which goes into the folder config.d beside the runtime's configuration file.
std::string kata_drop_in(const std::string& name, const std::filesystem::path& image,
                         const std::optional<image::VerityTree>& verity);

}  // namespace cg
