// ELF files, whatever stands behind their mark: a configuration or an error.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "kconfig/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  bytes.replace(0, std::min<std::size_t>(size, 4),
                "\x7f"
                "ELF");
  const auto config = cg::read_config(bytes, "input");
  cg::fuzz::require(config || !config.error().message.empty(), "an error without a message");
  return 0;
}
