// Every compression: an answer or an error, and never more than the limit.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/require.h"
#include "compress/unpack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t limit = 1 << 20;
  const auto text = cg::unpack_whole({reinterpret_cast<const char*>(data), size}, "input", limit);
  if (text)
    cg::fuzz::require(text->size() <= limit, "more than the limit");
  else
    cg::fuzz::require(!text.error().message.empty(), "an error without a message");
  return 0;
}
