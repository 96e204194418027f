// CRIU logs: read in two pieces cut anywhere as well as in one, and diagnosed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "criu/explain.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cg::Knowledge knowledge = cg::builtin_knowledge().value();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto log = cg::read_criu_log(text);
  cg::LogReader reader;
  const std::size_t cut = text.empty() ? 0 : data[0] % text.size();
  reader.feed(text.substr(0, cut));
  reader.feed(text.substr(cut));
  const auto pieces = reader.finish();
  cg::fuzz::require(pieces.lines == log.lines && pieces.error_count == log.error_count,
                    "a cut changes the log");

  const auto diagnosis = cg::diagnose(knowledge, log);
  cg::fuzz::require(diagnosis.unknown.size() <= log.error_count, "more unknown errors than errors");
  for (const auto& found : diagnosis.causes) {
    cg::fuzz::require(found.line.number >= 1 && found.line.number <= log.lines, "a cause outside of the log");
    cg::fill_holes(found.cause->title, found.holes);
  }
  for (const auto& line : diagnosis.unknown) cg::nearest_texts(knowledge, line.text);
  return 0;
}
