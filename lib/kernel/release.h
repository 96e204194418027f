// Which Linux a kernel file is.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

// "6.12.47-x": of a bzImage's header, else of the banner in the kernel itself. Refused: there is none, or the
// file is damaged.
Result<std::string> kernel_release(std::string_view bytes, const std::string& name);

}  // namespace cg
