// Kernel configurations: whatever parse_config accepts, it accepts again, unchanged, after being written.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "kconfig/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = cg::parse_config(std::string(reinterpret_cast<const char*>(data), size), "input");
  if (!config) {
    cg::fuzz::require(!config.error().message.empty(), "an error without a message");
    return 0;
  }
  const auto again = cg::parse_config(cg::to_fragment(*config), "written");
  cg::fuzz::require(again.has_value(), "what to_fragment writes is refused");
  cg::fuzz::require(cg::unmet_requests(*config, *again).empty(), "a value changed in writing");
  return 0;
}
