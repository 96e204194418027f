// The configuration inside a kernel that was built with IKCONFIG.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cg {

struct EmbeddedConfig {
  std::string text;
  std::string form;  // as of SearchedKernel
};

// Refused: no kernel, or damaged. Cannot: there is no configuration inside.
Result<EmbeddedConfig> extract_config(std::string_view bytes, const std::string& name);

}  // namespace cg
