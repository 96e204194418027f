// Boot images. The first byte chooses: the bytes as they are, or a good bzImage header before them, so that
// the fuzzer reaches the payload.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "kconfig/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) {
    std::string header(1024, '\0');
    header[0x1f1] = 1;
    header.replace(0x202, 4, "HdrS");
    header.replace(0x206, 2, "\x0f\x02");
    header[0x24d] = '\x7f';  // the payload's length: more than there is
    bytes = header + bytes;
  }
  const auto config = cg::read_config(bytes, "input");
  cg::fuzz::require(config || !config.error().message.empty(), "an error without a message");
  return 0;
}
