#include "kconfig/unmet_request.h"

#include <fmt/format.h>

namespace cg::kconfig {
namespace {

// Two members of one choice that are both asked for: neither line is wrong by itself.
void name_other_request(const KernelConfig& requested, Explanation& explanation) {
  for (const Setting& setting : explanation.settings) {
    const ConfigValue* other = setting.value == 'n' ? requested.find(setting.symbol) : nullptr;
    if (!other || other->text != "y") continue;
    explanation.summary +=
        fmt::format("; {}:{} asks for that one: take one of the two lines out", other->file, other->line);
    explanation.settings.clear();
    return;
  }
}

}  // namespace

std::vector<UnmetRequest> find_unmet_requests(const KernelConfig& requested, const KernelConfig& resolved,
                                              const Tree* tree) {
  std::vector<UnmetRequest> list;
  const auto mismatches = unmet_requests(requested, resolved);
  if (mismatches.empty()) return list;
  std::optional<Evaluation> evaluation;
  if (tree) evaluation.emplace(*tree, resolved);
  for (const Mismatch& mismatch : mismatches) {
    UnmetRequest stuck{mismatch, {}};
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
    if (stuck.explanation.kind == ReasonKind::choice) name_other_request(requested, stuck.explanation);
    stuck.explanation.got = mismatch.got;
    list.push_back(std::move(stuck));
  }
  return list;
}

std::string to_text(const UnmetRequest& stuck) {
  const Mismatch& mismatch = stuck.mismatch;
  std::string text =
      fmt::format("CONFIG_{}={} ({}:{}): got {}: {}\n", mismatch.symbol, mismatch.requested.text,
                  mismatch.requested.file, mismatch.requested.line, mismatch.got, stuck.explanation.summary);
  for (const auto& step : stuck.explanation.chain) text += fmt::format("    {}\n", step);
  if (!stuck.explanation.settings.empty()) text += fmt::format("    set: {}\n", stuck.explanation.remedy());
  return text;
}

}  // namespace cg::kconfig
