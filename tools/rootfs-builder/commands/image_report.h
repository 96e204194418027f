// --report: what an image holds, as JSON.
#pragma once

#include <string>

#include "base/result.h"

namespace cg {

// One entry for each path of the image in `file`: type, size, SHA-256, owner, mode, time, what a link says.
Result<std::string> image_report(const std::string& file, const std::string& name);

}  // namespace cg
