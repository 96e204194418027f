// Requirement matrices: refused with file and line, or whole.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "criu/matrix.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto matrix = cg::parse_matrix({reinterpret_cast<const char*>(data), size}, "m");
  if (!matrix) {
    cg::fuzz::require(matrix.error().message.starts_with("m"), "an error without a place");
    return 0;
  }
  for (const auto& row : matrix->rows) {
    cg::fuzz::require(!row.id.empty() && !row.source.empty() && !row.proof.empty(),
                      "a row without its fields");
    row.symbols.evaluate([](std::string_view) { return cg::SymbolState::unknown; });
  }
  return 0;
}
