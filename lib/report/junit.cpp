#include <fmt/format.h>

#include <algorithm>

#include "report/formats.h"
#include "report/markup.h"

namespace cg {
namespace {

enum class Outcome { good, failed, skipped };

Outcome outcome_of(const Finding& finding) {
  if (!finding.waiver.empty()) return Outcome::skipped;
  switch (finding.verdict) {
    case Verdict::fail:
      return Outcome::failed;
    case Verdict::unknown:
    case Verdict::not_applicable:
      return Outcome::skipped;
    default:
      return Outcome::good;
  }
}

void write_case(std::string& out, const Finding& finding) {
  out += fmt::format("    <testcase classname=\"kcheck.{}\" name=\"{}\"", escape_markup(finding.severity),
                     escape_markup(finding.id));
  if (!finding.file.empty()) out += fmt::format(" file=\"{}\"", escape_markup(finding.file));
  if (finding.line) out += fmt::format(" line=\"{}\"", finding.line);
  const std::string seen = escape_markup(finding.seen);
  switch (outcome_of(finding)) {
    case Outcome::failed:
      out += fmt::format(
          ">\n      <failure message=\"{}: {}\">breaks: {}\nfix: {}\nsource: {}</failure>\n    </testcase>\n",
          escape_markup(finding.title), seen, escape_markup(finding.breaks), escape_markup(finding.fix),
          escape_markup(finding.source));
      return;
    case Outcome::skipped:
      out += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                         finding.waiver.empty() ? fmt::format("{}: {}", verdict_name(finding.verdict), seen)
                                                : "waived: " + escape_markup(finding.waiver));
      return;
    case Outcome::good:
      if (finding.verdict == Verdict::warn)
        out += fmt::format(">\n      <system-out>WARN {}: {}; fix: {}</system-out>\n    </testcase>\n",
                           escape_markup(finding.title), seen, escape_markup(finding.fix));
      else
        out += "/>\n";
  }
}

}  // namespace

std::string to_junit(const Report& report) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"kcheck\">\n";
  for (const auto& subject : report.subjects) {
    const auto count = [&](Outcome outcome) {
      return std::ranges::count(subject.findings, outcome, outcome_of);
    };
    out += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n",
                       escape_markup(subject.name), subject.findings.size(), count(Outcome::failed),
                       count(Outcome::skipped));
    for (const auto& finding : subject.findings) write_case(out, finding);
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace cg
