#include "kconfig/stuck.h"

#include <fmt/format.h>

namespace cg::kconfig {

std::vector<Stuck> find_stuck(const KernelConfig& requested, const KernelConfig& resolved, const Tree* tree) {
  std::vector<Stuck> list;
  const auto mismatches = unmet_requests(requested, resolved);
  if (mismatches.empty()) return list;
  std::optional<Evaluation> evaluation;
  if (tree) evaluation.emplace(*tree, resolved);
  for (const Mismatch& mismatch : mismatches) {
    Stuck stuck{mismatch, {}};
    if (evaluation) {
      stuck.explanation = explain_request(*evaluation, mismatch.symbol, std::string(mismatch.requested.text));
    } else {
      stuck.explanation.symbol = mismatch.symbol;
      stuck.explanation.kind = ReasonKind::hidden;
      stuck.explanation.summary =
          resolved.find(mismatch.symbol)
              ? fmt::format("is {}; with --tree LINUX the reason can be told", mismatch.got)
              : "is off or does not exist; with --tree LINUX the reason can be told";
    }
    stuck.explanation.got = mismatch.got;
    list.push_back(std::move(stuck));
  }
  return list;
}

std::string to_text(const Stuck& stuck) {
  const Mismatch& mismatch = stuck.mismatch;
  std::string text =
      fmt::format("CONFIG_{}={} ({}:{}): got {}: {}\n", mismatch.symbol, mismatch.requested.text,
                  mismatch.requested.file, mismatch.requested.line, mismatch.got, stuck.explanation.summary);
  for (const auto& step : stuck.explanation.chain) text += fmt::format("    {}\n", step);
  if (!stuck.explanation.settings.empty()) text += fmt::format("    set: {}\n", stuck.explanation.remedy());
  return text;
}

}  // namespace cg::kconfig
