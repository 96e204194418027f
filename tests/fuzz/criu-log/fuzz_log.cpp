// CRIU logs: read in two pieces cut anywhere as well as in one, and diagnosed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "criu/log/diagnosis.h"
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
  const auto look_at = [&](const cg::Recognized& found) {
    cg::fuzz::require(found.line.number >= 1 && found.line.number <= log.lines, "a line outside of the log");
    if (found.cause)
      cg::fill_holes(found.cause->title, found.holes);
    else
      cg::nearest_texts(knowledge, found.line.text);
  };
  using Proof = cg::Diagnosis::Proof;
  const bool answered = diagnosis.proof == Proof::cause || diagnosis.proof == Proof::guess ||
                        diagnosis.proof == Proof::hint || diagnosis.proof == Proof::unknown;
  cg::fuzz::require(answered == diagnosis.answer.has_value(), "a proof without an answer, or the reverse");
  cg::fuzz::require(diagnosis.others.size() <= log.error_count, "more errors than there are");
  if (diagnosis.answer) look_at(*diagnosis.answer);
  for (const auto& found : diagnosis.others) look_at(found);
  return 0;
}
