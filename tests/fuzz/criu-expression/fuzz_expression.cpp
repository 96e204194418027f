// What a row of a matrix says in languages of its own: symbol expressions and version ranges.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "criu/expression.h"
#include "criu/versions.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto expression = cg::Expression::parse(text)) {
    const auto all_on = [](std::string_view) { return cg::SymbolState::on; };
    const auto all_off = [](std::string_view) { return cg::SymbolState::off; };
    (void)expression->evaluate(all_on);
    (void)expression->changes(all_off);
    // What was understood is understood again.
    cg::fuzz::require(cg::Expression::parse(expression->text()).has_value(),
                      "an expression is not read twice");
  }
  if (const auto range = cg::VersionRange::parse(text)) {
    (void)range->contains(cg::criu_versions().preferred);
    cg::fuzz::require(cg::VersionRange::parse(range->text()).has_value(), "a range is not read twice");
  }
  return 0;
}
