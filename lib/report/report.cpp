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

void OverallVerdict::add(Verdict verdict, Weight weight) {
  const bool fails = verdict == Verdict::fail;
  const bool open = verdict == Verdict::unknown && weight == Weight::required;
  const bool warns = verdict == Verdict::warn;
  if (fails || (open && verdict_ != Verdict::fail) || (warns && verdict_ == Verdict::pass))
    verdict_ = verdict;
}

Verdict overall_verdict(const std::vector<Finding>& findings) {
  using Weight = OverallVerdict::Weight;
  OverallVerdict overall;
  for (const Finding& finding : findings)
    if (finding.waiver.empty())
      overall.add(finding.verdict, finding.required ? Weight::required : Weight::optional);
  return overall.get();
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
