#include "report/report.h"

#include <algorithm>

#include "base/result.h"

namespace cg {

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "PASS";
    case Verdict::warn:
      return "WARN";
    case Verdict::fail:
      return "FAIL";
    case Verdict::unknown:
      return "UNKNOWN";
    case Verdict::not_applicable:
      return "N/A";
  }
  return "?";
}

Verdict overall_verdict(const std::vector<Finding>& findings) {
  const auto any = [&](auto condition) {
    return std::ranges::any_of(findings, [&](const Finding& f) { return f.waiver.empty() && condition(f); });
  };
  if (any([](const Finding& f) { return f.verdict == Verdict::fail; })) return Verdict::fail;
  if (any([](const Finding& f) { return f.verdict == Verdict::unknown && f.required; }))
    return Verdict::unknown;
  if (any([](const Finding& f) { return f.verdict == Verdict::warn; })) return Verdict::warn;
  return Verdict::pass;
}

int exit_status(const Report& report, Strictness strictness) {
  int status = exit_good;
  for (const auto& subject : report.subjects) {
    const bool warned = std::ranges::any_of(
        subject.findings, [](const Finding& f) { return f.verdict == Verdict::warn && f.waiver.empty(); });
    if (subject.verdict == Verdict::fail || (strictness == Strictness::strict && warned)) return exit_no;
    if (subject.verdict == Verdict::unknown) status = exit_unable;
  }
  return status;
}

}  // namespace cg
