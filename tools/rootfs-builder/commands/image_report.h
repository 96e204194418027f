// --report: what an image holds, as JSON.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace cg {

// One entry for each path of `image`: type, size, SHA-256, owner, mode, time, what a link says.
Result<void> write_image_report(const std::string& image, const std::filesystem::path& report);

}  // namespace cg
