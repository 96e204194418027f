// TOML that a user gives: a matrix, waivers. Whatever the text is, it ends in rows or in one error that names
// its place.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "criu/matrix.h"
#include "fuzz/require.h"
#include "report/waiver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto places_its_error = [](const auto& result) {
    return result.has_value() || result.error().message.starts_with("input:");
  };
  const auto matrix = cg::parse_matrix(text, "input");
  cg::fuzz::require(places_its_error(matrix), "an error without a place");
  if (matrix) {
    for (const auto& row : matrix->rows) {
      cg::fuzz::require(!row.id.empty() && !row.source.empty() && !row.proof.empty() && row.line > 0,
                        "a row without its fields");
      row.symbols.evaluate([](std::string_view) { return cg::SymbolState::unknown; });
    }
  }
  cg::fuzz::require(places_its_error(cg::parse_waivers(text, "input")), "an error without a place");
  return 0;
}
