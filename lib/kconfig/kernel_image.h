// The configuration inside a kernel that was built with IKCONFIG.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

struct EmbeddedConfig {
  std::string text;
  std::string form;  // "vmlinux", "bzImage", "Image.gz", ...
};

// Whether the bytes look like a kernel, or like something compressed that may hold one.
bool is_kernel_image(std::string_view bytes);
// Refused: no kernel, no configuration inside, damaged. Unpacks as a stream and stops at the configuration.
Result<EmbeddedConfig> extract_config(std::string_view bytes, const std::string& name);

}  // namespace cg
